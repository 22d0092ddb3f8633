package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

const chunk = 64 << 10

// edges are the sizes around one, two and several chunks.
var edges = []int{0, 1, 2, chunk - 1, chunk, chunk + 1, 2*chunk - 1, 2 * chunk, 2*chunk + 1, 5*chunk + 3}

func TestEncryptContract(t *testing.T) {
	key := newKey(t)
	open := func(t *testing.T, out [][]byte) []byte {
		r, err := age.Decrypt(bytes.NewReader(bytes.Join(out, nil)), key)
		if err != nil {
			return nil
		}
		p, _ := io.ReadAll(r)
		return p
	}
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:  func() flow { return agecodec.Encrypt(key.Recipient()) },
		In:   func(i int) []byte { return noise(chunk + i) },
		Many: 10,
		View: func(out [][]byte) any { return open(t, out) },
		Want: func(t *testing.T, in, out [][]byte) {
			if !bytes.Equal(open(t, out), bytes.Join(in, nil)) {
				t.Error("not the same bytes")
			}
		},
	})
}

func TestDecryptContract(t *testing.T) {
	key := newKey(t)
	files := map[int][]byte{}
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:  func() flow { return agecodec.Decrypt(key) },
		Many: 10,
		Input: func(n int) [][]byte {
			if files[n] == nil {
				files[n] = ageEncrypt(t, noise(n*chunk), key.Recipient())
			}
			var all [][]byte
			for p := range bytesChunks(files[n], chunk+16) {
				all = append(all, p)
			}
			return all
		},
		Want: func(t *testing.T, in, out [][]byte) {
			if want := noise(len(bytes.Join(in, nil)) / (chunk + 16) * chunk); !bytes.Equal(bytes.Join(out, nil),
				want) {
				t.Error("not the same bytes")
			}
		},
	})
}

func bytesChunks(p []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(p) > 0 {
			n := min(size, len(p))
			if !yield(bytes.Clone(p[:n])) {
				return
			}
			p = p[n:]
		}
	}
}

func ageEncrypt(t testing.TB, p []byte, to ...age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err == nil {
		_, err = w.Write(p)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEdges(t *testing.T) {
	key := newKey(t)
	for _, size := range edges {
		data := noise(size)
		for _, cut := range []int{0, 1, 1000, chunk, chunk + 16, chunk + 17, 100_000} {
			if cut == 1 && size > chunk+1 {
				continue
			}
			file := must(t)(through(agecodec.Encrypt(key.Recipient()), data, cut))
			r, err := age.Decrypt(bytes.NewReader(file), key)
			if err != nil {
				t.Fatalf("%d bytes cut at %d: age: %v", size, cut, err)
			}
			if got := must(t)(io.ReadAll(r)); !bytes.Equal(got, data) {
				t.Fatalf("%d bytes cut at %d: age reads something else", size, cut)
			}
			if got := must(t)(through(agecodec.Decrypt(key), file, cut)); !bytes.Equal(got, data) {
				t.Fatalf("%d bytes cut at %d: we read something else", size, cut)
			}
			if got := must(t)(through(agecodec.Decrypt(key), ageEncrypt(t, data, key.Recipient()),
				cut)); !bytes.Equal(got, data) {
				t.Fatalf("%d bytes cut at %d: we read something else than age wrote", size, cut)
			}
		}
	}
}

func TestRecipients(t *testing.T) {
	a, b, stranger := newKey(t), newKey(t), newKey(t)
	pq := newHybridKey(t)
	pass := agecodec.PassphraseRecipient("correct horse", &agecodec.PassphraseOptions{WorkFactor: 10})
	word := agecodec.PassphraseIdentity("correct horse", nil)
	for _, c := range []struct {
		name string
		to   []age.Recipient
		with []age.Identity
		want error // nil: it opens
	}{
		{"one", []age.Recipient{a.Recipient()}, []age.Identity{a}, nil},
		{"the second of two", []age.Recipient{a.Recipient(), b.Recipient()}, []age.Identity{b}, nil},
		{"the last of three identities", []age.Recipient{a.Recipient()}, []age.Identity{stranger, word, a}, nil},
		{"post-quantum", []age.Recipient{pq.Recipient()}, []age.Identity{a, pq}, nil},
		{"passphrase", []age.Recipient{pass}, []age.Identity{a, word}, nil},
		{"stranger", []age.Recipient{a.Recipient(), b.Recipient()}, []age.Identity{stranger}, agecodec.ErrNoMatch},
		{"strangers", []age.Recipient{a.Recipient()}, []age.Identity{stranger, pq, b}, agecodec.ErrNoMatch},
		{"passphrase where a key was used", []age.Recipient{a.Recipient()}, []age.Identity{word}, agecodec.ErrNoMatch},
		{
			"wrong passphrase",
			[]age.Recipient{pass},
			[]age.Identity{agecodec.PassphraseIdentity("wrong", nil)},
			agecodec.ErrNoMatch,
		},
		{
			"too much work",
			[]age.Recipient{pass},
			[]age.Identity{agecodec.PassphraseIdentity("correct horse", &agecodec.PassphraseOptions{MaxWorkFactor: 9})},
			agecodec.ErrWorkFactor,
		},
		{
			"just enough work",
			[]age.Recipient{pass},
			[]age.Identity{agecodec.PassphraseIdentity("correct horse",
				&agecodec.PassphraseOptions{MaxWorkFactor: 10})},
			nil,
		},
	} {
		file := must(t)(through(agecodec.Encrypt(c.to...), []byte("secret"), 0))
		got, err := through(agecodec.Decrypt(c.with...), file, 0)
		if !errors.Is(err, c.want) || c.want == nil && (err != nil || string(got) != "secret") {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		if err != nil && len(got) > 0 {
			t.Errorf("%s: emitted %q beside an error", c.name, got)
		}
		var none *age.NoIdentityMatchError
		if errors.Is(c.want, agecodec.ErrNoMatch) && !errors.As(err, &none) {
			t.Errorf("%s: age's own error is not there: %v", c.name, err)
		}
	}
}

// refuses is an upstream that fails the test if it is started.
func refuses(t *testing.T) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
		t.Error("the upstream was started")
		return nil
	})
}

type failingKey struct{ err error }

func (f failingKey) Wrap([]byte) ([]*age.Stanza, error)   { return nil, f.err }
func (f failingKey) Unwrap([]*age.Stanza) ([]byte, error) { return nil, f.err }

type stanzas []*age.Stanza

func (s stanzas) Wrap([]byte) ([]*age.Stanza, error) { return s, nil }

func TestEncryptRefuses(t *testing.T) {
	boom := errors.New("boom")
	key, pq := newKey(t).Recipient(), newHybridKey(t).Recipient()
	pass := agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{WorkFactor: 1})
	var none *age.X25519Recipient
	for _, c := range []struct {
		name string
		to   []age.Recipient
		want error
	}{
		{"nobody", nil, agecodec.ErrNoRecipients},
		{"nil", []age.Recipient{key, nil}, nil},
		{"nil pointer", []age.Recipient{none}, nil},
		{"failing", []age.Recipient{key, failingKey{boom}}, boom},
		{"post-quantum mixed", []age.Recipient{key, pq}, nil},
		{"passphrase mixed", []age.Recipient{pass, key}, nil},
		{"two passphrases", []age.Recipient{pass, pass}, nil},
		{"empty passphrase", []age.Recipient{agecodec.PassphraseRecipient("", nil)}, nil},
		{
			"work factor",
			[]age.Recipient{agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{WorkFactor: 31})},
			nil,
		},
		{
			"negative work factor",
			[]age.Recipient{agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{WorkFactor: -1})},
			nil,
		},
		{
			"work factor of decryption",
			[]age.Recipient{agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{
				WorkFactor:    1,
				MaxWorkFactor: 31,
			})},
			nil,
		},
		{
			"negative work factor of decryption",
			[]age.Recipient{agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{
				WorkFactor:    1,
				MaxWorkFactor: -1,
			})},
			nil,
		},
		{"no stanza", []age.Recipient{stanzas{}}, nil},
		{"malformed type", []age.Recipient{stanzas{{Type: "a b"}}}, nil},
		{"malformed argument", []age.Recipient{stanzas{{Type: "a", Args: []string{"x\ny"}}}}, nil},
	} {
		err := stream.Via(refuses(t), agecodec.Encrypt(c.to...)).Each(context.Background(), func(p []byte) error {
			t.Errorf("%s: emitted %d bytes", c.name, len(p))
			return nil
		})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDecryptRefuses(t *testing.T) {
	if err := stream.Via(refuses(t), agecodec.Decrypt()).Each(context.Background(), nil); !errors.Is(err,
		agecodec.ErrNoIdentities) {
		t.Error(err)
	}
	if err := stream.Via(refuses(t), agecodec.Decrypt(nil)).Each(context.Background(), nil); err == nil {
		t.Error("nil identity: no error")
	}
	boom := errors.New("boom")
	key := newKey(t)
	file := ageEncrypt(t, []byte("x"), key.Recipient())
	if _, err := through(agecodec.Decrypt(failingKey{boom}), file, 0); !errors.Is(err, boom) ||
		errors.Is(err, agecodec.ErrDamaged) {
		t.Errorf("failing identity: %v", err)
	}
	// X25519 keys never ask a person, so they are tried first.
	if got, err := through(agecodec.Decrypt(failingKey{boom}, key), file, 0); err != nil || string(got) != "x" {
		t.Errorf("failing identity beside the right one: %q, %v", got, err)
	}
}

// TestTruncated cuts files at every byte of the header, around every chunk edge, and at other
// offsets.
func TestTruncated(t *testing.T) {
	key := newKey(t)
	for _, size := range []int{0, 2, chunk - 1, chunk, chunk + 1, 2 * chunk, 2*chunk + 1} {
		file := ageEncrypt(t, noise(size), key.Recipient())
		head := len(file) - size - 16*max(1, (size+chunk-1)/chunk)
		var cuts []int
		if size == 2 {
			for n := range len(file) {
				cuts = append(cuts, n)
			}
		}
		for edge := head; edge < len(file); edge += chunk + 16 {
			for _, d := range []int{-17, -16, -15, -1, 0, 1, 15, 16, 17} {
				cuts = append(cuts, edge+d)
			}
		}
		for d := range 18 {
			cuts = append(cuts, len(file)-1-d)
		}
		for _, n := range cuts {
			if n < 0 || n >= len(file) {
				continue
			}
			got, err := through(agecodec.Decrypt(key), file[:n], 0)
			certain := n <= head || (n-head)%(chunk+16) == 0
			switch {
			case err == nil:
				t.Errorf("%d bytes, cut at %d of %d: no error", size, n, len(file))
			case certain && !(errors.Is(err, agecodec.ErrTruncated) && errors.Is(err, io.ErrUnexpectedEOF)):
				t.Errorf("%d bytes, cut at %d of %d: %v, want ErrTruncated", size, n, len(file), err)
			case !certain && !errors.Is(err, agecodec.ErrDamaged):
				t.Errorf("%d bytes, cut at %d of %d: %v, want ErrDamaged", size, n, len(file), err)
			}
			if !bytes.HasPrefix(noise(size), got) {
				t.Errorf("%d bytes, cut at %d of %d: wrong plaintext", size, n, len(file))
			}
		}
	}
}

func TestDamaged(t *testing.T) {
	key := newKey(t)
	data := noise(2*chunk + 100)
	file := ageEncrypt(t, data, key.Recipient())
	head := len(file) - len(data) - 3*16
	check := func(what string, file []byte, verified int) {
		t.Helper()
		got, err := through(agecodec.Decrypt(key), file, 0)
		if err == nil {
			t.Errorf("%s: no error", what)
		}
		if len(got) > verified || !bytes.HasPrefix(data, got) {
			t.Errorf("%s: %d bytes came out, at most %d are verified", what, len(got), verified)
		}
	}
	for i := range file {
		if i > head+20 && i < len(file)-20 && i%1009 != 0 {
			continue
		}
		bad := bytes.Clone(file)
		bad[i] ^= 0x10
		check(fmt.Sprintf("byte %d", i), bad, max(0, (i-head)/(chunk+16)*chunk))
	}
	sealed := chunk + 16
	first, second := file[head:head+sealed], file[head+sealed:head+2*sealed]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	check("chunks swapped", join(file[:head], second, first, file[head+2*sealed:]), 0)
	check("chunk repeated", join(file[:head], first, first, file[head+sealed:]), chunk)
	check("chunk missing", join(file[:head], second, file[head+2*sealed:]), 0)
	check("trailing byte", join(file, []byte{0}), 2*chunk)
	check("two files", join(file, file), 2*chunk)
	whole := ageEncrypt(t, data[:chunk], key.Recipient())
	check("a byte behind a full last chunk", join(whole, []byte{0}), 0)
	check("empty last chunk", emptyLast(t, key), chunk)

	for name, text := range map[string]string{
		"other text": "not an age file\n", "old version": "age-encryption.org/v2\n",
		"armored": "-----BEGIN AGE ENCRYPTED FILE-----\nYWJj\n-----END AGE ENCRYPTED FILE-----\n",
		"CRLF":    "age-encryption.org/v1\r\n",
	} {
		for _, cut := range []int{0, 1} {
			if _, err := through(agecodec.Decrypt(key), []byte(text), cut); !errors.Is(err, agecodec.ErrDamaged) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	long := append([]byte("age-encryption.org/v1\n-> X25519 "), bytes.Repeat([]byte("a"), 3<<20)...)
	if _, err := through(agecodec.Decrypt(key), long, 1000); !errors.Is(err, agecodec.ErrDamaged) {
		t.Errorf("endless header: %v", err)
	}
}

// emptyLast returns a file of exactly one chunk, followed by an empty last chunk, which the format
// forbids.
func emptyLast(t *testing.T, key *age.X25519Identity) []byte {
	return agecodec.SealForTest(t, key.Recipient(), noise(chunk), nil)
}

// TestDamageBelowADecompressor flips a bit near the end of the file. The decompressor has all its
// data before that, but the run must still fail.
func TestDamageBelowADecompressor(t *testing.T) {
	key := newKey(t)
	for name, pair := range map[string]codec.Format[[]byte]{
		"gzip":      codec.GzipFormat(nil, nil),
		"gzip by 2": codec.GzipFormat(&codec.GzipOptions{Parallelism: 2}, &codec.GunzipOptions{Parallelism: 2}),
		"zlib":      codec.ZlibFormat(nil, nil),
		"deflate":   codec.FormatOf(codec.Deflate(nil), codec.Inflate(nil), ".deflate"),
		"zstd":      codec.ZstdFormat(nil, nil),
		"zstd by 2": codec.ZstdFormat(&codec.ZstdOptions{Parallelism: 2}, &codec.UnzstdOptions{Parallelism: 2}),
		"s2":        codec.S2Format(nil, nil),
		"s2 by 2":   codec.S2Format(&codec.S2Options{Parallelism: 2}, &codec.UnS2Options{Parallelism: 2}),
		"detected":  codec.FormatOf(codec.Gzip(nil), codec.Detect(nil), ".gz"),
	} {
		for _, size := range []int{100, 3 * chunk} {
			file := collect(t, stream.Via2(pieces(noise(size), 0), pair.Encode(), agecodec.Encrypt(key.Recipient())))
			back := stream.Then(agecodec.Decrypt(key), pair.Decode())
			if got := must(t)(through(back, file, 1000)); !bytes.Equal(got, noise(size)) {
				t.Fatalf("%s: not the same", name)
			}
			for _, last := range []int{1, 5, 16} {
				bad := bytes.Clone(file)
				bad[len(bad)-last] ^= 1
				if _, err := through(back, bad, 1000); !errors.Is(err, agecodec.ErrDamaged) {
					t.Errorf("%s: %d bytes, flipped %d before the end: %v", name, size, last, err)
				}
			}
		}
	}
}

// TestEveryCut cuts a small compressed and encrypted file at every byte.
func TestEveryCut(t *testing.T) {
	key := newKey(t)
	file := collect(t, stream.Via2(pieces(noise(700), 0), codec.Gzip(nil), agecodec.Encrypt(key.Recipient())))
	back := stream.Then(agecodec.Decrypt(key), codec.Gunzip(nil))
	for n := range file {
		for _, cut := range []int{0, 1} {
			if _, err := through(back, file[:n], cut); err == nil {
				t.Errorf("%d of %d bytes: no error", n, len(file))
			}
		}
	}
}

func collect(t *testing.T, src stream.Source[[]byte]) []byte {
	t.Helper()
	var all []byte
	if err := src.Each(context.Background(), func(p []byte) error { all = append(all, p...); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDecryptAllocations(t *testing.T) {
	key := newKey(t)
	allocations := func(chunks, size int) float64 {
		file := ageEncrypt(t, make([]byte, chunks*chunk), key.Recipient())
		buf := make([]byte, len(file))
		return testing.AllocsPerRun(3, func() {
			copy(buf, file)
			src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
				for at := 0; at < len(file); at += size {
					if err := emit(buf[at:min(at+size, len(file))]); err != nil {
						return err
					}
				}
				return nil
			})
			if err := stream.Via(src, agecodec.Decrypt(key)).Each(context.Background(), func([]byte) error {
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, size := range []int{1 << 20, 64 << 10, 8 << 10} {
		if more := allocations(401, size) - allocations(1, size); more > 10 {
			t.Errorf("chunks of %d: %v allocations for 400 chunks", size, more)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	key, err := age.ParseX25519Identity("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")
	if err != nil {
		key = newKey(f)
	}
	f.Add(ageEncrypt(f, []byte("hello"), key.Recipient()), 3)
	f.Add(ageEncrypt(f, noise(chunk+1), key.Recipient()), 1000)
	f.Add(ageArmor(f, ageEncrypt(f, noise(100), key.Recipient())), 7)
	f.Fuzz(func(t *testing.T, file []byte, cut int) {
		got, err := through(agecodec.Decrypt(key), file, max(cut, 0))
		var want []byte
		in := io.Reader(bytes.NewReader(file))
		if len(file) > 0 && (file[0] == '-' || bytes.IndexByte([]byte(" \t\n\v\f\r"), file[0]) >= 0) {
			if bytes.IndexFunc(file, func(r rune) bool { return r >= 0x80 }) >= 0 {
				return // age also accepts white space outside ASCII
			}
			in = armor.NewReader(in)
		}
		r, werr := age.Decrypt(in, key)
		if werr == nil {
			want, werr = io.ReadAll(r)
		}
		if (err == nil) != (werr == nil) {
			t.Fatalf("we say %v, age %v", err, werr)
		}
		if err == nil && !bytes.Equal(got, want) || !bytes.HasPrefix(want, got) {
			t.Fatal("other plaintext")
		}
		if err != nil && !typed(err) {
			t.Fatalf("an error of no kind: %v", err)
		}
	})
}

func Example() {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Println(err)
		return
	}
	file := stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(key.Recipient()))
	err = stream.Via(file, agecodec.Decrypt(key)).Each(context.Background(), func(p []byte) error {
		fmt.Printf("%s\n", p)
		return nil
	})
	fmt.Println(err)

	stranger, _ := age.GenerateX25519Identity()
	err = stream.Via(file, agecodec.Decrypt(stranger)).Each(context.Background(), func([]byte) error { return nil })
	fmt.Println(errors.Is(err, agecodec.ErrNoMatch))
	// Output:
	// through the mill
	// <nil>
	// true
}

// manyWords is a recipient that returns a stanza with n arguments and a body of size bytes.
type manyWords struct{ n, size int }

func (m manyWords) Wrap([]byte) ([]*age.Stanza, error) {
	return []*age.Stanza{{Type: "words", Args: slices.Repeat([]string{"a"}, m.n), Body: make([]byte, m.size)}}, nil
}

// TestHeadersThatNobodyReads checks that Encrypt refuses headers that readers would refuse.
func TestHeadersThatNobodyReads(t *testing.T) {
	key := newKey(t)
	old := ageEncrypt(t, noise(10), key.Recipient())
	for name, c := range map[string]struct {
		to []age.Recipient
		ok bool
	}{
		"1,024 stanzas":   {slices.Repeat([]age.Recipient{key.Recipient()}, 1024), true},
		"1,025 stanzas":   {slices.Repeat([]age.Recipient{key.Recipient()}, 1025), false},
		"128 arguments":   {[]age.Recipient{key.Recipient(), manyWords{128, 1}}, true},
		"129 arguments":   {[]age.Recipient{key.Recipient(), manyWords{129, 1}}, false},
		"less than 2 MiB": {[]age.Recipient{key.Recipient(), manyWords{1, 1_500_000}}, true},
		"more than 2 MiB": {[]age.Recipient{key.Recipient(), manyWords{1, 1_600_000}}, false},
	} {
		for what, f := range map[string]struct {
			flow flow
			in   []byte
		}{"encrypt": {agecodec.Encrypt(c.to...), noise(10)}, "rewrap": {
			agecodec.Rewrap([]age.Identity{key}, c.to...),
			old,
		}} {
			file, err := through(f.flow, f.in, 0)
			if c.ok {
				if back, err := through(agecodec.Decrypt(key), must(t)(file, err), 0); err != nil ||
					!bytes.Equal(back, noise(10)) {
					t.Errorf("%s, %s: %v", what, name, err)
				}
			} else if !errors.Is(err, agecodec.ErrRecipients) || len(file) > 0 {
				t.Errorf("%s, %s: %d bytes, %v", what, name, len(file), err)
			}
		}
	}
}
