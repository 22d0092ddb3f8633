package mongoerr

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// Recover, deferred around a call of the driver, makes a panic of it an error that wraps a [*stream.PanicError]. The driver indexes
// by numbers of the server's reply and panics at wrong ones. It may hold a lock then, for ever: the caller must not use that client again
// in the run.
func Recover(err *error) {
	if v := recover(); v != nil {
		*err = panicked(v)
	}
}

func panicked(v any) error {
	cause, ok := v.(*stream.PanicError)
	if !ok {
		cause = &stream.PanicError{Value: v, Stack: debug.Stack()}
	}
	return &panicError{cause}
}

// panicError prints what panic was called with and no stack.
type panicError struct{ cause *stream.PanicError }

func (e *panicError) Error() string {
	return printable.Text(fmt.Sprintf("the driver panicked at the server's reply: %v", e.cause.Value))
}
func (e *panicError) Unwrap() error { return e.cause }

// Panicked reports whether err is of [Recover].
func Panicked(err error) bool {
	_, ok := errors.AsType[*panicError](err)
	return ok
}
