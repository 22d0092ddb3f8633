package codec

import (
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/stream"
)

// ZstdOptions tunes [Zstd]. The zero value is ready to use.
type ZstdOptions struct {
	Level int // on zstd's scale of 1 (fastest) to 22 (smallest), of which four steps differ: 1, 3, 6 and 10; 0 means 3

	// Parallelism is how many goroutines compress. 0 means none: one frame, on the caller's goroutine. With 1 or more the input
	// becomes independent frames of about 1 MiB each, which [Unzstd] can read in parallel, and a seek table.
	Parallelism int
}

// Zstd returns a flow that compresses its input into the zstd format (RFC 8878). Its mirror is [Unzstd].
//
//   - In, out: byte chunks of any size. An empty input makes an empty frame, not an empty output.
//   - Every frame carries its checksum.
//   - The same input and level give the same bytes. With Parallelism the bytes are others, but the same for any number of
//     goroutines and however the chunks are cut.
//   - With Parallelism, frames are cut behind the last newline within 1 MiB, or at 1 MiB where there is none, each tells its
//     size, and the table of the seekable format (https://github.com/facebook/zstd/tree/dev/contrib/seekable_format) ends the
//     stream in a skippable frame. Another skippable frame, of 16 bytes, begins it, and says that the table must follow: by it
//     [Unzstd] finds frames that are missing, swapped or repeated. Any tool reads it.
//   - Memory: about 10 MiB at level 3, which the next run uses again unless they were collected as garbage; with
//     Parallelism n about 10n MiB, and 12 bytes a frame for the table.
//   - Order and goroutines: fused; with Parallelism n the order is kept, n goroutines compress and one runs the upstream.
//   - Limits: with Parallelism 128 TiB.
func Zstd(opts *ZstdOptions) stream.Flow[[]byte, []byte] {
	var o ZstdOptions
	if opts != nil {
		o = *opts
	}
	if o.Level == 0 {
		o.Level = 3
	}
	if o.Level < 1 || o.Level > 22 {
		return failing[[]byte, []byte](wrap("codec: zstd", fmt.Errorf("%w: %d is not 1 to 22", errLevel, o.Level)))
	}
	if err := checkParallelism(o.Parallelism); err != nil {
		return failing[[]byte, []byte](wrap("codec: zstd", err))
	}
	if o.Parallelism > 0 {
		return zstdFrames(o.Level, o.Parallelism)
	}
	return Encoder("codec: zstd", func(w io.Writer) (io.WriteCloser, error) { return newZstdWriter(w, o.Level) })
}

// newZstdEncoder returns an encoder on n goroutines at once. With whole it is for frames that always tell their size.
func newZstdEncoder(w io.Writer, level, n int, whole bool) (*zstd.Encoder, error) {
	options := []zstd.EOption{
		zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(n),
		zstd.WithEncoderCRC(true),
		zstd.WithZeroFrames(true), // a frame also for an empty input
	}
	if whole {
		options = append(options, zstd.WithSingleSegment(true))
	}
	return zstd.NewWriter(w, options...)
}

// zstdWriters has idle encoders without goroutines, by zstd.EncoderLevel.
var zstdWriters [zstd.SpeedBestCompression + 1]sync.Pool

// zstdWriter is an encoder that goes back to its pool when it has completed a stream.
type zstdWriter struct {
	*zstd.Encoder
	pool   *sync.Pool
	closed bool // without an error
}

func newZstdWriter(w io.Writer, level int) (*zstdWriter, error) {
	pool := &zstdWriters[zstd.EncoderLevelFromZstd(level)]
	if enc, ok := pool.Get().(*zstd.Encoder); ok {
		enc.Reset(w)
		return &zstdWriter{enc, pool, false}, nil
	}
	enc, err := newZstdEncoder(w, level, 1, false)
	return &zstdWriter{enc, pool, false}, err
}

// Close implements [io.Closer].
func (z *zstdWriter) Close() error {
	err := z.Encoder.Close()
	z.closed = err == nil
	return err
}

func (z *zstdWriter) release() {
	if z.closed {
		z.Reset(nil)
		z.pool.Put(z.Encoder)
	}
}
