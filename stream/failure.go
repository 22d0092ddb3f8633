package stream

import (
	"context"
)

// attempt runs src into emit and tells whether the error it returns is one that a stage after src may mend: src's own. It may
// not mend what its downstream said, an early end, and the end of the whole run.
func attempt[T any](ctx context.Context, src Source[T], emit func(T) error) (own bool, err error) {
	var refused error
	err = each(ctx, src, func(v T) error {
		if e := emit(v); e != nil {
			refused = e
			return e
		}
		return nil
	})
	switch {
	case refused != nil && err == nil: // src swallowed it
		return false, refused
	case err == nil, refused != nil, ctx.Err() != nil, Stopped(err):
		return false, err
	}
	return true, err
}

// failFlow returns a flow whose run ends at once with err, before its upstream is started.
func failFlow[I, O any](err error) Flow[I, O] {
	return FlowFunc[I, O](func(Source[I]) Source[O] { return Fail[O](err) })
}
