package codec_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

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
