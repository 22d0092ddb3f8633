package inflate_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/internal/inflate"
)

// lengths returns n code lengths: those of the symbols in the map, and zero for the others.
func lengths(n int, of map[int]int) []int {
	l := make([]int, n)
	for s, v := range of {
		l[s] = v
	}
	return l
}

// handmadeStreams returns streams that encoders do not write, or rarely.
func handmadeStreams() map[string][]byte {
	end := map[int]int{256: 1} // one code, for the end of the block
	two := map[int]int{256: 1, 'a': 2, 257: 2}
	none, one := lengths(1, nil), lengths(1, map[int]int{0: 1})
	full := func(b *bits) []byte { return append(b.put(0, 40).p, make([]byte, 20)...) } // enough for the fast loop
	deep := map[int]int{256: 15, 'z': 15}                                               // a code of every length
	for i := 1; i < 15; i++ {
		deep['a'+i] = i
	}
	deepDist := lengths(30, map[int]int{29: 15, 28: 15})
	for i := 1; i < 15; i++ {
		deepDist[i] = i
	}
	return map[string][]byte{
		"nothing":                               nil,
		"empty fixed block":                     {3, 0},
		"empty stored block":                    {1, 0, 0, 255, 255},
		"stored block":                          {1, 3, 0, 252, 255, 'a', 'b', 'c'},
		"stored block, then a flush":            {0, 1, 0, 254, 255, 'a', 0, 0, 0, 255, 255, 1, 1, 0, 254, 255, 'b'},
		"stored length that is not its inverse": {1, 3, 0, 252, 254, 'a', 'b', 'c'},
		"reserved kind":                         {7, 0},
		"fixed symbol 286":                      full(new(bits).put(3, 3).put(0x0c, 8).put(0x63, 8)),
		"fixed symbol 287":                      full(new(bits).put(3, 3).put(0x0c, 8).put(0xe3, 8)),
		"fixed distance 30":                     full(new(bits).put(3, 3).put(0x0c, 8).put(0x40, 7).put(0x0f, 5)),
		"distance before the beginning":         full(new(bits).put(3, 3).put(0x0c, 8).put(0x40, 7).put(0x10, 5)),
		"one code, used":                        full(new(bits).dynamic(lengths(257, end), none)),
		"one code, its complement used":         full(new(bits).dynamic(lengths(257, end), none).put(1, 1)),
		"no codes at all":                       full(new(bits).dynamic(lengths(257, nil), none)),
		"one distance code, used": full(new(bits).dynamic(lengths(258, two), one).put(1, 2).put(3,
			2).put(0, 1)),
		"one distance code, its complement used": full(new(bits).dynamic(lengths(258, two), one).put(1, 2).put(3,
			2).put(1, 1)),
		"no distance code, used": full(new(bits).dynamic(lengths(258, two), none).put(1, 2).put(3, 2)),
		"one code of two bits":   full(new(bits).dynamic(lengths(257, map[int]int{256: 2}), none)),
		"one distance code of two bits": full(new(bits).dynamic(lengths(258, two),
			lengths(1, map[int]int{0: 2}))),
		"incomplete": full(new(bits).dynamic(lengths(257, map[int]int{256: 1, 1: 2}),
			none)),
		"over-subscribed": full(new(bits).dynamic(lengths(257, map[int]int{256: 1, 1: 1, 2: 2}),
			none)),
		"incomplete distances": full(new(bits).dynamic(lengths(258, two),
			lengths(3, map[int]int{0: 1, 1: 2}))),
		"over-subscribed distances": full(new(bits).dynamic(lengths(258, two),
			lengths(3, map[int]int{0: 1, 1: 1, 2: 1}))),
		"every length": full(new(bits).dynamic(lengths(257, deep), none).put(0x55555,
			20).put(0x7ffffff, 27)),
		"every length of distances": full(new(bits).dynamic(lengths(258, two), deepDist).put(1, 2).put(1,
			2).put(3, 2).put(0, 1)),
		"287 literals": new(bits).put(5, 3).put(30, 5).put(0, 50).p,
		"31 distances": new(bits).put(5, 3).put(0, 5).put(30, 5).put(0, 50).p,
		"repetition of nothing": new(bits).put(5, 3).put(0, 10).put(0, 4).put(1, 3).put(1, 3).put(0,
			6).put(0, 40).p,
		"repetition beyond the end": new(bits).put(5, 3).put(0, 10).put(0, 4).put(0, 6).put(1, 3).put(1,
			3).put(-1, 40).p,
		"incomplete lengths": new(bits).put(5, 3).put(0, 10).put(0, 4).put(2, 3).put(0, 9).put(0,
			40).p,
		"no lengths": new(bits).put(5, 3).put(0, 10).put(0, 4).put(0, 12).put(0, 40).p,
	}
}

func TestByHand(t *testing.T) {
	accepted := []string{
		"empty fixed block", "empty stored block", "stored block", "stored block, then a flush", "one code, used",
		"one distance code, used", "every length", "every length of distances",
	}
	for name, z := range handmadeStreams() {
		t.Run(name, func(t *testing.T) {
			for n := range len(z) + 1 {
				for seed := range uint64(8) {
					differential(t, z[:n], seed)
				}
			}
			if r := decodeWhole(z, 1<<16); errors.Is(r.err, io.EOF) != slices.Contains(accepted, name) {
				t.Errorf("%d bytes, %v", len(r.out), r.err)
			}
		})
	}
}

// texts returns contents of every kind: slightly, highly and not compressible, and with matches
// across the window.
func texts() map[string][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	few := make([]byte, 100_000)
	for i := range few {
		few[i] = byte(rnd.NormFloat64() * 3)
	}
	far := noise[:inflate.Window]
	return map[string][]byte{
		"empty": nil, "one": {'a'}, "two": {'a', 'b'}, "run": bytes.Repeat([]byte{0}, 300_000),
		"period": bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz"[:17]), 9000), "noise": noise, "few": few,
		"far": bytes.Join([][]byte{far, far, far[1:], far[:9], far}, nil), "json": corpus.Lines(400_000),
	}
}

func TestDecode(t *testing.T) {
	for name, data := range texts() {
		for level := -2; level <= 9; level++ {
			var std bytes.Buffer
			w, _ := flate.NewWriter(&std, level)
			_, _ = w.Write(data[:len(data)/2])
			_ = w.Flush()
			_, _ = w.Write(data[len(data)/2:])
			_ = w.Close()
			for by, z := range map[string][]byte{"std": std.Bytes(), "klauspost": pack(t, data, level)} {
				t.Run(fmt.Sprint(name, "/", by, level), func(t *testing.T) {
					want := result{data, len(z), io.EOF}
					z := append(z, "what follows"...)
					same(t, "whole", decodeWhole(z, len(data)+1), want)
					same(t, "whole, exact", decodeWhole(z, len(data)), want)
					same(t, "reader", read(z, len(data)+1, 10_000), want)
					for _, size := range []int{1, 2, 7, 4096, 40_000} {
						if size < 100 && len(data) > 1000 {
							want := result{data[:1000], 0, nil}
							got := split(t, z, 1000, func() (int, int) { return size, size })
							got.used = 0
							same(t, fmt.Sprint("beginning by ", size), got, want)
							continue
						}
						same(t, fmt.Sprint("by ", size), split(t, z, len(data)+1, func() (int, int) {
							return size, size
						}), want)
						same(t, fmt.Sprint("room ", size), split(t, z, len(data)+1, func() (int, int) {
							return len(z), size
						}), want)
						same(t, fmt.Sprint("input ", size), split(t, z, len(data)+1, func() (int, int) {
							return size, len(data) + 1
						}), want)
					}
				})
			}
		}
	}
}

// TestOneByte gives a Decoder and a Reader one byte of input and one byte of space at a time, for
// blocks of every kind.
func TestOneByte(t *testing.T) {
	data := corpus.Lines(60_000)
	for level := -2; level <= 9; level++ {
		z := pack(t, data, level)
		want := result{data, len(z), io.EOF}
		one := func() (int, int) { return 1, 1 }
		same(t, fmt.Sprint("decoder, level ", level), split(t, z, len(data)+1, one), want)
		same(t, fmt.Sprint("reader, level ", level), read(z, len(data)+1, 1), want)
	}
}

// TestCuts truncates streams at every byte.
func TestCuts(t *testing.T) {
	data := corpus.Lines(6000)
	for _, level := range []int{-2, 0, 1, 5, 9} {
		z := pack(t, data, level)
		for n := range z {
			r := decodeWhole(z[:n], len(data)+1)
			if !errors.Is(r.err, io.ErrUnexpectedEOF) || r.used != n || !bytes.HasPrefix(data, r.out) {
				t.Fatalf("level %d, %d of %d bytes: %d bytes, %v", level, n, len(z), len(r.out), r.err)
			}
			if n%16 == 0 {
				differential(t, z[:n], uint64(n))
			}
		}
	}
}

// TestChanges flips single bits of short streams and of a longer one.
func TestChanges(t *testing.T) {
	for _, level := range []int{-2, 0, 1, 5, 9} {
		z := pack(t, corpus.Lines(2000), level)
		for i := max(level, 0) % 3; i < len(z)*8; i += 3 {
			z[i/8] ^= 1 << (i % 8)
			differential(t, z, uint64(i))
			z[i/8] ^= 1 << (i % 8)
		}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	z := pack(t, corpus.Lines(200_000), 5)
	for range 300 {
		i := rnd.IntN(len(z) * 8)
		z[i/8] ^= 1 << (i % 8)
		differential(t, z, rnd.Uint64())
		z[i/8] ^= 1 << (i % 8)
	}
}

// TestTrees decodes random bits with random complete codes, which need the largest tables.
func TestTrees(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 3000 {
		lits, dists := tree(rnd, 286, 2+rnd.IntN(285)), tree(rnd, 30, 2+rnd.IntN(29))
		z := new(bits).dynamic(lits, dists)
		for range 50 {
			z.put(int(rnd.Uint32()), 32)
		}
		differential(t, z.p, rnd.Uint64())
	}
}

// tree returns the lengths of a complete code of n symbols out of size.
func tree(rnd *rand.Rand, size, n int) []int {
	leaves := []int{1, 1}
	deep := rnd.IntN(2) == 0
	for len(leaves) < n {
		i := rnd.IntN(len(leaves))
		if deep && rnd.IntN(8) > 0 {
			i = len(leaves) - 1
		}
		if leaves[i] == 15 {
			i = slices.Index(leaves, slices.Min(leaves))
		}
		leaves[i]++
		leaves = append(leaves, leaves[i])
	}
	out := make([]int, size)
	for i, s := range rnd.Perm(size)[:n] {
		out[s] = leaves[i]
	}
	return out
}

// TestFlush checks that flushed data comes out before the next input arrives.
func TestFlush(t *testing.T) {
	var z bytes.Buffer
	w, _ := flate.NewWriter(&z, 5)
	var d inflate.Decoder
	dst := make([]byte, 10_000)
	at := 0
	for i := range 50 {
		line := fmt.Sprintln("line", i)
		_, _ = io.WriteString(w, line)
		_ = w.Flush()
		n, used, err := d.Decode(dst, at, z.Bytes())
		if err != nil || used != z.Len() || string(dst[at:at+n]) != line {
			t.Fatalf("%d bytes %q of %d, %v", used, dst[at:at+n], z.Len(), err)
		}
		at += n
		z.Reset()
	}
}

// TestReset reuses a Decoder after the end, after an error, and in the middle of a stream.
func TestReset(t *testing.T) {
	data := corpus.Lines(100_000)
	z := pack(t, data, 5)
	var d inflate.Decoder
	dst := make([]byte, len(data))
	for i, first := range [][]byte{z, {7}, z[:1000], z[:100], pack(t, data, 0)[:1000], {3}} {
		decode := d.Decode
		if i%2 == 0 {
			decode = d.DecodeFinal
		}
		_, _, _ = decode(dst, 0, first)
		d.Reset()
		if n, used, err := d.DecodeFinal(dst, 0, z); n != len(data) || used != len(z) || err != io.EOF ||
			!bytes.Equal(dst, data) {
			t.Fatalf("%d: %d bytes of %d, %v", i, n, used, err)
		}
		d.Reset()
	}
}

func TestAllocations(t *testing.T) {
	data := corpus.Lines(100_000)
	z := pack(t, data, 5)
	d := new(inflate.Decoder)
	dst := make([]byte, len(data))
	if n := testing.AllocsPerRun(10, func() {
		d.Reset()
		_, _, _ = d.DecodeFinal(dst, 0, z)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var errSource = errors.New("the source failed")

// TestReaderError has a source that fails.
func TestReaderError(t *testing.T) {
	z := pack(t, corpus.Lines(100_000), 5)
	for _, n := range []int{0, 1, 100, 5000, len(z) - 1} {
		r := source(io.MultiReader(bytes.NewReader(z[:n]), failing{}))
		if got, err := io.ReadAll(r); !errors.Is(err, errSource) || n > 1000 && len(got) == 0 {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errSource }
