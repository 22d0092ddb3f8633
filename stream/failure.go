package stream

import (
	"context"
)

// attempt runs src into emit. ownFailure reports whether err is src's own error, which a stage
// downstream may handle. An error of the downstream, an early end, and the end of the whole run are
// not src's own.
func attempt[T any](ctx context.Context, src Source[T], emit func(T) error) (ownFailure bool, err error) {
	var emitErr error
	err = each(ctx, src, func(v T) error {
		if e := emit(v); e != nil {
			emitErr = e
			return e
		}
		return nil
	})
	switch {
	case emitErr != nil && err == nil: // src ignored the error of emit
		return false, emitErr
	case err == nil, emitErr != nil, ctx.Err() != nil, Stopped(err):
		return false, err
	}
	return true, err
}

// failFlow returns a flow whose run ends at once with err, before its upstream is started.
func failFlow[I, O any](err error) Flow[I, O] {
	return FlowFunc[I, O](func(Source[I]) Source[O] { return Fail[O](err) })
}
