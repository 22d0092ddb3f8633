package stream

import "context"

// WireTap returns a flow that passes its elements on and offers each of them to sink. If sink does
// not keep up, it misses elements: it never slows the run. When sink has ended, done is called with
// its result and its error. done may be nil. A failure of sink does not fail the run; only done
// receives it.
//
//   - Memory: up to 16 elements in addition to what sink holds. If the elements are byte slices,
//     sink gets copies; other elements are shared.
//   - Goroutines: one runs sink; it has ended when the run returns.
//   - Errors: an error of the run ends sink.
func WireTap[T, R any](sink Sink[T, R], done func(R, error)) Flow[T, T] {
	if sink == nil {
		return invalid[T, T]("WireTap: the sink is nil")
	}
	clone := cloner[T]()
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		g, sideCtx, ctx, release := newSideGroup(ctx)
		defer release()
		q := newRing[T](sideAhead)
		g.Go(func() error {
			result, err := consume(inBranch(sideCtx), q.source(), sink)
			if done != nil {
				done(result, err)
			}
			return nil
		})
		return besideSink(ctx, g, q, src, func(v T) error {
			if q.hasRoom() {
				_ = q.push(ctx, clone(v)) // there is room, so push does not wait or fail
			}
			return emit(v)
		})
	})
}
