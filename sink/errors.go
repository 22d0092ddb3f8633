package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/stream"
)

// ErrEmpty is the error of a run without elements into a sink whose result is one of them: [First], [Last], [Reduce].
var ErrEmpty = errors.New("sink: there was no element")

// invalid returns a sink that starts nothing and ends with an error.
func invalid[T, R any](format string, args ...any) stream.Sink[T, R] {
	err := fmt.Errorf("sink: "+format, args...)
	return stream.SinkFunc[T, R](func(context.Context, stream.Source[T]) (none R, _ error) { return none, err })
}

// caused returns what a run ends with when a function of the caller returned err: the cause of the cancellation where err is
// only its echo, and err as it is otherwise.
func caused(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(err, cause):
		return err
	case errors.Is(err, ctx.Err()):
		return cause
	default:
		return errors.Join(cause, err)
	}
}

// finished returns what a run ends with when its elements have ended: nil, unless a cancellation may have cut them short.
func finished(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// join adds what clean-up reported to err, which may be nil.
func join(err, cleanup error) error {
	if err == nil {
		return cleanup
	}
	return errors.Join(err, cleanup)
}
