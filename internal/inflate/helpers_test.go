package inflate_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	kflate "github.com/klauspost/compress/flate"

	"github.com/millweir/millweir/internal/inflate"
)

// pack compresses data with klauspost's encoder.
func pack(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var z bytes.Buffer
	w, err := kflate.NewWriter(&z, level)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// result is the outcome of decoding a stream.
type result struct {
	out  []byte
	used int // bytes of input that were read
	err  error
}

// idle holds readers for reuse.
var idle = struct{ std, ours sync.Pool }{
	sync.Pool{New: func() any { return flate.NewReader(nil) }},
	sync.Pool{New: func() any { return new(inflate.Reader) }},
}

var splitRoom = sync.Pool{New: func() any { return new([6 * inflate.Window]byte) }}

// decodeByStdlib decodes z with compress/flate, up to limit bytes.
func decodeByStdlib(z []byte, limit int) result {
	src := bytes.NewReader(z)
	r := idle.std.Get().(io.ReadCloser)
	defer idle.std.Put(r)
	_ = r.(flate.Resetter).Reset(src, nil)
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)))
	if err == nil {
		err = io.EOF
	}
	return result{out, len(z) - src.Len(), err}
}

// decodeWhole decodes z in one call.
func decodeWhole(z []byte, limit int) result {
	var d inflate.Decoder
	out := make([]byte, limit)
	n, used, err := d.DecodeFinal(out, 0, z)
	return result{out[:n], used, err}
}

// split decodes z in pieces. next returns the size of the next piece of input and of space.
func split(t testing.TB, z []byte, limit int, next func() (in, room int)) result {
	t.Helper()
	var d inflate.Decoder
	var out []byte
	scratch := splitRoom.Get().(*[6 * inflate.Window]byte)
	defer splitRoom.Put(scratch)
	at := 0
	for used, stuck := 0, 0; ; {
		in, room := next()
		in, room = min(in, len(z)-used), min(room, limit-len(out), len(scratch)-2*inflate.Window)
		if at+room > len(scratch) {
			at = copy(scratch[:], scratch[at-inflate.Window:at]) // the minimum that Decode needs
		}
		decode := d.Decode
		if used+in == len(z) {
			decode = d.DecodeFinal
		}
		n, m, err := decode(scratch[:at+room:at+room], at, z[used:used+in])
		if n < 0 || n > room || m < 0 || m > in {
			t.Fatalf("wrote %d of %d bytes, took %d of %d", n, room, m, in)
		}
		out = append(out, scratch[at:at+n]...)
		at += n
		used += m
		if err != nil {
			if n, m, again := d.DecodeFinal(scratch[:], 0, z); n != 0 || m != 0 || !errors.Is(again, err) {
				t.Fatalf("after %v: %d, %d, %v", err, n, m, again)
			}
			return result{out, used, err}
		}
		if len(out) == limit && m == 0 {
			return result{out, used, nil}
		}
		if stuck++; n > 0 || m > 0 {
			stuck = 0
		}
		if stuck > 1000 {
			t.Fatalf("stuck at %d of %d bytes", used, len(z))
		}
	}
}

// read decodes z with a Reader. Its source returns at most size bytes per read, and the reads from
// it have space for three times as many.
func read(z []byte, limit, size int) result {
	src := bufio.NewReader(&chopped{z, size})
	r := idle.ours.Get().(*inflate.Reader)
	defer idle.ours.Put(r)
	r.Reset(src)
	var out []byte
	p := make([]byte, 3*size)
	for {
		n, err := r.Read(p[:min(len(p), limit-len(out))])
		out = append(out, p[:n]...)
		if err != nil || len(out) == limit {
			left, _ := io.Copy(io.Discard, src)
			return result{out, len(z) - int(left), err}
		}
	}
}

// chopped is a reader that returns at most size bytes per read.
type chopped struct {
	p    []byte
	size int
}

func (c *chopped) Read(p []byte) (int, error) {
	if len(c.p) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.p[:min(c.size, len(c.p))])
	c.p = c.p[n:]
	return n, nil
}

// same fails t unless got equals the result of compress/flate. The two may read a different number
// of bytes, by one, before they notice corrupt input, so one may report a truncated stream first.
func same(t testing.TB, how string, got, want result) {
	t.Helper()
	cut := errors.Is(want.err, io.ErrUnexpectedEOF)
	if !bytes.Equal(got.out, want.out) && !(cut && bytes.HasPrefix(got.out, want.out)) {
		t.Fatalf("%s: other data: %d bytes, %v; want %d bytes, %v", how, len(got.out), got.err, len(want.out), want.err)
	}
	offset := func(r result) (n int, corrupt bool) {
		var at flate.CorruptInputError
		if errors.As(r.err, &at) {
			return int(at), true
		}
		return r.used, false
	}
	a, gotCorrupt := offset(got)
	b, wantCorrupt := offset(want)
	cut = cut || errors.Is(got.err, io.ErrUnexpectedEOF)
	switch {
	case gotCorrupt && wantCorrupt, cut && gotCorrupt != wantCorrupt:
		if a < b-1 || a > b+1 {
			t.Fatalf("%s: %v; want %v", how, got.err, want.err)
		}
	case !errors.Is(got.err, want.err):
		t.Fatalf("%s: %v; want %v", how, got.err, want.err)
	case a != b:
		t.Fatalf("%s: took %d bytes; want %d", how, a, b)
	}
}

// differential decodes z in one call, in pieces and with a Reader, and compares the results with
// compress/flate.
func differential(t testing.TB, z []byte, seed uint64) {
	t.Helper()
	const limit = 1 << 20
	want := decodeByStdlib(z, limit)
	if len(want.out) == limit {
		return
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	same(t, "whole", decodeWhole(z, len(want.out)+1000), want)
	if want.err == io.EOF {
		same(t, "whole, exact", decodeWhole(z, len(want.out)), want)
	}
	most := 1 << rnd.IntN(18)
	same(t, "split", split(t, z, limit, func() (int, int) { return rnd.IntN(most + 1), rnd.IntN(most + 1) }), want)
	same(t, "reader", read(z, limit, most), want)
}

// bits assembles a deflate stream bit by bit.
type bits struct {
	p []byte
	n int
}

// put appends the n low bits of v, the lowest first.
func (b *bits) put(v, n int) *bits {
	for i := range n {
		if b.n%8 == 0 {
			b.p = append(b.p, 0)
		}
		b.p[b.n/8] |= byte(v>>i&1) << (b.n % 8)
		b.n++
	}
	return b
}

// dynamic begins a final block with these code lengths.
func (b *bits) dynamic(lits, dists []int) *bits {
	b.put(1|2<<1, 3).put(len(lits)-257, 5).put(len(dists)-1, 5).put(15, 4)
	for _, s := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15} {
		if s < 16 {
			b.put(4, 3) // a four-bit code for each length, equal to the length
		} else {
			b.put(0, 3)
		}
	}
	for _, n := range append(lits[:len(lits):len(lits)], dists...) {
		for i := range 4 {
			b.put(n>>(3-i), 1)
		}
	}
	return b
}

// source returns a Reader of r.
func source(r io.Reader) *inflate.Reader {
	z := new(inflate.Reader)
	z.Reset(bufio.NewReader(r))
	return z
}
