package stream

import (
	"context"
	"iter"

	"github.com/millweir/millweir/internal/ending"
)

// pulled is a run of a source that its caller pulls from, element by element. The source runs as a
// coroutine of the caller of next, so that nothing runs concurrently. pulled must not be used by
// two goroutines at once, and close must be called.
type pulled[T any] struct {
	resume       func() (T, bool)
	stop         func()
	cause        error // the error that emit returns after close
	err          error // the error of the source
	done         bool
	leftToReader bool        // a reader calls finish, so close does nothing
	panicked     *PanicError // a panic of the source, with its stack, which iter.Pull would lose
}

// pull prepares a run of src. The first call of next starts it.
func pull[T any](ctx context.Context, src Source[T]) *pulled[T] {
	p := new(pulled[T])
	p.resume, p.stop = iter.Pull(func(yield func(T) bool) {
		defer func() {
			if p.done {
				return
			}
			if v := recover(); v != nil { // nil during runtime.Goexit, which iter.Pull carries on
				p.panicked = panicked(v)
			}
		}()
		p.err = each(ctx, src, func(v T) error {
			if !yield(v) {
				return p.cause
			}
			return nil
		})
		p.done = true
	})
	return p
}

// each runs src into emit with the checks of [Run], but as a part of the run of ctx.
func each[T any](ctx context.Context, src Source[T], emit func(T) error) error {
	if src == nil {
		return errNilSource
	}
	if stopped(ctx) {
		return context.Cause(ctx)
	}
	return src.Each(ctx, emit)
}

// next returns the next element. It returns false if the source has ended, with p.err.
func (p *pulled[T]) next() (T, bool) {
	v, ok := p.resume()
	if !ok {
		p.rethrow()
	}
	return v, ok
}

// rethrow raises a panic of the source on the goroutine of the caller.
func (p *pulled[T]) rethrow() {
	if broken := p.panicked; broken != nil {
		p.panicked, p.done = nil, true
		panic(broken)
	}
}

// close ends the source, if it has not ended: its emit returns cause. close returns the errors that
// clean-up added to cause. If a reader must end the source, close does nothing, and the reader
// calls finish.
func (p *pulled[T]) close(cause error) error {
	if p.leftToReader {
		return nil
	}
	return p.finish(cause)
}

// finish does what close does, for a reader that must end the source.
func (p *pulled[T]) finish(cause error) error {
	if p.done || p.cause != nil {
		return nil
	}
	p.cause = cause
	p.stop()
	p.rethrow()
	return p.addedTo(cause)
}

// addedTo returns the errors that the source reported in addition to cause, which ended it.
func (p *pulled[T]) addedTo(cause error) error {
	if ending.Same(p.err, cause) {
		return nil
	}
	if s, ok := cause.(*stop); ok { //nolint:errorlint // so it is here
		return without(p.err, s)
	}
	return p.err
}

// pulling calls f with a run of src as a coroutine, and then ends that run: with the error of f, or
// early if f returns nil before the end of src.
func pulling[T any](ctx context.Context, src Source[T], f func(*pulled[T]) error) error {
	p := pull(ctx, src)
	ended := false
	defer func() {
		if !ended { // f panicked
			_ = p.close(errAborted)
		}
	}()
	err := f(p)
	ended = true
	cause := err
	if cause == nil {
		cause = new(stop)
	}
	return ending.Join(err, p.close(cause))
}
