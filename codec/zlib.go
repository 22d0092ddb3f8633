package codec

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"

	"github.com/millweir/millweir/stream"
)

// Zlib returns a flow that compresses its input into the zlib format (RFC 1950). Its mirror is [Unzlib].
//
//   - In, out: byte chunks of any size. The same input and level give the same bytes.
//   - Memory: about 1 MiB.
//   - Order and goroutines: fused.
func Zlib(opts *DeflateOptions) stream.Flow[[]byte, []byte] {
	var o DeflateOptions
	if opts != nil {
		o = *opts
	}
	level, err := deflateLevel(o.Level)
	if err != nil {
		return failing[[]byte, []byte](wrap("codec: zlib", err))
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
