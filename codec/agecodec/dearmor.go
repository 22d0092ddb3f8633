package agecodec

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Dearmor returns a flow that reads an armored age file and emits it in its binary form, the mirror of [Armor]. [Decrypt], [Rewrap]
// and [Inspect] do without it: they see for themselves whether a file is armored.
//
//   - In, out: byte chunks of any size.
//   - The form is strict, as in age: lines of 64 columns, the last one shorter or not; a line ends with LF or CRLF; at most a KiB
//     of white space before and behind. The end of the last line may be missing.
//   - Memory: one chunk, and a KiB.
//   - Order and goroutines: fused.
//   - Errors: [ErrDamaged] with the number of the line, or a codec.FormatError; [ErrTruncated] when the last line is not there. Nothing is authenticated.
func Dearmor() stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		return (&binarySource{stage: "agecodec: dearmor", src: src, armored: true}).Each(ctx, emit)
	})
}
