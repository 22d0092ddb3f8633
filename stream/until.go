package stream

import (
	"context"

	"github.com/millweir/millweir/internal/early"
)

// Until returns a flow that completes when done is closed: the upstream is stopped, also while it waits, and that is not an
// error. What passed before is carried to its end, but what stages above it hold (an [Async], a [Batch]) is dropped, as by [Take]:
// it stands right after a source. To end all sources of a run without loss, see [Running.Drain]; to abort a run, cancel its context.
//
// It holds no element. Goroutines: one that watches done; it has ended when the run returns.
func Until[T any](done <-chan struct{}) Flow[T, T] {
	if done == nil {
		return invalid[T, T]("Until: the channel is nil")
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			enough := new(stop)
			up, cancel := early.WithCancel(ctx)
			defer cancel(nil)
			g, watch := NewGroup(up)
			ended := make(chan struct{})
			g.Go(func() error {
				select {
				case <-done:
					cancel(enough)
				case <-watch.Done():
				case <-ended:
				}
				return nil
			})
			err := g.Do(func() error {
				defer close(ended)
				return each(up, src, func(v T) error {
					if up.Err() != nil {
						return context.Cause(up)
					}
					return emit(v)
				})
			})
			return without(err, enough)
		})
	})
}
