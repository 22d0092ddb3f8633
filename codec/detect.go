package codec

import (
	"context"
	"errors"
	"io"

	"github.com/millweir/millweir/stream"
)

// ErrUnknownFormat says that the first bytes of a stream belong to no format that [Detect] knows.
var ErrUnknownFormat = errors.New("unknown format")

// DetectOptions tunes [Detect]. The zero value is ready to use.
type DetectOptions struct {
	Plain       bool  // pass on what is in no known format, or empty, as it is
	MaxBytes    int64 // as in [GunzipOptions]
	MaxRatio    int64 // as in [GunzipOptions]
	Parallelism int   // as in [GunzipOptions], [UnzstdOptions] and [UnS2Options]

	RequireChecksums bool // as in [UnzstdOptions]
}

// Detect returns a flow that decompresses its input by the format that its first bytes tell: gzip, zstd, zlib, S2 or Snappy.
//
//   - In, out: as of the flow that is chosen: [Gunzip], [Unzstd], [Unzlib], [UnS2]. Raw deflate has no mark and is not found; two bytes
//     are all that marks zlib, so that text in no format could be taken for it.
//   - Errors: those of the chosen flow; [ErrUnknownFormat]; [io.ErrUnexpectedEOF] when the input is empty.
//   - Memory: two chunks, and what the chosen flow takes.
//   - Order and goroutines: fused, or as the chosen flow.
func Detect(opts *DetectOptions) stream.Flow[[]byte, []byte] {
	const name = "codec: detect"
	var o DetectOptions
	if opts != nil {
		o = *opts
	}
	_, err := newBounds(o.MaxBytes, o.MaxRatio)
	if err == nil {
		err = checkParallelism(o.Parallelism)
	}
	if err != nil {
		return failing[[]byte, []byte](wrap(name, err))
	}
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			return pulling(ctx, name, src, func(in *input) error {
				head := make([]byte, 4)
				n, err := io.ReadFull(in, head)
				if err != nil && in.err != nil {
					return in.err
				}
				head = head[:n]
				f := o.choose(head)
				switch {
				case f == nil && n == 0:
					return in.fail(io.ErrUnexpectedEOF)
				case f == nil:
					return in.fail(ErrUnknownFormat)
				}
				return f.Apply(&headed{in, head}).Each(ctx, emit)
			})
		})
	})
}

// choose returns the flow for a stream that begins with head.
func (o *DetectOptions) choose(head []byte) stream.Flow[[]byte, []byte] {
	is := func(magic string) bool { return len(head) >= len(magic) && string(head[:len(magic)]) == magic }
	switch {
	case is("\x1f\x8b"):
		return Gunzip(&GunzipOptions{MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio, Parallelism: o.Parallelism})
	case is("\x28\xb5\x2f\xfd"), len(head) == 4 && head[0]&0xf0 == 0x50 && string(head[1:]) == "\x2a\x4d\x18":
		return Unzstd(&UnzstdOptions{
			MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio, Parallelism: o.Parallelism, RequireChecksums: o.RequireChecksums,
		})
	case is("\xff\x06\x00\x00"):
		return UnS2(&UnS2Options{MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio, Parallelism: o.Parallelism})
	case len(head) >= 2 && head[0] == 0x78 && (int(head[0])<<8|int(head[1]))%31 == 0 && head[1]&0x20 == 0:
		return Unzlib(&InflateOptions{MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio})
	case o.Plain:
		return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] { return src })
	}
	return nil
}

// headed is a source of the bytes of in, of which head was read before.
type headed struct {
	in   *input
	head []byte
}

// Each implements [stream.Source].
func (h *headed) Each(ctx context.Context, emit func([]byte) error) error {
	if len(h.head) > 0 {
		if err := emit(h.head); err != nil {
			return err
		}
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := make([]byte, chunkSize)
		n, err := h.in.Read(p)
		if n > 0 {
			if err := emit(p[:n:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // input returns io.EOF itself, and only for a complete upstream
			return nil
		case err != nil:
			return h.in.err
		}
	}
}
