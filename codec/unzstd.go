package codec

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/stream"
)

// UnzstdOptions tunes [Unzstd]. The zero value is ready to use.
type UnzstdOptions struct {
	MaxBytes  int64 // decompressed bytes in all; 0 means 16 TiB, -1 no limit
	MaxRatio  int64 // decompressed bytes for each compressed one, looked at beyond 256 MiB of them; 0 means 200,000, -1 no limit
	MaxWindow int64 // bytes of memory that a frame may ask for, 1 KiB to 2 GiB; 0 means 128 MiB

	AllowEmpty       bool // accept a stream of skippable frames alone, which has no content
	RequireChecksums bool // refuse a frame that was written without a checksum; else its damage may pass

	// Parallelism is how many goroutines decompress. 0 and 1 mean none. Frames that tell their size, of at most 16 MiB, are read
	// that way, as [Zstd] with Parallelism writes them; from the first other frame on, one goroutine does all.
	Parallelism int
}

// Unzstd returns a flow that decompresses the zstd format (RFC 8878), the mirror of [Zstd].
//
//   - In: byte chunks of any size, of one or more frames; skippable frames are passed over. Out: chunks of at most 64 KiB, with
//     Parallelism one a frame.
//   - Errors: [io.ErrUnexpectedEOF] when the input ends inside a frame, or has no frame but skippable ones; zstd.ErrMagicMismatch in
//     a [*FormatError] if it is another format; [ErrTrailing] if something else follows a frame;
//     zstd.ErrCRCMismatch; zstd.ErrWindowSizeExceeded, before any memory is taken, where the window, or the content of a frame
//     that is its own, is larger than MaxWindow; [*LimitError]. Of frames that Zstd wrote with Parallelism, [io.ErrUnexpectedEOF]
//     also where the last ones are missing, and [ErrSyntax] where they are not those of the table or the first ones are missing.
//     Frames of others have no such table: an input that was cut exactly between two of those cannot be told from a whole one, and
//     a skippable frame may have been put in; and as any stream may follow one of ours, so may a frame of ours that came twice.
//     What must be whole needs an end record inside or a layer such as age outside.
//   - Memory: the frame's window, at most MaxWindow, and about 1 MiB; with Parallelism n about 3n MiB for what Zstd
//     writes, and for frames of others up to 96n MiB, or the window. A filled window of 128 MiB took
//     148 MiB of a process if chunks are lent, 288 otherwise: Go's collector lets garbage grow to as
//     much as is in use. Frames whose windows grow up to that took 524.
//   - Order and goroutines: fused; with Parallelism n the order is kept, n goroutines decompress and one runs the upstream.
func Unzstd(opts *UnzstdOptions) stream.Flow[[]byte, []byte] {
	const name = "codec: unzstd"
	var o UnzstdOptions
	if opts != nil {
		o = *opts
	}
	max, err := newBounds(o.MaxBytes, o.MaxRatio)
	if err == nil {
		err = checkParallelism(o.Parallelism)
	}
	if o.MaxWindow == 0 {
		o.MaxWindow = 128 << 20
	}
	if err == nil && (o.MaxWindow < zstd.MinWindowSize || o.MaxWindow > 2<<30) {
		err = errWindow
	}
	if err != nil {
		return failing[[]byte, []byte](wrap(name, err))
	}
	if o.Parallelism > 1 {
		f := &frameReader{window: o.MaxWindow, sums: o.RequireChecksums, empty: o.AllowEmpty}
		return unpacking(name, max, o.Parallelism, f.cut, f.unpack)
	}
	return reading(name, max, func(r io.Reader) (io.Reader, error) {
		walk := &frameWalk{
			src: bufio.NewReaderSize(r, chunkSize), window: uint64(o.MaxWindow), sums: o.RequireChecksums, empty: o.AllowEmpty,
		}
		return newZstdReader(&walked{frameWalk: walk}, o.MaxWindow)
	})
}

var errWindow = errors.New("MaxWindow is not 1 KiB to 2 GiB")

func zstdOptions(window int64) []zstd.DOption {
	return []zstd.DOption{
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderMaxWindow(uint64(window)),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(1 << 62), // our own limits count
	}
}
