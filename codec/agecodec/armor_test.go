package agecodec_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// ageArmor returns the armor as age writes it.
func ageArmor(t testing.TB, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := armor.NewWriter(&b)
	_, err := w.Write(p)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArmorContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New: agecodec.Armor,
		Want: func(t *testing.T, in, out [][]byte) {
			got, err := io.ReadAll(armor.NewReader(bytes.NewReader(bytes.Join(out, nil))))
			if err != nil || !bytes.Equal(got, bytes.Join(in, nil)) {
				t.Errorf("age reads something else: %v", err)
			}
		},
	})
}

func TestDearmorContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New: agecodec.Dearmor,
		Input: func(n int) [][]byte {
			var all [][]byte
			for p := range bytesChunks(ageArmor(t, noise(n*1000)), 1000) {
				all = append(all, p)
			}
			return all
		},
		Want: func(t *testing.T, in, out [][]byte) {
			want, err := io.ReadAll(armor.NewReader(bytes.NewReader(bytes.Join(in, nil))))
			if err != nil || !bytes.Equal(bytes.Join(out, nil), want) {
				t.Errorf("not the same bytes: %v", err)
			}
		},
	})
}

func TestDecryptArmoredContract(t *testing.T) {
	key := newKey(t)
	files := map[int][]byte{}
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:  func() flow { return agecodec.Decrypt(key) },
		Many: 10,
		Input: func(n int) [][]byte {
			if files[n] == nil {
				files[n] = ageArmor(t, ageEncrypt(t, noise(n*chunk), key.Recipient()))
			}
			var all [][]byte
			for p := range bytesChunks(files[n], chunk) {
				all = append(all, p)
			}
			return all
		},
		Want: func(t *testing.T, in, out [][]byte) {
			if want := noise(len(bytes.Join(in, nil)) * 3 / 4 / chunk * chunk); !bytes.Equal(bytes.Join(out, nil),
				want) {
				t.Error("not the same bytes")
			}
		},
	})
}

func TestArmorEdges(t *testing.T) {
	for _, size := range []int{
		0, 1, 2, 3, 46, 47, 48, 49, 95, 96, 97, 768, 1024, chunk - 1, chunk, chunk + 1,
		200_000,
	} {
		data := noise(size)
		for _, cut := range []int{0, 1, 63, 64, 65, 1000} {
			text := must(t)(through(agecodec.Armor(), data, cut))
			if want := ageArmor(t, data); !bytes.Equal(text, want) {
				t.Fatalf("%d bytes cut at %d: not what age writes", size, cut)
			}
			for name, form := range map[string][]byte{
				"LF":          text,
				"CRLF":        bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
				"no last LF":  bytes.TrimSuffix(text, []byte("\n")),
				"white space": append(append([]byte("\n  \r\n\t\n"), text...), "\n \n"...),
			} {
				if got, err := through(agecodec.Dearmor(), form, cut); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%d bytes, %s, cut at %d: %d bytes, %v", size, name, cut, len(got), err)
				}
			}
		}
	}
}

const (
	first = "-----BEGIN AGE ENCRYPTED FILE-----\n"
	last  = "-----END AGE ENCRYPTED FILE-----\n"
)

func TestBadArmor(t *testing.T) {
	line := strings.Repeat("A", 64) + "\n"
	space := func(n int) string { return strings.Repeat(" ", n-1) + "\n" }
	for name, c := range map[string]struct {
		text string
		want error // nil: it is read
	}{
		"nothing within":            {first + last, nil},
		"short line":                {first + "AAAA\n" + last, nil},
		"full line":                 {first + line + last, nil},
		"1 KiB before":              {space(1024) + first + last, nil},
		"more than 1 KiB before":    {space(1025) + first + last, agecodec.ErrDamaged},
		"many lines before":         {strings.Repeat("\n", 1025) + first + last, agecodec.ErrDamaged},
		"almost 1 KiB behind":       {first + last + space(1023), nil},
		"1 KiB behind":              {first + last + space(1024), agecodec.ErrDamaged},
		"empty":                     {"", agecodec.ErrTruncated},
		"white space":               {" \n", agecodec.ErrTruncated},
		"half of the first line":    {first[:10], agecodec.ErrTruncated},
		"first line":                {first, agecodec.ErrTruncated},
		"no last line":              {first + line, agecodec.ErrTruncated},
		"half of the last line":     {first + line + last[:20], agecodec.ErrTruncated},
		"other first line":          {"-----BEGIN AGE DECRYPTED FILE-----\n" + last, agecodec.ErrDamaged},
		"other half of first line":  {"-----BEGIN PGP", agecodec.ErrDamaged},
		"space before first line":   {" " + first + last, agecodec.ErrDamaged},
		"space behind first line":   {first[:len(first)-1] + " \n" + last, agecodec.ErrDamaged},
		"a header as in PEM":        {first + "Comment: x\n\n" + line + last, agecodec.ErrDamaged},
		"empty line":                {first + "\n" + line + last, agecodec.ErrDamaged},
		"empty last line":           {first + line + "\n" + last, agecodec.ErrDamaged},
		"long line":                 {first + "AAAA" + line + last, agecodec.ErrDamaged},
		"endless line":              {first + strings.Repeat("A", 1<<20), agecodec.ErrDamaged},
		"short line first":          {first + "AAAA\n" + line + last, agecodec.ErrDamaged},
		"two short lines":           {first + "AAAA\nAAAA\n" + last, agecodec.ErrDamaged},
		"space in a line":           {first + "AAA A\n" + last, agecodec.ErrDamaged},
		"CR in a line":              {first + "AA\rAA\n" + last, agecodec.ErrDamaged},
		"two CR":                    {first + "AAAA\r\r\n" + last, agecodec.ErrDamaged},
		"no padding":                {first + "AA\n" + last, agecodec.ErrDamaged},
		"half of the padding":       {first + "AA=\n" + last, agecodec.ErrDamaged},
		"padding and bits":          {first + "AB==\n" + last, agecodec.ErrDamaged},
		"alphabet for URLs":         {first + "AA_-\n" + last, agecodec.ErrDamaged},
		"other last line":           {first + line + "-----END AGE ENCRYPTED FILE----\n", agecodec.ErrDamaged},
		"text behind":               {first + line + last + "x", agecodec.ErrDamaged},
		"text far behind":           {first + line + last + "\n\n\nx", agecodec.ErrDamaged},
		"two files":                 {first + line + last + first + line + last, agecodec.ErrDamaged},
		"binary":                    {"age-encryption.org/v1\n", agecodec.ErrDamaged},
		"last line at the front":    {last, agecodec.ErrDamaged},
		"last line with text on it": {first + "AAAA\n" + last[:len(last)-1] + "x\n", agecodec.ErrDamaged},
	} {
		for _, cut := range []int{0, 1, 7} {
			_, err := through(agecodec.Dearmor(), []byte(c.text), cut)
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s, cut at %d: %v, want %v", name, cut, err, c.want)
			}
			if c.want == agecodec.ErrTruncated && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s, cut at %d: %v is no io.ErrUnexpectedEOF", name, cut, err)
			}
		}
		_, err := io.ReadAll(armor.NewReader(strings.NewReader(c.text)))
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s: age says %v", name, err)
		}
	}
}

// TestBadArmorIsNotShown: input that is not an age file may be a secret, so errors do not contain
// it.
func TestBadArmorIsNotShown(t *testing.T) {
	const canary = "xyzzycanary"
	for _, text := range []string{
		canary, first + canary + "!\n" + last, first + last + canary, "\n" + canary + "\n",
		"age" + canary,
	} {
		for _, f := range []flow{agecodec.Dearmor(), agecodec.Decrypt(newKey(t))} {
			if _, err := through(f, []byte(text), 0); err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

// TestArmoredFiles reads armored files with the stages for binary files.
func TestArmoredFiles(t *testing.T) {
	key, other := newKey(t), newKey(t)
	for _, size := range edges {
		data := noise(size)
		text := must(t)(through(stream.Then(agecodec.Encrypt(key.Recipient()), agecodec.Armor()), data, 0))
		r, err := age.Decrypt(armor.NewReader(bytes.NewReader(text)), key)
		if err != nil {
			t.Fatal(err)
		}
		if got := must(t)(io.ReadAll(r)); !bytes.Equal(got, data) {
			t.Errorf("%d bytes: age reads something else", size)
		}
		for _, cut := range []int{0, 1, 1000, chunk} {
			if cut == 1 && size > chunk+1 {
				continue
			}
			if got := must(t)(through(agecodec.Decrypt(key), text, cut)); !bytes.Equal(got, data) {
				t.Errorf("%d bytes cut at %d: we read something else", size, cut)
			}
			again := must(t)(through(agecodec.Rewrap([]age.Identity{key}, other.Recipient()), text, cut))
			if got := must(t)(through(agecodec.Decrypt(other), again, cut)); !bytes.Equal(got, data) {
				t.Errorf("%d bytes cut at %d: rewrapped, something else", size, cut)
			}
		}
	}
	text := ageArmor(t, ageEncrypt(t, noise(1000), key.Recipient()))
	for n := range len(text) - 1 { // the last LF may be missing
		for _, cut := range []int{0, 1} {
			_, err := through(agecodec.Decrypt(key), text[:n], cut)
			if !errors.Is(err, agecodec.ErrTruncated) && !errors.Is(err, agecodec.ErrDamaged) {
				t.Errorf("cut at %d of %d: %v", n, len(text), err)
			}
		}
	}
	for i := range text {
		bad := bytes.Clone(text)
		bad[i] ^= 4
		if got, err := through(agecodec.Decrypt(key), bad, 0); err == nil || len(got) > 0 {
			t.Errorf("flipped at %d of %d: %d bytes, %v", i, len(text), len(got), err)
		}
	}
}

func FuzzDearmor(f *testing.F) {
	f.Add(ageArmor(f, noise(100)), 3)
	f.Add([]byte(first+"AAAA\r\n"+last+"\n"), 0)
	f.Add([]byte(first+"AAAA\n"), 3)
	f.Add([]byte(" \n"+first+strings.Repeat("A", 64)+"\n"+last), 1)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		got, err := through(agecodec.Dearmor(), text, max(cut, 0))
		want, werr := io.ReadAll(armor.NewReader(bytes.NewReader(text)))
		for _, c := range text {
			if c >= 0x80 {
				return // age also accepts white space outside ASCII
			}
		}
		if (err == nil) != (werr == nil) {
			t.Fatalf("we say %v, age %v", err, werr)
		}
		// If there is an error, one output may have a line more than the other: Dearmor emits a
		// short line before it has read the last line.
		if err == nil && !bytes.Equal(got, want) || !bytes.HasPrefix(want, got) && !bytes.HasPrefix(got, want) {
			t.Fatal("other bytes")
		}
	})
}

func ExampleArmor() {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Println(err)
		return
	}
	text := stream.Via2(source.Of([]byte("through the mill")), agecodec.Encrypt(key.Recipient()), agecodec.Armor())
	file, err := stream.Run(ctx, text, sink.Slice[[]byte]())
	fmt.Println(strings.SplitN(string(bytes.Join(file, nil)), "\n", 2)[0], err)

	plain, err := stream.Run(ctx, stream.Via(source.Slice(file), agecodec.Decrypt(key)), sink.Slice[[]byte]())
	fmt.Printf("%s %v\n", bytes.Join(plain, nil), err)
	// Output:
	// -----BEGIN AGE ENCRYPTED FILE----- <nil>
	// through the mill <nil>
}

func ExampleDearmor() {
	text := `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==
-----END AGE ENCRYPTED FILE-----
`
	got, err := stream.Run(ctx, stream.Via(source.Of([]byte(text)), agecodec.Dearmor()), sink.Slice[[]byte]())
	fmt.Printf("%q %v\n", got, err)
	// Output: ["age-encryption.org/v1\n"] <nil>
}
