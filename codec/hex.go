package codec

import (
	"encoding/hex"
	"io"

	"github.com/millweir/millweir/stream"
)

// Hex returns a flow that writes each byte as two hexadecimal digits, in lower case. Its mirror is [Unhex].
//
// In, out: byte chunks of any size. Fused; it holds one chunk.
func Hex() stream.Flow[[]byte, []byte] {
	return Writer("codec: hex", func(w io.Writer) (io.WriteCloser, error) { return noClose{hex.NewEncoder(w)}, nil })
}

// Unhex returns a flow that reads hexadecimal digits, of either case, the mirror of [Hex].
//
// In, out: byte chunks of any size. Fused; it holds one chunk. Errors: [io.ErrUnexpectedEOF] for an odd number of digits,
// hex.InvalidByteError for anything else.
func Unhex() stream.Flow[[]byte, []byte] {
	return Reader("codec: unhex", func(r io.Reader) (io.Reader, error) { return hex.NewDecoder(r), nil })
}

// noClose is an encoder that has nothing to finish.
type noClose struct{ io.Writer }

// Close implements [io.Closer].
func (noClose) Close() error { return nil }
