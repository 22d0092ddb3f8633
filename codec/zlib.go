package codec

import (
	"encoding/binary"
	"hash/adler32"
	"io"

	"github.com/millweir/millweir/stream"
)

// Zlib returns a flow that compresses its input into the zlib format (RFC 1950). Its mirror is
// [Unzlib].
//
//   - In, out: byte chunks of any size. Equal input and level give equal output. Parallelism
//     changes the output, but the number of goroutines and the chunks make no difference. A block
//     then ends after the last newline within 1 MiB, or at 1 MiB if there is none.
//   - Memory: about 1 MiB; with Parallelism n about 5n MiB.
//   - Goroutines: with Parallelism n, n goroutines compress and one runs the upstream. The order is
//     kept.
func Zlib(opts *DeflateOptions) stream.Flow[[]byte, []byte] {
	o := valueOf(opts)
	const name = "codec: zlib"
	return packer{
		name: name, levels: deflateLevels,
		fused: func(level int) bytesFlow {
			open := func(w io.Writer) (io.WriteCloser, error) { return newZlibWriter(w, level) }
			return lazyEncoder(name, deflateState, open)
		},
		parallel: func(level int, w workers) bytesFlow { return deflateBlocks(name, level, w, zlibHeader(level)) },
	}.flow(o.Level, o.Parallelism)
}

// newZlibWriter returns an encoder whose header has been written.
func newZlibWriter(w io.Writer, level int) (io.WriteCloser, error) {
	return newChecksummed(w, zlibHeader(level), level, adler32.New(), func(sum, _ uint32) []byte {
		return binary.BigEndian.AppendUint32(nil, sum)
	})
}

// zlibHeader returns the header of a stream of this level, RFC 1950 section 2.2.
func zlibHeader(level int) []byte {
	const method = 0x78 // deflate with a window of 32 KiB
	kind := 3           // level of effort
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
