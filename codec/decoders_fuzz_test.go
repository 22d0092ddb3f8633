package codec_test

import (
	"bytes"
	"compress/flate"
	stdzlib "compress/zlib"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
)

func FuzzUnzlib(f *testing.F) {
	f.Add(must(f)(bytesThrough(codec.Zlib(nil), []byte("hello hello"), 0)), 1)
	f.Add(must(f)(bytesThrough(codec.Zlib(&codec.DeflateOptions{Parallelism: 1}), jsonText(200), 0)), 0)
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		got, err := bytesThrough(codec.Unzlib(&codec.InflateOptions{MaxBytes: 32 << 20}), z, max(cut, 0))
		var want []byte
		src := bytes.NewReader(z)
		r, werr := stdzlib.NewReader(src)
		if werr == nil {
			if want, werr = io.ReadAll(io.LimitReader(r, 32<<20)); werr == nil && src.Len() > 0 {
				werr = codec.ErrTrailing
			}
		}
		if errors.Is(werr, stdzlib.ErrDictionary) || errors.Is(err, codec.ErrLimit) {
			return
		}
		if (err == nil) != (werr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("we read %d bytes, %v; the standard library %d, %v", len(got), err, len(want), werr)
		}
	})
}

func FuzzInflate(f *testing.F) {
	f.Add(must(f)(bytesThrough(codec.Deflate(nil), []byte("hello hello"), 0)), 1)
	f.Add([]byte{3, 0}, 0)
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		got, err := bytesThrough(codec.Inflate(&codec.InflateOptions{MaxBytes: 32 << 20}), z, max(cut, 0))
		src := bytes.NewReader(z)
		want, werr := io.ReadAll(io.LimitReader(flate.NewReader(src), 32<<20))
		if werr == nil && src.Len() > 0 {
			werr = codec.ErrTrailing
		}
		if errors.Is(err, codec.ErrLimit) {
			return
		}
		if (err == nil) != (werr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("we read %d bytes, %v; the standard library %d, %v", len(got), err, len(want), werr)
		}
	})
}

func FuzzUnS2(f *testing.F) {
	for _, o := range []*codec.S2Options{nil, {Snappy: true}, {Level: 3}} {
		f.Add(must(f)(bytesThrough(codec.S2(o), []byte("hello hello hello hello hello"), 0)), 1)
		f.Add(must(f)(bytesThrough(codec.S2(o), nil, 0)), 0)
	}
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		got, err := bytesThrough(codec.UnS2(nil), z, max(cut, 0))
		par, perr := bytesThrough(codec.UnS2(&codec.UnS2Options{Parallelism: 2}), z, max(cut, 0))
		if (err == nil) != (perr == nil) || err == nil && !bytes.Equal(got, par) {
			t.Fatalf("%d bytes, %v; in parallel %d bytes, %v", len(got), err, len(par), perr)
		}
		// Our decoder is stricter, never more lenient.
		if want, werr := io.ReadAll(s2.NewReader(bytes.NewReader(z))); err == nil &&
			(werr != nil || !bytes.Equal(got, want)) {
			t.Fatalf("we read %d bytes, another reader %d, %v", len(got), len(want), werr)
		}
	})
}

func FuzzUnzstd(f *testing.F) {
	f.Add(must(f)(bytesThrough(codec.Zstd(nil), []byte("hello hello hello"), 0)), 1)
	f.Add(must(f)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 1}), jsonText(200), 0)), 0)
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		o := &codec.UnzstdOptions{MaxBytes: 32 << 20, MaxWindow: 8 << 20}
		got, err := bytesThrough(codec.Unzstd(o), z, max(cut, 0))
		o.Parallelism = 2
		par, perr := bytesThrough(codec.Unzstd(o), z, max(cut, 0))
		if (err == nil) != (perr == nil) || err == nil && !bytes.Equal(got, par) {
			t.Fatalf("%d bytes, %v; in parallel %d bytes, %v", len(got), err, len(par), perr)
		}
		if err != nil {
			return
		}
		// Our decoder is stricter, never more lenient.
		d, derr := zstd.NewReader(bytes.NewReader(z), zstd.WithDecoderConcurrency(1))
		if derr != nil {
			t.Fatal(derr)
		}
		defer d.Close()
		if want, werr := io.ReadAll(d); werr != nil || !bytes.Equal(got, want) {
			t.Fatalf("we read %d bytes, another reader %d, %v", len(got), len(want), werr)
		}
	})
}

func FuzzGunzipParallel(f *testing.F) {
	f.Add(must(f)(bytesThrough(codec.Gzip(&codec.GzipOptions{Parallelism: 1}), jsonText(200), 0)), 0)
	f.Add(slices.Concat(bgzipMember(f, jsonText(200)), []byte(bgzipEnd)), 3)
	f.Add(slices.Concat(migzMember(f, jsonText(200)), migzMember(f, nil)), 1)
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		got, err := bytesThrough(codec.Gunzip(nil), z, max(cut, 0))
		par, perr := bytesThrough(codec.Gunzip(&codec.GunzipOptions{Parallelism: 2}), z, max(cut, 0))
		if (err == nil) != (perr == nil) || err == nil && !bytes.Equal(got, par) {
			t.Fatalf("%d bytes, %v; in parallel %d bytes, %v", len(got), err, len(par), perr)
		}
	})
}
