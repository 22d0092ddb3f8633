package agecodec

import (
	"io"

	"filippo.io/age/armor"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// Armor returns a flow that writes a binary age file as text, in the form of PEM that the age command writes with -a. It stands
// behind [Encrypt] or [Rewrap]. Its mirror is [Dearmor].
//
//   - In: byte chunks of any size. Out: chunks of at most 64 KiB, a third more bytes and a bit.
//   - Memory: two chunks.
//   - Order and goroutines: fused.
//   - Errors: none of its own.
func Armor() stream.Flow[[]byte, []byte] {
	return codec.Encoder("agecodec: armor", func(w io.Writer) (io.WriteCloser, error) { return armor.NewWriter(w), nil })
}
