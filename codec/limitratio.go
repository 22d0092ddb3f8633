package codec

import (
	"context"
	"sync/atomic"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// LimitRatio returns f with a limit on its ratio of output to input, for decoders of other
// packages. The decoders of this package have such a limit already. To limit only the bytes, use
// [stream.LimitBytes].
//
//   - Out: the output of f. Once f has emitted more than floor bytes, it may have emitted at most
//     max bytes for each byte of input.
//   - Errors: a [*LimitError] instead of the chunk that exceeds the limit.
func LimitRatio(f stream.Flow[[]byte, []byte], max, floor int64) stream.Flow[[]byte, []byte] {
	const name = "codec: limit ratio"
	if max < 1 || floor < 0 {
		return failing[[]byte, []byte](wrap(name, errNegative))
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		var in atomic.Int64 // f may read and emit on different goroutines
		var out int64
		counted := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			return src.Each(ctx, func(p []byte) error {
				in.Add(int64(len(p)))
				return emit(p)
			})
		})
		return guarded.Each(ctx, stream.Via(counted, f), func(p []byte) error {
			if out += int64(len(p)); out > floor && exceeds(out, in.Load(), max) {
				return wrap(name, &LimitError{Limit: "MaxRatio", Max: max})
			}
			return emit(p)
		})
	})
}
