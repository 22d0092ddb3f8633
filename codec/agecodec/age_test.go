package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

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
