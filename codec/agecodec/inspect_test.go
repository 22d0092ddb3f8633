package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestInspectContract(t *testing.T) {
	key := newKey(t)
	files := map[int][]byte{}
	streamtest.TestSink(t, streamtest.Sink[[]byte, agecodec.Info]{
		New:   agecodec.Inspect,
		Early: true,
		Many:  10,
		Input: func(n int) [][]byte {
			if files[n] == nil {
				files[n] = ageEncrypt(t, noise(n*100), key.Recipient())
			}
			if n == 0 {
				return [][]byte{files[n]}
			}
			size := (len(files[n]) + n - 1) / n
			var all [][]byte
			for p := range bytesChunks(files[n], size) {
				all = append(all, p)
			}
			return all
		},
	})
}

func TestInspect(t *testing.T) {
	key, pq := newKey(t), newHybridKey(t)
	ssh := sshKeys(t)
	var keys []age.Recipient
	for _, name := range []string{"ed25519", "rsa"} {
		to, err := agecodec.ParseRecipients(ssh[name].public)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, to...)
	}
	pass := agecodec.PassphraseRecipient("pw", &agecodec.PassphraseOptions{WorkFactor: 7})
	for name, c := range map[string]struct {
		to              []age.Recipient
		want            agecodec.Info // without HeaderSize
		passphrase, pqc bool
	}{
		"x25519": {[]age.Recipient{key.Recipient()}, agecodec.Info{Stanzas: []string{"X25519"}}, false, false},
		"mixed": {
			append(keys, key.Recipient()),
			agecodec.Info{Stanzas: []string{"ssh-ed25519", "ssh-rsa", "X25519"}},
			false, false,
		},
		"post-quantum": {
			[]age.Recipient{pq.Recipient(), pq.Recipient()},
			agecodec.Info{Stanzas: []string{"mlkem768x25519", "mlkem768x25519"}},
			false, true,
		},
		"passphrase": {[]age.Recipient{pass}, agecodec.Info{Stanzas: []string{"scrypt"}, WorkFactor: 7}, true, true},
		"of your own": {
			[]age.Recipient{stanzas{{Type: "a", Args: []string{"b", "c"}, Body: noise(100)}, {Type: "d"}}},
			agecodec.Info{Stanzas: []string{"a", "d"}},
			false, false,
		},
	} {
		data := noise(1000)
		file := ageEncrypt(t, data, c.to...)
		c.want.HeaderSize = int64(len(file) - len(data) - 16 - 16)
		for _, armored := range []bool{false, true} {
			text := file
			if c.want.Armored = armored; armored {
				text = ageArmor(t, file)
			}
			for _, cut := range []int{0, 1, 50} {
				got, err := stream.Run(ctx, pieces(text, cut), agecodec.Inspect())
				if err != nil || !reflect.DeepEqual(got, c.want) {
					t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
				}
				if got.Passphrase() != c.passphrase || got.PostQuantum() != c.pqc {
					t.Errorf("%s: passphrase %v, post-quantum %v", name, got.Passphrase(), got.PostQuantum())
				}
			}
		}
		// Inspect needs only the header, and reads no further.
		if _, err := stream.Run(ctx, pieces(file[:c.want.HeaderSize], 1), agecodec.Inspect()); err != nil {
			t.Errorf("%s: header alone: %v", name, err)
		}
		for n := range int(c.want.HeaderSize) {
			if _, err := stream.Run(ctx, pieces(file[:n], 0), agecodec.Inspect()); !errors.Is(err,
				agecodec.ErrTruncated) {
				t.Errorf("%s: cut at %d: %v", name, n, err)
			}
		}
	}
}

// TestInspectKeepsCleanUp: an error from the clean-up of the stopped upstream is not lost.
func TestInspectKeepsCleanUp(t *testing.T) {
	boom := errors.New("boom")
	file := ageEncrypt(t, noise(1000), newKey(t).Recipient())
	src := stream.SourceFunc[[]byte](func(c context.Context, emit func([]byte) error) error {
		return errors.Join(pieces(file, 0).Each(c, emit), boom)
	})
	if _, err := stream.Run(ctx, stream.Source[[]byte](src), agecodec.Inspect()); !errors.Is(err, boom) {
		t.Error(err)
	}
}

const mac = "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"

func TestMalformedHeaders(t *testing.T) {
	const intro = "age-encryption.org/v1\n"
	line := strings.Repeat("A", 64) + "\n"
	for name, c := range map[string]struct {
		text string
		want error // nil: it is a header
	}{
		"one stanza":              {intro + "-> a\n\n" + mac, nil},
		"two full lines":          {intro + "-> a b c\n" + line + line + "\n" + mac, nil},
		"1,024 stanzas":           {intro + strings.Repeat("-> a\n\n", 1024) + mac, nil},
		"1,025 stanzas":           {intro + strings.Repeat("-> a\n\n", 1025) + mac, agecodec.ErrDamaged},
		"no stanza":               {intro + mac, agecodec.ErrDamaged},
		"no body":                 {intro + "-> a\n" + mac, agecodec.ErrDamaged},
		"full line without end":   {intro + "-> a\n" + line + mac, agecodec.ErrDamaged},
		"no type":                 {intro + "->\n\n" + mac, agecodec.ErrDamaged},
		"two spaces":              {intro + "->  a\n\n" + mac, agecodec.ErrDamaged},
		"CRLF":                    {intro + "-> a\r\n\r\n" + mac, agecodec.ErrDamaged},
		"padding":                 {intro + "-> a\nAA==\n" + mac, agecodec.ErrDamaged},
		"bits behind":             {intro + "-> a\nAB\n" + mac, agecodec.ErrDamaged},
		"short MAC":               {intro + "-> a\n\n" + mac[:30] + "\n", agecodec.ErrDamaged},
		"long MAC":                {intro + "-> a\n\n" + mac[:len(mac)-1] + "A\n", agecodec.ErrDamaged},
		"endless MAC":             {intro + "-> a\n\n--- " + strings.Repeat("A", 1<<20), agecodec.ErrDamaged},
		"MAC with an argument":    {intro + "-> a\n\n" + mac[:len(mac)-1] + " a\n", agecodec.ErrDamaged},
		"no space before the MAC": {intro + "-> a\n\n---" + mac[4:], agecodec.ErrDamaged},
		"endless stanza":          {intro + "-> a " + strings.Repeat("b", 3<<20), agecodec.ErrDamaged},
		"endless body":            {intro + "-> a\n" + strings.Repeat(line, 40_000), agecodec.ErrDamaged},
		"other version":           {"age-encryption.org/v2\n-> a\n\n" + mac, agecodec.ErrDamaged},
		"cut in the intro":        {intro[:5], agecodec.ErrTruncated},
		"cut behind the intro":    {intro, agecodec.ErrTruncated},
		"empty":                   {"", agecodec.ErrTruncated},
		"a secret key":            {"AGE-SECRET-KEY-1GFPYYSJZ\n", agecodec.ErrDamaged},
	} {
		for _, cut := range []int{0, 1, 1000} {
			if cut == 1 && len(c.text) > 100_000 {
				continue
			}
			_, err := stream.Run(ctx, pieces([]byte(c.text), cut), agecodec.Inspect())
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s, cut at %d: %v, want %v", name, cut, err, c.want)
			}
			if err != nil && (len(err.Error()) > 500 || strings.Contains(err.Error(), "GFPYYSJZ")) {
				t.Errorf("%s: the error says too much: %.1000s", name, err)
			}
			want := c.want
			if want == nil {
				want = agecodec.ErrNoMatch
			}
			if _, err := through(agecodec.Decrypt(newKey(t)), []byte(c.text), cut); !errors.Is(err, want) ||
				len(err.Error()) > 500 {
				t.Errorf("%s, cut at %d: Decrypt: %.1000v, want %v", name, cut, err, want)
			}
		}
	}
}

func TestPlainSize(t *testing.T) {
	key := newKey(t)
	info := agecodec.Info{}
	for _, size := range edges {
		file := ageEncrypt(t, noise(size), key.Recipient())
		var err error
		if info, err = stream.Run(ctx, pieces(file, 0), agecodec.Inspect()); err != nil {
			t.Fatal(err)
		}
		if got, err := info.PlainSize(int64(len(file))); err != nil || got != int64(size) {
			t.Errorf("%d bytes: %d, %v", size, got, err)
		}
	}
	head := info.HeaderSize + 16
	const sealed = chunk + 16
	for size, want := range map[int64]error{
		math.MinInt64: agecodec.ErrTruncated, -1: agecodec.ErrTruncated, 0: agecodec.ErrTruncated,
		head: agecodec.ErrTruncated, head + 15: agecodec.ErrTruncated, head + 16: nil,
		head + sealed: nil, head + sealed + 1: agecodec.ErrTruncated, head + sealed + 15: agecodec.ErrTruncated,
		head + sealed + 16: agecodec.ErrDamaged, head + sealed + 17: nil, head + 2*sealed + 16: agecodec.ErrDamaged,
	} {
		if got, err := info.PlainSize(size); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("size %d: %d, %v, want %v", size, got, err, want)
		}
	}
	const most = math.MaxInt64/sealed*sealed - 2*sealed // a whole number of chunks
	if got, err := info.PlainSize(head + most + 100); err != nil || got != most/sealed*chunk+84 {
		t.Errorf("the largest sizes: %d, %v", got, err)
	}
}

func FuzzInspect(f *testing.F) {
	key := newKey(f)
	f.Add(ageEncrypt(f, []byte("hello"), key.Recipient()), 3)
	f.Add([]byte("age-encryption.org/v1\n-> a b\nAAAA\n-> c\n\n"+mac), 1)
	f.Fuzz(func(t *testing.T, file []byte, cut int) {
		if len(file) == 0 || file[0] != 'a' {
			return // armored
		}
		info, err := stream.Run(ctx, pieces(file, max(cut, 0)), agecodec.Inspect())
		want, werr := age.ExtractHeader(bytes.NewReader(file))
		if (err == nil) != (werr == nil) {
			t.Fatalf("we say %v, age %v", err, werr)
		}
		if err == nil && (!bytes.Equal(file[:info.HeaderSize], want) || len(info.Stanzas) == 0) {
			t.Fatalf("another header: %+v", info)
		}
		if err != nil && !errors.Is(err, agecodec.ErrDamaged) && !errors.Is(err, agecodec.ErrTruncated) {
			t.Fatalf("an error of no kind: %v", err)
		}
	})
}

func ExampleInspect() {
	key, _ := age.GenerateX25519Identity()
	other, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Println(err)
		return
	}
	file := stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(key.Recipient(), other.Recipient()))
	info, err := stream.Run(ctx, file, agecodec.Inspect())
	fmt.Println(info.Stanzas, len(info.Stanzas), info.HeaderSize, err)
	size, err := info.PlainSize(info.HeaderSize + 16 + 16 + 16)
	fmt.Println(size, err)
	// Output:
	// [X25519 X25519] 2 266 <nil>
	// 16 <nil>
}
