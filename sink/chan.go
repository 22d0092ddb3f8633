package sink

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Chan returns a sink that sends the elements to ch. Its result, beside an error too, is how many were received or buffered.
//
// It never closes ch, since a receiver could not tell a failed run from a complete one. The owner closes it, when he knows:
//
//	n, err := stream.Run(ctx, src, sink.Chan(ch))
//	if err == nil {
//		close(ch)
//	}
//
// To take elements one by one without a goroutine, range over [stream.All], or pull from it with [iter.Pull2].
func Chan[T any](ch chan<- T) stream.Sink[T, int64] {
	if ch == nil {
		return invalid[T, int64]("Chan: the channel is nil")
	}
	return stream.SinkFunc[T, int64](func(ctx context.Context, src stream.Source[T]) (n int64, _ error) {
		err := src.Each(ctx, func(v T) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			select { // the one that does not wait is several times cheaper
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
