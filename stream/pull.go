package stream

import (
	"context"
	"iter"
)

// pulled is a run of a source whose elements are taken one by one. The source runs as a coroutine of whoever calls next, so that
// no goroutine runs beside it. It is not for two goroutines at once, and close must be called.
type pulled[T any] struct {
	resume func() (T, bool)
	stop   func()
	cause  error // what emit returns once closed
	err    error // how the source ended
	done   bool
	left   bool        // close is another's to do
	broken *PanicError // a panic of the source, with its stack, which iter.Pull would lose
}

// pull begins a run of src; it starts with the first call of next.
func pull[T any](ctx context.Context, src Source[T]) *pulled[T] {
	p := new(pulled[T])
	p.resume, p.stop = iter.Pull(func(yield func(T) bool) {
		defer func() {
			if p.done {
				return
			}
			if v := recover(); v != nil { // else it is runtime.Goexit, which iter.Pull carries on
				p.broken = panicked(v)
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

// each runs src into emit with the checks of [Run], but as a part of the run that ctx belongs to.
func each[T any](ctx context.Context, src Source[T], emit func(T) error) error {
	if src == nil {
		return errNilSource
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return src.Each(ctx, emit)
}

// next returns the next element; false means that the source has ended, with p.err.
func (p *pulled[T]) next() (T, bool) {
	v, ok := p.resume()
	if !ok {
		p.rethrow()
	}
	return v, ok
}

// rethrow carries a panic of the source to whoever pulls.
func (p *pulled[T]) rethrow() {
	if broken := p.broken; broken != nil {
		p.broken, p.done = nil, true
		panic(broken)
	}
}

// close ends the source, if it has not ended: its emit returns cause. It returns what clean-up added to cause.
func (p *pulled[T]) close(cause error) error {
	if p.left {
		return nil
	}
	return p.finish(cause)
}

// finish is close for whom it is left to.
func (p *pulled[T]) finish(cause error) error {
	if p.done || p.cause != nil {
		return nil
	}
	p.cause = cause
	p.stop()
	p.rethrow()
	return p.beside(cause)
}

// beside returns what the source that ended for cause reported beside it.
func (p *pulled[T]) beside(cause error) error {
	if p.err == cause { //nolint:errorlint // identity is the question
		return nil
	}
	if s, ok := cause.(*stop); ok { //nolint:errorlint // so it is here
		return without(p.err, s)
	}
	return p.err
}
