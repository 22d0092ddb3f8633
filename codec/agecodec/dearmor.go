package agecodec

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Dearmor returns a flow that reads an armored age file and emits its binary form. Its inverse is
// [Armor]. [Decrypt], [Rewrap] and [Inspect] do not need it: they detect armor.
//
//   - In, out: byte chunks of any size.
//   - Format: strict, as in age. Each line has 64 columns except the last, which may be shorter. A
//     line ends with LF or CRLF. At most 1 KiB of white space may come before the armor and after
//     it. The last line may lack its line end.
//   - Memory: one chunk and 1 KiB.
//   - Order and goroutines: fused.
//   - Errors: [ErrDamaged] with the line number, or a codec.FormatError; [ErrTruncated] if the last
//     line is missing. Armor authenticates nothing.
func Dearmor() stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		return (&binarySource{stage: "agecodec: dearmor", src: src, armored: true}).Each(ctx, emit)
	})
}
