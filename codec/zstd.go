package codec

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/stream"
)

// ZstdOptions tunes [Zstd]. The zero value is ready to use.
type ZstdOptions struct {
	Level int // 1 (fastest) to 22 (smallest), in four steps that begin at 1, 3, 6 and 10; 0 means 3

	// Parallelism is the number of goroutines that compress. 0 means the number of
	// [stream.WithParallelism], by default none; -1 means none. Without one there is one frame.
	// With 1 or more, the input becomes independent frames of about 1 MiB, which [Unzstd] can read
	// in parallel, and a seek table.
	Parallelism int
}

// Zstd returns a flow that compresses its input into the zstd format (RFC 8878). Its mirror is
// [Unzstd].
//
//   - In: byte chunks of any size. An empty input becomes an empty frame.
//   - Out: byte chunks of any size. Every frame has a checksum. Equal input and level give equal
//     output. Parallelism changes the output, but the number of goroutines and the chunks make no
//     difference.
//   - Frames: with Parallelism a frame ends after the last newline within 1 MiB, or at 1 MiB if
//     there is none. A skippable frame at the beginning announces the seek table
//     (https://github.com/facebook/zstd/tree/dev/contrib/seekable_format) that ends the stream, so
//     that [Unzstd] finds frames that are missing, swapped or repeated. Any tool can read it.
//   - Memory: about 10 MiB at level 3, which later runs reuse; with Parallelism n about 10n MiB,
//     and 12 bytes for each frame.
//   - Goroutines: with Parallelism n, n goroutines compress and one runs the upstream. The order is
//     kept.
//   - Limits: with Parallelism 128 TiB of input.
func Zstd(opts *ZstdOptions) stream.Flow[[]byte, []byte] {
	o := valueOf(opts)
	return packer{
		name: zstdStage, levels: zstdLevels,
		fused: func(level int) bytesFlow {
			open := func(w io.Writer) (io.WriteCloser, error) { return newZstdWriter(w, level) }
			return lazyEncoder(zstdStage, zstdState[zstd.EncoderLevelFromZstd(level)], open)
		},
		parallel: zstdFrames,
	}.flow(o.Level, o.Parallelism)
}

const zstdStage = "codec: zstd"

// newZstdEncoder returns an encoder without a goroutine that writes one frame to w.
func newZstdEncoder(w io.Writer, level int) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, append(zstdEncoderOptions(level, 1),
		zstd.WithZeroFrames(true), // write a frame even for an empty input
	)...)
}

// newZstdFrameEncoder returns an encoder of whole frames for n goroutines. Every frame header has
// the size of the content.
func newZstdFrameEncoder(level, n int) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, append(zstdEncoderOptions(level, n), zstd.WithSingleSegment(true))...)
}

func zstdEncoderOptions(level, n int) []zstd.EOption {
	return []zstd.EOption{
		zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
		zstd.WithEncoderConcurrency(n),
		zstd.WithEncoderCRC(true),
	}
}

// zstdState is the memory of an encoder of one stream, in bytes, by zstd.EncoderLevel: its window
// and its tables.
var zstdState = [zstd.SpeedBestCompression + 1]int64{
	zstd.SpeedFastest: 6 << 20, zstd.SpeedDefault: 10 << 20, zstd.SpeedBetterCompression: 20 << 20,
	zstd.SpeedBestCompression: 64 << 20,
}

// zstdWriters holds idle encoders without goroutines, by zstd.EncoderLevel.
var zstdWriters [zstd.SpeedBestCompression + 1]sync.Pool

// zstdWriter is an encoder that returns to its pool after it has completed a stream.
type zstdWriter struct {
	*zstd.Encoder
	pool   *sync.Pool
	closed bool // closed without an error
}

func newZstdWriter(w io.Writer, level int) (*zstdWriter, error) {
	pool := &zstdWriters[zstd.EncoderLevelFromZstd(level)]
	if enc, ok := pool.Get().(*zstd.Encoder); ok {
		enc.Reset(w)
		return &zstdWriter{enc, pool, false}, nil
	}
	enc, err := newZstdEncoder(w, level)
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
