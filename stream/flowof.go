package stream

import (
	"context"
	"errors"
)

// FlowOf returns a flow whose elements go into sink and whose output comes from src: two ends of something that is neither, such
// as a connection. It completes when both have: with coupled, either one that ends stops the other early.
//
//   - Goroutines: one, for sink; it has ended when the run returns.
//   - Errors: the first error of either ends the run and the other. The result of sink is dropped.
func FlowOf[I, O, R any](sink Sink[I, R], src Source[O], coupled bool) Flow[I, O] {
	switch {
	case sink == nil:
		return invalid[I, O]("FlowOf: the sink is nil")
	case src == nil:
		return invalid[I, O]("FlowOf: the source is nil")
	}
	return FlowFunc[I, O](func(up Source[I]) Source[O] {
		return SourceFunc[O](func(ctx context.Context, emit func(O) error) error {
			g, ctx := NewGroup(ctx)
			inner, end := context.WithCancelCause(ctx) // of both sides
			defer end(nil)
			enough := new(stop)
			finish := func(err error) error {
				if err = without(err, enough); err == nil && coupled {
					end(enough)
				}
				return err
			}
			g.Go(func() error {
				_, err := Run(inner, up, sink)
				return finish(err)
			})
			return g.Do(func() error {
				err := each(inner, src, func(v O) error {
					if coupled && errors.Is(context.Cause(inner), enough) {
						return enough
					}
					return emit(v)
				})
				return finish(err)
			})
		})
	})
}
