package stream

import "context"

// WireTap returns a flow that passes its elements on and also offers each of them to sink, which gets it only when it keeps up:
// a slow sink misses elements, it never slows the run. When sink has ended, done is called with its result and its error; done
// may be nil. A failure of sink does not fail the run, it reaches done alone.
//
//   - Memory: up to 16 elements beside what sink keeps. Elements whose type is a byte slice are copied for sink, others are shared.
//   - Order and goroutines: the order is kept; sink runs on one goroutine; it has ended when the run returns.
//   - Errors: an error of the run ends sink.
func WireTap[T, R any](sink Sink[T, R], done func(R, error)) Flow[T, T] {
	if sink == nil {
		return invalid[T, T]("WireTap: the sink is nil")
	}
	own := cloner[T]()
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			var early error
			g, aside, ctx, release := newAside(ctx)
			defer release()
			q := newRing[T](sideAhead)
			g.Go(func() error {
				result, err := Run(aside, q.source(), sink)
				if done != nil {
					done(result, err)
				}
				return nil
			})
			err := g.Do(func() error {
				err := src.Each(ctx, func(v T) error {
					if q.hasRoom() {
						_ = q.push(ctx, own(v)) // does not wait, hence cannot fail
					}
					return emit(v)
				})
				if isStop(err) {
					early, err = err, nil
				}
				if err == nil {
					q.end()
				}
				return err
			})
			if err == nil {
				err = early
			}
			return err
		})
	})
}
