package codec

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// UnzstdOptions tunes [Unzstd]. The zero value is ready to use.
type UnzstdOptions struct {
	MaxBytes  int64 // decompressed bytes in total; 0 means 16 TiB, -1 no limit
	MaxRatio  int64 // decompressed bytes per compressed byte, after 256 MiB; 0 means 200,000, -1 no limit
	MaxWindow int64 // bytes of memory that a frame may require, 1 KiB to 2 GiB; 0 means 128 MiB

	AllowEmpty       bool // accept a stream of only skippable frames, which has no content
	RequireChecksums bool // refuse a frame without a checksum; damage in such a frame may pass

	// Parallelism is the number of goroutines that decompress. 0 means the number of
	// [stream.WithParallelism], by default none; -1 and 1 mean none. It applies to frames of at
	// most 16 MiB whose header has the size of the content, as [Zstd] writes them with Parallelism.
	// From the first other frame on, one goroutine decompresses the rest.
	Parallelism int
}

// Unzstd returns a flow that decompresses the zstd format (RFC 8878), the mirror of [Zstd].
//
//   - In: byte chunks of any size, of one or more frames. Skippable frames are skipped.
//   - Out: chunks of at most 64 KiB; with Parallelism one chunk for each frame.
//   - Memory: the frame's window, at most MaxWindow, and about 1 MiB; with Parallelism n about 3n
//     MiB for the output of Zstd, and up to 96n MiB for other frames. A process that read a full
//     window of 128 MiB took 288 MiB, 148 MiB if its chunks were lent; frames with growing windows
//     took 524 MiB.
//   - Goroutines: with Parallelism n, n goroutines decompress and one runs the upstream. The order
//     is kept.
//   - Errors: [io.ErrUnexpectedEOF] if the input has no frame with content or ends inside a frame;
//     zstd.ErrCRCMismatch and other errors of klauspost/compress for damage; a [*FormatError] for
//     another format; [ErrTrailing] if other data follows a frame; zstd.ErrWindowSizeExceeded,
//     before the memory is allocated, if a frame requires more than MaxWindow; [*LimitError]. For
//     frames that Zstd wrote with Parallelism also io.ErrUnexpectedEOF if the last ones are
//     missing, and [ErrSyntax] if others are missing, swapped or repeated.
//   - Limits: frames of other writers have no seek table, so a stream that was cut between two of
//     them looks complete. A frame that follows the table may have been repeated or inserted. To
//     detect that, put an end record inside or a layer such as age outside.
func Unzstd(opts *UnzstdOptions) stream.Flow[[]byte, []byte] {
	const name = "codec: unzstd"
	o := valueOf(opts)
	max, err := newBounds(o.MaxBytes, o.MaxRatio)
	if o.MaxWindow == 0 {
		o.MaxWindow = 128 << 20
	}
	if err == nil && (o.MaxWindow < zstd.MinWindowSize || o.MaxWindow > 2<<30) {
		err = errWindow
	}
	if err != nil {
		return failing[[]byte, []byte](wrap(name, err))
	}
	fused := lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		mem := openWindows(ctx, name, o.MaxWindow)
		defer mem.Close()
		open := func(r io.Reader) (io.Reader, error) {
			r.(*input).await()
			walk := &frameScanner{
				src: bufio.NewReaderSize(r, chunkSize), maxWindow: uint64(o.MaxWindow), reserve: mem.reserve,
				requireChecksums: o.RequireChecksums, allowEmpty: o.AllowEmpty,
			}
			return newZstdReader(&frameStream{frameScanner: walk}, o.MaxWindow)
		}
		err := withInput(ctx, name, src, func(in *input) error {
			return decode(ctx, in, max, open, &memory{lent: lent}, emit)
		})
		if mem.denied != nil {
			return mem.denied
		}
		return err
	})
	f := &parallelFrames{maxWindow: o.MaxWindow, requireChecksums: o.RequireChecksums, allowEmpty: o.AllowEmpty}
	return byParallelism(name, o.Parallelism, func(w workers) bytesFlow {
		if w.n < 2 {
			return fused
		}
		return unpackFlow(name, max, w, f.cut, f.unpack)
	})
}

var errWindow = errors.New("MaxWindow is not 1 KiB to 2 GiB")

func zstdOptions(window int64) []zstd.DOption {
	return []zstd.DOption{
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderMaxWindow(uint64(window)),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(1 << 62), // MaxBytes and MaxRatio limit the output
	}
}
