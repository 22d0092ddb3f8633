package stream

import (
	"context"
	"errors"
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

// mendable returns what a run that is over ends with when err would have been mended if it went on: it does not make an early end
// a failure.
func mendable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); Stopped(cause) {
		return cause
	}
	return causeOr(ctx, err)
}

// failFlow returns a flow whose run ends at once with err, before its upstream is started.
func failFlow[I, O any](err error) Flow[I, O] {
	return FlowFunc[I, O](func(Source[I]) Source[O] { return Fail[O](err) })
}

// causeOr returns what a run ends with when a function of the user returned err: the cause of the run's end where err is only
// an echo of it, both where err is not, and err as it is while the run goes on.
func causeOr(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	switch cause := context.Cause(ctx); {
	case err == nil, errors.Is(err, cause):
		return err
	case errors.Is(err, ctx.Err()):
		return cause
	default:
		return errors.Join(cause, err)
	}
}
