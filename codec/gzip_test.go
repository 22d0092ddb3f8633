package codec_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestGzipContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New: func() flow { return codec.Gzip(nil) },
		Want: func(t *testing.T, in, out [][]byte) {
			if got := stdGunzip(t, bytes.Join(out, nil)); !bytes.Equal(got, bytes.Join(in, nil)) {
				t.Errorf("got %d bytes, want %d", len(got), len(bytes.Join(in, nil)))
			}
		},
	})
}

func TestGunzipContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New: func() flow { return codec.Gunzip(nil) },
		Input: func(n int) [][]byte {
			// One member for each record, so that every step has output.
			var all [][]byte
			for i := range n {
				all = append(all, stdGzip(fmt.Appendf(nil, "record %d\n", i)))
			}
			if n == 0 {
				all = append(all, stdGzip(nil))
			}
			return all
		},
		Want: func(t *testing.T, in, out [][]byte) {
			if want := stdGunzip(t, bytes.Join(in, nil)); !bytes.Equal(bytes.Join(out, nil), want) {
				t.Errorf("got %q, want %q", out, want)
			}
		},
	})
}

func TestGzipEdges(t *testing.T) {
	const n = 64 << 10
	for _, size := range []int{0, 1, 2, n - 1, n, n + 1, 2 * n, 5*n + 3} {
		for name, data := range map[string][]byte{"text": jsonText(size)[:size], "noise": noise(size)} {
			for level := range 10 {
				if size > 2*n && level > 1 {
					continue
				}
				z := must(t)(bytesThrough(codec.Gzip(&codec.GzipOptions{Level: level}), data, 10_000))
				if got := stdGunzip(t, z); !bytes.Equal(got, data) {
					t.Fatalf("%s of %d at level %d: the standard library reads %d bytes", name, size, level, len(got))
				}
				for _, cut := range []int{0, 1, 7, n} {
					if cut == 1 && (size > n || level > 1) {
						continue
					}
					if got := must(t)(bytesThrough(codec.Gunzip(nil), z, cut)); !bytes.Equal(got, data) {
						t.Fatalf("%s of %d at level %d, cut at %d: not the same", name, size, level, cut)
					}
				}
			}
		}
	}
}

func TestGzipIsDeterministic(t *testing.T) {
	data := jsonText(300_000)
	want := must(t)(bytesThrough(codec.Gzip(nil), data, 0))
	for _, cut := range []int{1000, 65536, 99_999} {
		if got := must(t)(bytesThrough(codec.Gzip(nil), data, cut)); !bytes.Equal(got, want) {
			t.Errorf("cut at %d: other bytes", cut)
		}
	}
}

func TestGzipDefaultSize(t *testing.T) {
	data := jsonText(2 << 20)
	ours := len(must(t)(bytesThrough(codec.Gzip(nil), data, 0)))
	if std := len(stdGzip(data)); ours > std+std*3/100 {
		t.Errorf("%d bytes, the standard library %d", ours, std)
	}
}

func TestGzipBadLevel(t *testing.T) {
	for _, level := range []int{-1, 10} {
		up := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
			t.Error("the upstream was started")
			return nil
		})
		if err := drain(stream.Via(up, codec.Gzip(&codec.GzipOptions{Level: level}))); err == nil {
			t.Errorf("level %d: no error", level)
		}
	}
}

func TestGunzipTruncated(t *testing.T) {
	// Two members. The header of the second has every optional field.
	var b bytes.Buffer
	w := stdgzip.NewWriter(&b)
	_, _ = w.Write(jsonText(500))
	_ = w.Close()
	first := b.Len()
	w.Reset(&b)
	w.Name, w.Comment, w.Extra = "a name", "a comment", []byte("extra")
	_, _ = w.Write(noise(50))
	_ = w.Close()
	z := b.Bytes()
	for _, cut := range []int{0, 1, 3} {
		for n := range z {
			_, err := bytesThrough(codec.Gunzip(nil), z[:n], cut)
			switch {
			case n == first:
				if err != nil {
					t.Errorf("the first member alone: %v", err)
				}
			case !errors.Is(err, io.ErrUnexpectedEOF):
				t.Errorf("%d of %d bytes: %v", n, len(z), err)
			}
		}
	}
}

// TestGunzipTrailing appends bytes to the last member. Data that cannot begin a member is an
// ErrTrailing. Zeros pass with AllowPadding. A truncated member is an io.ErrUnexpectedEOF.
func TestGunzipTrailing(t *testing.T) {
	data := jsonText(1000)
	theirs := stdGzip(data)
	ours := must(t)(bytesThrough(codec.Gzip(&codec.GzipOptions{Parallelism: 1}), data, 0))
	zeros := func(n int) []byte { return make([]byte, n) }
	for _, c := range []struct {
		tail   []byte
		want   error
		padded bool // accepted with AllowPadding
	}{
		{tail: zeros(1), want: codec.ErrTrailing, padded: true},
		{tail: zeros(512), want: codec.ErrTrailing, padded: true},
		{tail: zeros(1 << 20), want: codec.ErrTrailing, padded: true},
		{tail: append(zeros(512), '\n'), want: codec.ErrTrailing},
		{tail: append(zeros(512), theirs...), want: codec.ErrTrailing},
		{tail: []byte("\n"), want: codec.ErrTrailing},
		{tail: []byte("garbage"), want: codec.ErrTrailing},
		{tail: []byte("garbage, and more of it"), want: codec.ErrTrailing},
		{tail: bytes.Repeat([]byte{0xff}, 20), want: codec.ErrTrailing},
		{tail: []byte{0x1f, 'x'}, want: codec.ErrTrailing},
		{tail: []byte{0x1f}, want: io.ErrUnexpectedEOF},
		{tail: []byte{0x1f, 0x8b}, want: io.ErrUnexpectedEOF},
		{tail: theirs[:12], want: io.ErrUnexpectedEOF},
	} {
		for writer, z := range map[string][]byte{"ours": ours, "theirs": theirs} {
			for _, n := range []int{0, 2} {
				bad := append(bytes.Clone(z), c.tail...)
				if _, err := bytesThrough(codec.Gunzip(&codec.GunzipOptions{Parallelism: n}), bad, 7); !errors.Is(err,
					c.want) {
					t.Errorf("%s by %d, then %d bytes, %.10q: %v", writer, n, len(c.tail), c.tail, err)
				}
				got, err := bytesThrough(codec.Gunzip(&codec.GunzipOptions{Parallelism: n, AllowPadding: true}), bad, 0)
				if c.padded && (err != nil || !bytes.Equal(got, data)) || !c.padded && !errors.Is(err, c.want) {
					t.Errorf("%s by %d, then %d bytes, %.10q, zeros allowed: %d bytes, %v", writer, n, len(c.tail),
						c.tail, len(got), err)
				}
			}
		}
	}
}

// TestGunzipPaddingIsNoEnd replaces required data by zeros.
func TestGunzipPaddingIsNoEnd(t *testing.T) {
	parts, err := through(codec.Gzip(&codec.GzipOptions{Parallelism: 1}), jsonText(3<<20), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		z := append(bytes.Join(parts[:i], nil), make([]byte, 1024)...)
		for _, n := range []int{0, 2} {
			if got, err := bytesThrough(codec.Gunzip(&codec.GunzipOptions{Parallelism: n, AllowPadding: true}), z,
				0); err == nil {
				t.Errorf("by %d: %d of %d members, then zeros: %d bytes without an error", n, i, len(parts), len(got))
			}
		}
	}
}

func TestGunzipDamage(t *testing.T) {
	data := jsonText(500)
	z := must(t)(bytesThrough(codec.Gzip(nil), data, 0))
	for i := range z {
		for bit := range 8 {
			bad := bytes.Clone(z)
			bad[i] ^= 1 << bit
			got, err := bytesThrough(codec.Gunzip(nil), bad, 0)
			if err == nil && !bytes.Equal(got, data) {
				t.Errorf("byte %d, bit %d: wrong data without an error", i, bit)
			}
		}
	}
	bad := bytes.Clone(z)
	bad[len(bad)-1] ^= 1
	if _, err := bytesThrough(codec.Gunzip(nil), bad, 0); !errors.Is(err, stdgzip.ErrChecksum) {
		t.Errorf("wrong size in the trailer: %v", err)
	}
	bad[0] = 'x'
	if _, err := bytesThrough(codec.Gunzip(nil), bad, 0); !errors.Is(err, stdgzip.ErrHeader) {
		t.Errorf("wrong magic number: %v", err)
	}
}

func TestGunzipLimits(t *testing.T) {
	z := stdGzip(make([]byte, 1<<20))
	for _, c := range []struct {
		max int64
		ok  bool
	}{{0, true}, {1<<20 - 1, false}, {1 << 20, true}, {1<<20 + 1, true}, {-1, true}, {-2, false}} {
		_, err := bytesThrough(codec.Gunzip(&codec.GunzipOptions{MaxBytes: c.max}), z, 0)
		if (err == nil) != c.ok {
			t.Errorf("MaxBytes %d: %v", c.max, err)
		}
		if c.max > 0 && !c.ok && !errors.Is(err, codec.ErrLimit) {
			t.Errorf("MaxBytes %d: %v is not ErrLimit", c.max, err)
		}
	}
	// A bomb: 400 MiB of zeros in 100 members, 990:1.
	var members [][]byte
	member := stdGzip(make([]byte, 4<<20))
	for range 100 {
		members = append(members, member)
	}
	bomb := stream.Via(source.Slice(members), clone)
	var limit *codec.LimitError
	if err := drain(stream.Via(bomb, codec.Gunzip(&codec.GunzipOptions{MaxRatio: 500}))); !errors.As(err, &limit) ||
		limit.Limit != "MaxRatio" || limit.Max != 500 {
		t.Errorf("bomb: %v", err)
	}
	for _, ratio := range []int64{-1, 0, 1032} {
		if err := drain(stream.Via(bomb, codec.Gunzip(&codec.GunzipOptions{MaxRatio: ratio}))); err != nil {
			t.Errorf("bomb, MaxRatio %d: %v", ratio, err)
		}
	}
}

func FuzzGunzip(f *testing.F) {
	f.Add(stdGzip([]byte("hello")), 1)
	f.Add(append(stdGzip(nil), stdGzip(noise(100))...), 7)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		got, err := bytesThrough(codec.Gunzip(nil), z, max(cut, 0))
		var want []byte
		r, werr := stdgzip.NewReader(bytes.NewReader(z))
		if werr == nil {
			want, werr = io.ReadAll(r)
		}
		if errors.Is(err, stdgzip.ErrHeader) && werr == nil {
			// The standard library ignores the reserved flags. RFC 1952 demands an error.
			if _, kerr := kgunzip(z); kerr != nil {
				return
			}
		}
		if werr == nil && err != nil && (bytes.Contains(z, []byte("MW")) || bytes.Contains(z, []byte("BC")) ||
			bytes.Contains(z, []byte("MZ"))) {
			return // our members may be incomplete, or the length of a member may be wrong
		}
		if (err == nil) != (werr == nil) {
			t.Fatalf("we say %v, the standard library %v", err, werr)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("we read %q, the standard library %q", got, want)
		}
	})
}

func kgunzip(z []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(z))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func stdGzip(p []byte) []byte {
	var b bytes.Buffer
	w := stdgzip.NewWriter(&b)
	_, _ = w.Write(p)
	_ = w.Close()
	return b.Bytes()
}

func stdGunzip(t testing.TB, p []byte) []byte {
	t.Helper()
	r, err := stdgzip.NewReader(bytes.NewReader(p))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
