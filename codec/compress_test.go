package codec_test

import (
	"bytes"
	"compress/flate"
	stdzlib "compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
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

func TestCompressionLimits(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name   string
		pack   flow
		unpack func(bytes, ratio int64) flow
	}{
		{"gzip", codec.Gzip(nil), func(b, r int64) flow {
			return codec.Gunzip(&codec.GunzipOptions{MaxBytes: b, MaxRatio: r})
		}},
		{"gzip by 2", codec.Gzip(&codec.GzipOptions{Parallelism: 2}), func(b, r int64) flow {
			return codec.Gunzip(&codec.GunzipOptions{MaxBytes: b, MaxRatio: r, Parallelism: 2})
		}},
		{"zlib", codec.Zlib(nil), func(b, r int64) flow {
			return codec.Unzlib(&codec.InflateOptions{MaxBytes: b, MaxRatio: r})
		}},
		{"deflate", codec.Deflate(nil), func(b, r int64) flow {
			return codec.Inflate(&codec.InflateOptions{MaxBytes: b, MaxRatio: r})
		}},
		{"zstd", codec.Zstd(nil), func(b, r int64) flow {
			return codec.Unzstd(&codec.UnzstdOptions{MaxBytes: b, MaxRatio: r})
		}},
		{"zstd by 2", codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), func(b, r int64) flow {
			return codec.Unzstd(&codec.UnzstdOptions{MaxBytes: b, MaxRatio: r, Parallelism: 2})
		}},
		{"s2", codec.S2(nil), func(b, r int64) flow {
			return codec.UnS2(&codec.UnS2Options{MaxBytes: b, MaxRatio: r})
		}},
	} {
		z := must(t)(bytesThrough(c.pack, make([]byte, 3*mib), 0))
		for _, l := range []struct {
			bytes int64
			ok    bool
		}{{3*mib - 1, false}, {3 * mib, true}, {0, true}, {-1, true}} {
			_, err := bytesThrough(c.unpack(l.bytes, 0), z, 0)
			if (err == nil) != l.ok || !l.ok && !errors.Is(err, codec.ErrLimit) {
				t.Errorf("%s: MaxBytes %d: %v", c.name, l.bytes, err)
			}
		}
		for _, bad := range []flow{c.unpack(-2, 0), c.unpack(0, -2)} {
			if _, err := bytesThrough(bad, z, 0); err == nil {
				t.Errorf("%s: bad limits: no error", c.name)
			}
		}
	}
	// Zeros, 1 MiB more than the floor, exceed any small ratio. Without a ratio they must decode.
	floor := codec.RatioFloor
	if raced {
		floor = 4 * mib
		defer codec.SetRatioFloor(floor)()
	}
	total := int(floor/mib) + 1
	zeros := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for range total {
			if err := emit(make([]byte, mib)); err != nil {
				return err
			}
		}
		return nil
	})
	for name, c := range map[string]struct {
		pack   flow
		unpack func(ratio int64) flow
	}{
		"gzip by 2": {codec.Gzip(&codec.GzipOptions{Parallelism: 2}), func(r int64) flow {
			return codec.Gunzip(&codec.GunzipOptions{MaxRatio: r, Parallelism: 2})
		}},
		"gzip, smallest": {codec.Gzip(&codec.GzipOptions{Level: 9}), func(r int64) flow {
			return codec.Gunzip(&codec.GunzipOptions{MaxRatio: r})
		}},
		"deflate": {codec.Deflate(nil), func(r int64) flow {
			return codec.Inflate(&codec.InflateOptions{MaxRatio: r})
		}},
		"zstd, smallest": {codec.Zstd(&codec.ZstdOptions{Level: 10}), func(r int64) flow {
			return codec.Unzstd(&codec.UnzstdOptions{MaxRatio: r})
		}},
		"zstd by 2": {codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), func(r int64) flow {
			return codec.Unzstd(&codec.UnzstdOptions{MaxRatio: r, Parallelism: 2})
		}},
		"s2": {codec.S2(nil), func(r int64) flow { return codec.UnS2(&codec.UnS2Options{MaxRatio: r}) }},
	} {
		out, err := stream.Run(context.Background(), stream.Via(zeros, c.pack), sink.Slice[[]byte]())
		if err != nil {
			t.Fatal(err)
		}
		z := stream.Via(source.Slice(out), clone)
		size := 0
		err = stream.Via(z, c.unpack(0)).Each(context.Background(), func(p []byte) error {
			size += len(p)
			return nil
		})
		if err != nil || size != total*mib {
			t.Errorf("%s: %d MiB, %v", name, size/mib, err)
		}
		var limit *codec.LimitError
		if err := drain(stream.Via(z, c.unpack(500))); !errors.As(err, &limit) || limit.Limit != "MaxRatio" ||
			limit.Max != 500 {
			t.Errorf("%s: more than 500 for one: %v", name, err)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for name, f := range map[string]flow{
		"gzip level":         codec.Gzip(&codec.GzipOptions{Level: 10}),
		"gzip parallelism":   codec.Gzip(&codec.GzipOptions{Parallelism: -2}),
		"gunzip parallelism": codec.Gunzip(&codec.GunzipOptions{Parallelism: -2}),
		"zlib level":         codec.Zlib(&codec.DeflateOptions{Level: -1}),
		"deflate level":      codec.Deflate(&codec.DeflateOptions{Level: 10}),
		"zstd level":         codec.Zstd(&codec.ZstdOptions{Level: 23}),
		"zstd parallelism":   codec.Zstd(&codec.ZstdOptions{Parallelism: -2}),
		"unzstd parallelism": codec.Unzstd(&codec.UnzstdOptions{Parallelism: -2}),
		"unzstd window":      codec.Unzstd(&codec.UnzstdOptions{MaxWindow: 1}),
		"unzstd window, big": codec.Unzstd(&codec.UnzstdOptions{MaxWindow: 4 << 30}),
		"s2 level":           codec.S2(&codec.S2Options{Level: 4}),
	} {
		up := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
			t.Errorf("%s: the upstream was started", name)
			return nil
		})
		if err := drain(stream.Via(up, f)); err == nil || !strings.HasPrefix(err.Error(), "codec: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnzstdTableMemory reads a stream with a million empty frames that announces a seek table, and
// checks the memory.
func TestUnzstdTableMemory(t *testing.T) {
	const mark, frame, frames = "\x5d\x2a\x4d\x18\x08\x00\x00\x00millweir",
		"\x28\xb5\x2f\xfd\x24\x00\x01\x00\x00\x99\xe9\xd8\x51", 1 << 20
	for n := range 3 {
		var begin, end uint64
		src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			if err := emit([]byte(mark)); err != nil {
				return err
			}
			p := bytes.Repeat([]byte(frame), 4096)
			for i := range frames / 4096 {
				if i == 1 {
					begin = memory()
				}
				if err := emit(p); err != nil {
					return err
				}
			}
			end = memory()
			return nil
		})
		if err := drain(stream.Via(src, codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}))); !errors.Is(err,
			io.ErrUnexpectedEOF) {
			t.Errorf("by %d: %v", n, err)
		}
		if end > begin+2<<20 {
			t.Errorf("by %d: %d KiB for the frames", n, (end-begin)>>10)
		}
	}
}

func TestZstdWindow(t *testing.T) {
	const magic, hello = "\x28\xb5\x2f\xfd", "\x29\x00\x00hello" // the last block
	own := string(must(t)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 1}), jsonText(200_000), 0)))
	for _, c := range []struct {
		what, in string
		window   int64
		want     error
	}{
		{"256 MiB", magic + "\x00\x90" + hello, 0, zstd.ErrWindowSizeExceeded},
		{"256 MiB, allowed", magic + "\x00\x90" + hello, 256 << 20, nil},
		{"256 MiB and the size", magic + "\x80\x90\x05\x00\x00\x00" + hello, 0, zstd.ErrWindowSizeExceeded},
		{"32 MiB and the size", magic + "\x80\x78\x05\x00\x00\x00" + hello, 0, nil},
		{
			"32 MiB and the size, refused", magic + "\x80\x78\x05\x00\x00\x00" + hello, 16 << 20,
			zstd.ErrWindowSizeExceeded,
		},
		{"a frame that is its own window", own, 64 << 10, zstd.ErrWindowSizeExceeded},
		{"one that is, allowed", own, 256 << 10, nil},
		{"the longest header", magic + "\xc3\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00" + hello, 0, nil},
	} {
		for n := range 3 {
			_, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{MaxWindow: c.window, Parallelism: n}),
				[]byte(c.in), 0)
			if !errors.Is(err, c.want) {
				t.Errorf("%s, by %d: %v", c.what, n, err)
			}
		}
	}
}

func TestZstdChecksums(t *testing.T) {
	for _, o := range []*codec.ZstdOptions{nil, {Parallelism: 2}, {Level: 19}} {
		for _, size := range []int{0, 1, 3000, 3 << 20} {
			z := must(t)(bytesThrough(codec.Zstd(o), jsonText(size)[:size], 0))
			if _, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{RequireChecksums: true}), z, 0); err != nil {
				t.Errorf("%+v, %d bytes: %v", o, size, err)
			}
		}
	}
	for _, n := range []int{1, 2} {
		for _, whole := range []bool{false, true} { // a frame with the size of its content, and one without
			var b bytes.Buffer
			enc, _ := zstd.NewWriter(&b, zstd.WithEncoderCRC(false))
			_, _ = enc.Write(jsonText(3000))
			_ = enc.Close()
			if whole {
				b.Reset()
				b.Write(enc.EncodeAll(jsonText(3000), nil))
			}
			if _, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}), b.Bytes(), 0); err != nil {
				t.Errorf("by %d: %v", n, err)
			}
			if _, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{Parallelism: n, RequireChecksums: true}),
				b.Bytes(), 0); err == nil {
				t.Errorf("by %d: a frame without a checksum passed", n)
			}
		}
	}
}
