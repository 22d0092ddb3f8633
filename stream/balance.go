package stream

import "context"

// Balance returns a flow that sends each element through one of the flows that is free, and emits
// their output as it arrives. Use it to run n equal flows in parallel.
//
//   - Memory: per branch, one element and up to 64 elements of its output.
//   - Order and goroutines: the output of one branch keeps its order; one goroutine per branch and
//     one for the upstream; all have ended when the run returns.
//   - Errors: the first error of a branch ends the run and the other branches. If a branch ends
//     early, the others go on; the upstream is stopped when all branches have ended.
func Balance[T, U any](flows ...Flow[T, U]) Flow[T, U] {
	if len(flows) == 0 {
		return invalid[T, U]("Balance: no flows")
	}
	for _, f := range flows {
		if f == nil {
			return invalid[T, U]("Balance: a flow is nil")
		}
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return merging(func(ctx context.Context, spawn func(Source[U], func())) error {
			free := make(chan T)
			open := newCountdown(ctx, len(flows))
			defer open.cancel(nil)
			for _, f := range flows {
				spawn(SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
					err := each(ctx, Via(chanSource(free), f), emit)
					if err == nil {
						open.leave()
					}
					return err
				}), nil)
			}
			return runOpen(open, src, receiver[T]{one: func(v T) error {
				select {
				case free <- v:
					return nil
				case <-open.ctx.Done():
					return context.Cause(open.ctx)
				}
			}}, func() { close(free) })
		})
	})
}

// chanSource emits the elements from ch until ch is closed.
func chanSource[T any](ch <-chan T) Source[T] {
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		for {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			select {
			case v, ok := <-ch:
				if !ok {
					return context.Cause(ctx)
				}
				if err := emit(v); err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
}
