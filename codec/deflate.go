package codec

import (
	"io"

	"github.com/millweir/millweir/stream"
)

// DeflateOptions tunes [Deflate] and [Zlib]. The zero value is ready to use.
type DeflateOptions struct {
	Level int // 1 (fastest) to 9 (smallest); 0 means 5

	// Parallelism is the number of goroutines that compress. 0 means the number of
	// [stream.WithParallelism], by default none; -1 means none. With 1 or more, the input is
	// compressed in independent blocks of about 1 MiB within one stream. The formats cannot store
	// the length of a block, so [Inflate] and [Unzlib] are not parallel.
	Parallelism int
}

// Deflate returns a flow that compresses its input into a raw deflate stream (RFC 1951), without a
// header or checksum, for formats that have their own. Its mirror is [Inflate].
//
//   - In, out: byte chunks of any size. Equal input and level give equal output. Parallelism
//     changes the output, but the number of goroutines and the chunks make no difference. A block
//     then ends after the last newline within 1 MiB, or at 1 MiB if there is none.
//   - Memory: about 1 MiB; with Parallelism n about 5n MiB.
//   - Goroutines: with Parallelism n, n goroutines compress and one runs the upstream. The order is
//     kept.
func Deflate(opts *DeflateOptions) stream.Flow[[]byte, []byte] {
	o := valueOf(opts)
	const name = "codec: deflate"
	return packer{
		name: name, levels: deflateLevels,
		fused: func(level int) bytesFlow {
			open := func(w io.Writer) (io.WriteCloser, error) { return newDeflater(w, level), nil }
			return lazyEncoder(name, deflateState, open)
		},
		parallel: func(level int, w workers) bytesFlow { return deflateBlocks(name, level, w, nil) },
	}.flow(o.Level, o.Parallelism)
}
