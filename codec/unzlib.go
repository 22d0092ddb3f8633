package codec

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/zlib"

	"github.com/millweir/millweir/stream"
)

// Unzlib returns a flow that decompresses one stream of the zlib format (RFC 1950), the mirror of [Zlib].
//
//   - In: byte chunks of any size. Out: chunks of at most 64 KiB.
//   - Errors: [io.ErrUnexpectedEOF] when the input ends before its checksum or is empty, [ErrTrailing], zlib.ErrHeader and
//     zlib.ErrChecksum of compress/zlib, [*LimitError].
//   - Memory: about 200 KiB.
//   - Order and goroutines: fused.
func Unzlib(opts *InflateOptions) stream.Flow[[]byte, []byte] {
	return inflating("codec: unzlib", opts, func(r *bufio.Reader) (io.Reader, error) { return zlib.NewReader(r) })
}
