package codec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

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
