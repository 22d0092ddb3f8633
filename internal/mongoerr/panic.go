package mongoerr

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// Recover turns a panic of the driver into an error that wraps a [*stream.PanicError]. Defer it
// around a call of the driver. The driver uses numbers of the server's reply as indexes and panics
// if they are out of range. It may then hold a lock forever: the caller must not use that client
// again in the run.
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

// panicError prints the value of the panic without the stack.
type panicError struct{ cause *stream.PanicError }

func (e *panicError) Error() string {
	return printable.Text(fmt.Sprintf("the driver panicked at the server's reply: %v", e.cause.Value))
}
func (e *panicError) Unwrap() error { return e.cause }

// Panicked reports whether err comes from [Recover].
func Panicked(err error) bool {
	_, ok := errors.AsType[*panicError](err)
	return ok
}
