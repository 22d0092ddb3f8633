package codec_test

import (
	"bytes"
	"errors"
	"hash/adler32"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/millweir/millweir/codec"
)

// long is set by MILLWEIR_LONG=1. With it, tests that take minutes check every case instead of a
// sample.
var long = os.Getenv("MILLWEIR_LONG") != ""

// damaged returns the files of 400 KiB that the tests truncate and change.
func damaged(t *testing.T) map[string]struct {
	z, plain []byte
	unpack   func() flow
} {
	const size = 400 << 10
	out := map[string]struct {
		z, plain []byte
		unpack   func() flow
	}{}
	for _, c := range pairs() {
		switch c.name {
		case "gzip", "zstd", "gzip by 3", "zstd by 3", "s2", "snappy", "zlib":
		default:
			continue
		}
		plain := jsonText(4 << 20)
		z := must(t)(bytesThrough(c.pack(), plain, 0))
		plain = plain[:min(len(plain), int(float64(len(plain))*size/float64(len(z))))]
		z = must(t)(bytesThrough(c.pack(), plain, 0))
		if len(z) < size*8/10 || len(z) > size*12/10 {
			t.Fatalf("%s: a file of %d bytes", c.name, len(z))
		}
		e := out[c.name]
		e.z, e.plain, e.unpack = z, plain, c.unpack
		out[c.name] = e
	}
	return out
}

// TestEveryCut truncates a file at every byte. Without MILLWEIR_LONG it truncates at a sample of
// the bytes, and at all bytes near the ends and near the boundaries of members, frames and chunks.
func TestEveryCut(t *testing.T) {
	for name, c := range damaged(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cuts := 0
			for n := range c.z {
				near := n < 64 || n > len(c.z)-64 || edge(c.z, n)
				if !long && !near && n%8209 != 0 {
					continue
				}
				cuts++
				if _, err := bytesThrough(c.unpack(), c.z[:n], 0); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%d of %d bytes: %v", n, len(c.z), err)
				}
			}
			t.Logf("%d cuts of %d bytes", cuts, len(c.z))
		})
	}
}

// edge reports whether a member, frame or chunk may begin near z[n].
func edge(z []byte, n int) bool {
	w := z[max(n-2, 0):min(n+6, len(z))]
	for _, mark := range []string{
		"\x1f\x8b\x08\x04", "\x28\xb5\x2f\xfd", "\x2a\x4d\x18", "\x8d\x02\x00\x00",
		"\x8d\x0c\x00\x00",
	} {
		if bytes.Contains(w, []byte(mark)) {
			return true
		}
	}
	return false
}

// TestBitFlips flips single random bits: 50,000 with MILLWEIR_LONG. A decoder must not return
// changed data without an error. Flips of bits that do not affect the data may pass, such as the
// time in a header or the padding of a zstd bit stream. Flips that zlib's weak checksum misses
// pass, too. The tests of agecodec check that age refuses every flip.
func TestBitFlips(t *testing.T) {
	flips := 60
	if long {
		flips = 50_000
	}
	for name, c := range damaged(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(3, 4))
			passed, blind := 0, 0
			for range flips {
				i, bit := rnd.IntN(len(c.z)), byte(1)<<rnd.IntN(8)
				bad := bytes.Clone(c.z)
				bad[i] ^= bit
				got, err := bytesThrough(c.unpack(), bad, 0)
				switch {
				case err != nil:
				case name == "zlib" && !bytes.Equal(got, c.plain) && adler32.Checksum(got) == adler32.Checksum(c.plain):
					blind++
				case !bytes.Equal(got, c.plain):
					t.Errorf("byte %d ^ %#x: wrong data without an error", i, bit)
				default:
					passed++
				}
			}
			if passed > 1+flips/1000 {
				t.Errorf("%d of %d flips passed", passed, flips)
			}
			if blind > flips/10_000 {
				t.Errorf("the checksum saw no difference in %d of %d flips", blind, flips)
			}
			t.Logf("%d flips, of which %d in bits without a meaning, and %d unseen by the checksum", flips, passed,
				blind)
		})
	}
}

// TestParts omits, swaps and repeats the parts of a stream that was written in parts.
func TestParts(t *testing.T) {
	data := jsonText(5 << 20)
	for name, c := range map[string]struct {
		pack   flow
		unpack func(n int) flow
	}{
		"gzip": {codec.Gzip(&codec.GzipOptions{Parallelism: 2}), func(n int) flow {
			return codec.Gunzip(&codec.GunzipOptions{Parallelism: n})
		}},
		"zstd": {codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), func(n int) flow {
			return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n})
		}},
		"s2": {codec.S2(&codec.S2Options{Parallelism: 2}), func(n int) flow {
			return codec.UnS2(&codec.UnS2Options{Parallelism: n})
		}},
		"snappy": {
			codec.S2(&codec.S2Options{Parallelism: 2, Snappy: true}),
			func(n int) flow { return codec.UnS2(&codec.UnS2Options{Parallelism: n}) },
		},
	} {
		parts, err := through(c.pack, data, 0)
		if err != nil || len(parts) < 6 {
			t.Fatalf("%s: %d parts, %v", name, len(parts), err)
		}
		others, err := through(c.pack, bytes.ToUpper(data), 0)
		if err != nil {
			t.Fatal(err)
		}
		last := len(parts) - 1
		change := func(f func(p [][]byte) [][]byte) []byte { return bytes.Join(f(slices.Clone(parts)), nil) }
		for what, z := range map[string][]byte{
			"swapped":       change(func(p [][]byte) [][]byte { p[1], p[2] = p[2], p[1]; return p }),
			"repeated":      change(func(p [][]byte) [][]byte { return slices.Insert(p, 2, p[1]) }),
			"one left out":  change(func(p [][]byte) [][]byte { return slices.Delete(p, 2, 3) }),
			"first missing": change(func(p [][]byte) [][]byte { return p[1:] }),
			"three missing": change(func(p [][]byte) [][]byte { return p[3:] }),
			"only the end":  change(func(p [][]byte) [][]byte { return p[last:] }),
			"last missing":  change(func(p [][]byte) [][]byte { return slices.Delete(p, last-1, last) }),
			"end missing":   change(func(p [][]byte) [][]byte { return p[:last] }),
			"half":          change(func(p [][]byte) [][]byte { return p[:3] }),
			"half, again":   change(func(p [][]byte) [][]byte { return append(p[:3:3], p...) }),
			"end repeated":  change(func(p [][]byte) [][]byte { return append(p, p[last]) }),
			"more behind":   change(func(p [][]byte) [][]byte { return append(p, p[last-1]) }),
			"two, a gap":    bytes.Join(slices.Concat(parts[:2], others[2:]), nil), // parts of two streams
		} {
			for n := range 4 {
				got, err := bytesThrough(c.unpack(n), z, 100_000)
				// Only after a zstd stream may a frame of another stream follow.
				if err == nil && (name != "zstd" || what != "more behind") {
					t.Errorf("%s by %d: %s: no error, %d bytes", name, n, what, len(got))
				}
			}
		}
		twice := append(bytes.Join(parts, nil), bytes.Join(parts, nil)...)
		for n := range 4 {
			if got, err := bytesThrough(c.unpack(n), twice, 100_000); err != nil || len(got) != 2*len(data) {
				t.Errorf("%s by %d: two streams: %d bytes, %v", name, n, len(got), err)
			}
		}
	}
}

// TestSkippable puts skippable frames before, into and after a zstd stream.
func TestSkippable(t *testing.T) {
	const skip = "\x5f\x2a\x4d\x18\x03\x00\x00\x00abc"
	parts, err := through(codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), jsonText(3<<20), 0)
	if err != nil {
		t.Fatal(err)
	}
	all := bytes.Join(parts, nil)
	for n := range 4 {
		f := codec.Unzstd(&codec.UnzstdOptions{Parallelism: n})
		if _, err := bytesThrough(f, append([]byte(skip), all...), 0); err != nil {
			t.Errorf("by %d: before the stream: %v", n, err)
		}
		for i := 1; i <= len(parts); i++ {
			if _, err := bytesThrough(f, bytes.Join(slices.Insert(slices.Clone(parts), i, []byte(skip)), nil),
				0); err == nil {
				t.Errorf("by %d: at %d of %d: no error", n, i, len(parts))
			}
		}
	}
}

// TestUnS2BehindTheEnd appends valid and invalid data to an S2 stream.
func TestUnS2BehindTheEnd(t *testing.T) {
	data := jsonText(100_000)
	z := must(t)(bytesThrough(codec.S2(nil), data, 0))
	var other bytes.Buffer
	w := s2.NewWriter(&other, s2.WriterAddIndex())
	_, _ = w.Write(data)
	_ = w.Close()
	const padding, begin, end = "\xfe\x01\x00\x00x", "\x8d\x02\x00\x00mw",
		"\x8d\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, c := range []struct {
		what, behind string
		times        int // how often the data is decoded; 0 for an error
	}{
		{"padding", padding, 1},
		{"another stream", other.String(), 2},
		{"padding and another stream", padding + other.String(), 2},
		{"a block", other.String()[10:], 0},
		{"a mark without a stream", begin + end, 0},
		{"an end", end, 0},
	} {
		for n := range 3 {
			got, err := bytesThrough(codec.UnS2(&codec.UnS2Options{Parallelism: n}),
				append(bytes.Clone(z), c.behind...), 1000)
			switch {
			case c.times == 0 && !errors.Is(err, codec.ErrSyntax):
				t.Errorf("by %d: %s: %d bytes, %v", n, c.what, len(got), err)
			case c.times > 0 && (err != nil || !bytes.Equal(got, bytes.Repeat(data, c.times))):
				t.Errorf("by %d: %s: %d bytes, %v", n, c.what, len(got), err)
			}
		}
	}
}
