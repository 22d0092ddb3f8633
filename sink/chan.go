package sink

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Chan returns a sink that sends the elements to ch. It never closes ch, because a receiver could
// not tell a failed run from a complete one. The owner closes it once the outcome is known:
//
//	n, err := stream.Run(ctx, src, sink.Chan(ch))
//	if err == nil {
//		close(ch)
//	}
//
// To receive elements without a goroutine, range over [stream.All], or pull from it with
// [iter.Pull2].
//
//   - Result: the number of elements sent, also with an error.
func Chan[T any](ch chan<- T) stream.Sink[T, int64] {
	if ch == nil {
		return invalid[T, int64]("Chan: the channel is nil")
	}
	return stream.SinkFunc[T, int64](func(ctx context.Context, src stream.Source[T]) (n int64, _ error) {
		err := src.Each(ctx, func(v T) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			select { // without blocking first: several times cheaper
			case ch <- v:
			default:
				select {
				case ch <- v:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			n++
			return nil
		})
		return n, err
	})
}
