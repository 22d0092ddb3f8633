package codec_test

import (
	"bytes"
	"compress/flate"
	stdzlib "compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream/streamtest"
)

// pair is a compressor with its mirror and, if one exists, a decoder of another library.
type pair struct {
	name   string
	pack   func() flow
	unpack func() flow
	other  func([]byte) ([]byte, error)
	sum    bool // the format detects damage
}

func pairs() []pair {
	readZstd := func(p []byte) ([]byte, error) {
		d, err := zstd.NewReader(bytes.NewReader(p))
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return io.ReadAll(d)
	}
	readZlib := func(p []byte) ([]byte, error) {
		r, err := stdzlib.NewReader(bytes.NewReader(p))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}
	readFlate := func(p []byte) ([]byte, error) { return io.ReadAll(flate.NewReader(bytes.NewReader(p))) }
	readS2 := func(p []byte) ([]byte, error) { return io.ReadAll(s2.NewReader(bytes.NewReader(p))) }
	readSnappy := func(p []byte) ([]byte, error) { return io.ReadAll(snappy.NewReader(bytes.NewReader(p))) }
	var all []pair
	for _, n := range []int{0, 1, 3} {
		by := ""
		if n > 0 {
			by = fmt.Sprintf(" by %d", n)
		}
		all = append(all,
			pair{
				name: "gzip" + by, sum: true, other: kgunzip,
				pack:   func() flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) },
				unpack: func() flow { return codec.Gunzip(&codec.GunzipOptions{Parallelism: n}) },
			},
			pair{
				name: "zlib" + by, sum: true, other: readZlib,
				pack:   func() flow { return codec.Zlib(&codec.DeflateOptions{Parallelism: n}) },
				unpack: func() flow { return codec.Unzlib(nil) },
			},
			pair{
				name: "deflate" + by, other: readFlate,
				pack:   func() flow { return codec.Deflate(&codec.DeflateOptions{Parallelism: n}) },
				unpack: func() flow { return codec.Inflate(nil) },
			},
			pair{
				name: "zstd" + by, sum: true, other: readZstd,
				pack: func() flow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) },
				unpack: func() flow {
					return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n, RequireChecksums: true})
				},
			},
			pair{
				name: "s2" + by, sum: true, other: readS2,
				pack:   func() flow { return codec.S2(&codec.S2Options{Parallelism: n}) },
				unpack: func() flow { return codec.UnS2(&codec.UnS2Options{Parallelism: n}) },
			},
			pair{
				name: "snappy" + by, sum: true, other: readSnappy,
				pack:   func() flow { return codec.S2(&codec.S2Options{Snappy: true, Parallelism: n}) },
				unpack: func() flow { return codec.UnS2(&codec.UnS2Options{Parallelism: n}) },
			})
	}
	return all
}

func TestCompressionContract(t *testing.T) {
	for _, c := range pairs() {
		if c.name == "gzip" || strings.HasSuffix(c.name, " by 1") {
			continue // gzip has its own tests; "by 1" differs from "by 3" only in the number of goroutines
		}
		t.Run(c.name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
				New:   c.pack,
				Steps: 2,
				Many:  20,
				Want: func(t *testing.T, in, out [][]byte) {
					if got, err := c.other(bytes.Join(out, nil)); err != nil || !bytes.Equal(got, bytes.Join(in, nil)) {
						t.Errorf("got %d bytes, %v", len(got), err)
					}
				},
			})
		})
		if c.name == "zlib by 3" || c.name == "deflate by 3" {
			continue // decoded in the same way as without goroutines
		}
		t.Run("un"+c.name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
				New:   c.unpack,
				Steps: 2,
				Many:  10,
				Input: func(n int) [][]byte {
					z := must(t)(bytesThrough(c.pack(), noise(n*3000), 0))
					if n == 0 {
						return [][]byte{z}
					}
					return chunksOf(z, len(z)/n+1)
				},
				Want: func(t *testing.T, in, out [][]byte) {
					if want, err := c.other(bytes.Join(in, nil)); err != nil || !bytes.Equal(bytes.Join(out, nil),
						want) {
						t.Errorf("not the same, %v", err)
					}
				},
			})
		})
	}
}

func chunksOf(p []byte, size int) [][]byte {
	var all [][]byte
	for len(p) > 0 {
		n := min(size, len(p))
		all = append(all, bytes.Clone(p[:n]))
		p = p[n:]
	}
	return all
}

func TestCompressionEdges(t *testing.T) {
	const mib = 1 << 20
	for _, c := range pairs() {
		for _, size := range []int{0, 1, 2, 1000, 100_000, mib - 1, mib, mib + 1, 2*mib + 5} {
			if size > 1000 && (strings.Contains(c.name, " by ") == (size == 100_000) ||
				strings.HasSuffix(c.name, " by 1")) {
				continue
			}
			for kind, data := range map[string][]byte{
				"text": jsonText(size)[:size], "noise": noise(size),
				"zeros": make([]byte, size),
			} {
				z := must(t)(bytesThrough(c.pack(), data, 100_000))
				if got, err := c.other(z); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%s: %s of %d: another decoder reads %d bytes, %v", c.name, kind, size, len(got), err)
				}
				for _, cut := range []int{1, 70_000} {
					if cut == 1 && len(z) > 10_000 {
						continue
					}
					if got, err := bytesThrough(c.unpack(), z, cut); err != nil || !bytes.Equal(got, data) {
						t.Fatalf("%s: %s of %d cut at %d: %d bytes, %v", c.name, kind, size, cut, len(got), err)
					}
				}
				if again := must(t)(bytesThrough(c.pack(), data, 99_991)); !bytes.Equal(again, z) {
					t.Errorf("%s: %s of %d: other bytes in a second run", c.name, kind, size)
				}
			}
		}
	}
}

func TestCompressionTruncated(t *testing.T) {
	for _, c := range pairs() {
		for _, data := range [][]byte{nil, jsonText(600)} {
			z := must(t)(bytesThrough(c.pack(), data, 0))
			for n := range z {
				for _, cut := range []int{0, 1} {
					if _, err := bytesThrough(c.unpack(), z[:n], cut); !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("%s: %d of %d bytes cut at %d: %v", c.name, n, len(z), cut, err)
					}
				}
			}
		}
	}
}

func TestCompressionTrailing(t *testing.T) {
	for _, c := range pairs() {
		z := must(t)(bytesThrough(c.pack(), jsonText(600), 0))
		for _, tail := range []string{
			"\x00", "\x01\x02\x03\x04\x05\x06\x07\x08", "garbage, and more of it",
			strings.Repeat("\x00", 512),
		} {
			for _, cut := range []int{0, 1} {
				if _, err := bytesThrough(c.unpack(), append(bytes.Clone(z), tail...), cut); err == nil {
					t.Errorf("%s: tail %.10q cut at %d: no error", c.name, tail, cut)
				}
			}
		}
	}
}

func TestCompressionDamage(t *testing.T) {
	for _, c := range pairs() {
		data := jsonText(400)
		z := must(t)(bytesThrough(c.pack(), data, 0))
		for i := range z {
			for _, bit := range []byte{1, 0x10, 0x80} {
				bad := bytes.Clone(z)
				bad[i] ^= bit
				got, err := bytesThrough(c.unpack(), bad, 0)
				if err == nil && c.sum && !bytes.Equal(got, data) {
					t.Errorf("%s: byte %d ^ %#x: wrong data without an error", c.name, i, bit)
				}
			}
		}
	}
}
