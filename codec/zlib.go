package codec

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"

	"github.com/millweir/millweir/stream"
)

// Zlib returns a flow that compresses its input into the zlib format (RFC 1950). Its mirror is [Unzlib].
//
//   - In, out: byte chunks of any size.
//   - The same input and level give the same bytes. With Parallelism the bytes are others, but the same for any number of
//     goroutines and however the chunks are cut; blocks end behind the last newline within 1 MiB, or at 1 MiB where there is none.
//   - Memory: about 1 MiB; with Parallelism n about 5n MiB.
//   - Order and goroutines: fused; with Parallelism n the order is kept, n goroutines compress and one runs the upstream.
func Zlib(opts *DeflateOptions) stream.Flow[[]byte, []byte] {
	var o DeflateOptions
	if opts != nil {
		o = *opts
	}
	level, err := deflateLevel(o.Level)
	if err == nil {
		err = checkParallelism(o.Parallelism)
	}
	if err != nil {
		return failing[[]byte, []byte](wrap("codec: zlib", err))
	}
	if o.Parallelism > 0 {
		return deflateBlocks("codec: zlib", level, o.Parallelism, zlibHeader(level))
	}
	return Writer("codec: zlib", func(w io.Writer) (io.WriteCloser, error) { return newZlibWriter(w, level), nil })
}

// zlibWriters has idle encoders, by level.
var zlibWriters [zlib.BestCompression + 1]sync.Pool

// zlibWriter is an encoder out of the pool.
type zlibWriter struct {
	*zlib.Writer
	level int
}

func newZlibWriter(w io.Writer, level int) *zlibWriter {
	if z, ok := zlibWriters[level].Get().(*zlibWriter); ok {
		z.Reset(w)
		return z
	}
	z, err := zlib.NewWriterLevel(w, level)
	if err != nil {
		panic(err) // the level was checked
	}
	return &zlibWriter{z, level}
}

func (z *zlibWriter) release() {
	z.Reset(io.Discard)
	zlibWriters[z.level].Put(z)
}

// zlibHeader returns what a stream of the level begins with, RFC 1950 section 2.2.
func zlibHeader(level int) []byte {
	const method = 0x78 // deflate with a window of 32 KiB
	kind := 3           // of effort
	switch {
	case level == 1:
		kind = 0
	case level < 6:
		kind = 1
	case level == 6:
		kind = 2
	}
	h := method<<8 | kind<<6
	h += 31 - h%31
	return []byte{method, byte(h)}
}
