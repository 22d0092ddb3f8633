package agecodec

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/millweir/millweir/stream"
)

// callDetached calls f on a new goroutine and returns its result, or the cause of ctx if ctx is
// done first. f is the code of an identity or a recipient. It takes no context, and may wait for a
// person or a device. f does not begin after callDetached has returned. If it has begun by then, it
// runs until it returns, and its result is dropped. A panic or runtime.Goexit of f continues on the
// caller's goroutine.
func callDetached[T any](ctx context.Context, f func() (T, error)) (T, error) {
	var r struct {
		value    T
		err      error
		panicked *stream.PanicError
		returned bool
	}
	if ctx.Err() != nil {
		return r.value, context.Cause(ctx)
	}
	var taken atomic.Bool // by f, which then begins, or by the cancellation
	done := make(chan struct{})
	go func() {
		defer close(done)
		if taken.Swap(true) {
			return
		}
		defer func() {
			if v := recover(); v != nil {
				r.panicked = panicError(v)
			}
		}()
		r.value, r.err = f()
		r.returned = true
	}()
	select {
	case <-done:
	case <-ctx.Done():
		taken.Store(true)
		var zero T
		return zero, context.Cause(ctx)
	}
	switch {
	case r.panicked != nil:
		panic(r.panicked)
	case !r.returned:
		runtime.Goexit()
	}
	return r.value, r.err
}

// panicError returns the panic value v as a PanicError with the stack of this goroutine.
func panicError(v any) *stream.PanicError {
	if p, ok := v.(*stream.PanicError); ok {
		return p
	}
	return &stream.PanicError{Value: v, Stack: debug.Stack()}
}
