package agecodec

import (
	"io"

	"filippo.io/age/armor"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// Armor returns a flow that writes a binary age file as text, in the PEM form that the age command
// writes with -a. Use it after [Encrypt] or [Rewrap]. Its inverse is [Dearmor].
//
//   - In: byte chunks of any size. Out: chunks of at most 64 KiB. The text is about a third longer
//     than the file.
//   - Memory: two chunks.
//   - Order and goroutines: fused.
//   - Errors: none, except those of the upstream and the downstream.
func Armor() stream.Flow[[]byte, []byte] {
	encode := func(w io.Writer) (io.WriteCloser, error) { return armor.NewWriter(w), nil }
	return codec.Encoder("agecodec: armor", encode)
}
