package source

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Chan returns a source of what is received from ch; it completes when ch is closed. It can be run once: the second run ends with
// [ErrUsed]. For several consumers of one channel, make a source for each.
//
// Closing a channel cannot say that the sender failed: a sender that can fail needs a [Queue], or a context that it cancels first.
// A run that was cancelled never takes the closing for the end, so a sender that closes ch because of it does no harm.
// A run that is drained leaves in ch what it has not received.
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

// receive emits what comes from ch until it is closed or the run is drained.
func receive[T any](ctx context.Context, ch <-chan T, emit func(T) error) error {
	drained := stream.Draining(ctx)
	w := watch.Source(ctx)
	defer w.End()
	for {
		if w.Ask.Load() && w.Done() {
			return context.Cause(ctx)
		}
		var v T
		var open bool
		select { // the one that does not wait is several times cheaper
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
