package source

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Chan returns a source of the values received from ch. It completes when ch is closed. It can run
// once; a second run ends with [ErrUsed]. For several consumers of one channel, make one source for
// each.
//
// A closed channel cannot report that the sender failed: a sender that can fail needs a [Queue], or
// a context that it cancels first. A cancelled run never takes the close of ch for the end, so a
// sender may close ch because of the cancellation. A drained run leaves the remaining values in ch.
func Chan[T any](ch <-chan T) stream.Source[T] {
	if ch == nil {
		return stream.Fail[T](errors.New("source: Chan: the channel is nil"))
	}
	used := new(atomic.Bool)
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		if used.Swap(true) {
			return ErrUsed
		}
		return receive(ctx, ch, emit)
	})
}

// receive emits the values from ch until it is closed or the run is drained.
func receive[T any](ctx context.Context, ch <-chan T, emit func(T) error) error {
	drained := stream.Draining(ctx)
	w := watch.Source(ctx)
	defer w.End()
	for {
		if w.Check.Load() && w.Done() {
			return context.Cause(ctx)
		}
		var v T
		var open bool
		select { // without blocking first: several times cheaper
		case v, open = <-ch:
		default:
			select {
			case v, open = <-ch:
			case <-drained:
				return context.Cause(ctx)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !open:
			return nil
		}
		if err := emit(v); err != nil {
			return err
		}
	}
}
