package stream

import (
	"context"

	"github.com/millweir/millweir/internal/early"
)

// Until returns a flow that completes when done is closed. It stops the upstream, even while it
// waits, and that is not an error. Elements that have passed the flow reach the sink. Elements that
// stages upstream of it hold, such as an [Async] or a [Batch], are dropped, as by [Take]. So put
// Until right after a source.
//
// To end all sources of a run without loss, see [Running.Drain]. To abort a run, cancel its
// context.
//
//   - Goroutines: one watches done; it has ended when the run returns.
func Until[T any](done <-chan struct{}) Flow[T, T] {
	if done == nil {
		return invalid[T, T]("Until: the channel is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
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
}
