package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/internal/ending"
)

// ErrTooManySkipped is the error of a run in which [Supervise] met more bad elements than it may skip. It is of class Fatal; the
// cause of the last one is wrapped beside it.
var ErrTooManySkipped = Mark(errors.New("too many elements were skipped"), Fatal)

// DeadLetter is an element that was skipped.
type DeadLetter[T any] struct {
	Element  T     // as it came
	Position int64 // of the element in the run, from 0
	Err      error // why
}

// SuperviseOptions tunes [Supervise]. The zero value is ready to use.
type SuperviseOptions[T any] struct {
	// When tells whether an element whose call ended with err is skipped; nil means when ClassOf(err) is Data.
	When func(err error) bool

	MaxCount int64       // elements that may be skipped in a run; 0 means 100, less means no limit
	MaxBytes int64       // bytes of elements that may be; 0 means 16 MiB, less means no limit
	Size     func(T) int // the bytes of an element; nil means the length of a byte slice, and 0 for anything else
}

// Supervise returns a flow that emits f of each element, in the order of the elements, with up to n calls of f at once, and skips
// elements that f cannot do: each of them goes to dead instead, with its position and the cause, in their order too.
//
//	stream.Supervise(4, stream.Retry(convert, nil), func(ctx context.Context, d stream.DeadLetter[bson.Raw]) error { … }, nil)
//
// Any other error of f ends the run, and so does one skipped element too many ([ErrTooManySkipped]): a run that loses much is not a
// good one. f leaves the element as it is, for the dead letter carries it.
//
//   - Memory, order, goroutines: with n = 1 it is fused and holds no element; else those of [MapN]. dead is called by the caller's goroutine.
//   - Errors: f's and dead's as they are. dead has seen every element that was skipped, but not the one too many, which the
//     error names.
//
// For dead letters that are a stream of their own see [SuperviseTo].
func Supervise[T, U any](n int, f func(context.Context, T) (U, error), dead func(context.Context, DeadLetter[T]) error, opts *SuperviseOptions[T]) Flow[T, U] {
	if dead == nil {
		return invalid[T, U]("Supervise: the function for dead letters is nil")
	}
	return Join(supervised("Supervise", n, f, opts), fuse(func(ctx context.Context, emit func(U) error) func(outcome[T, U]) error {
		call := WithoutDrain(ctx)
		return func(o outcome[T, U]) error {
			if o.dead == nil {
				return emit(o.value)
			}
			return ending.Cause(ctx, dead(call, *o.dead))
		}
	}))
}

// SuperviseTo is [Supervise] with a sink for the dead letters: a file, an object. It completes, fails and ends early with the run
// as the sink of [AlsoTo] does, so that its letters are published when the run succeeds; to see those of a run that fails, use
// Supervise. When it has finished, done is called with its result; done may be nil.
//
// Memory and goroutines: in addition one goroutine for the sink and up to 16 letters that wait for it.
func SuperviseTo[T, U, R any](n int, f func(context.Context, T) (U, error), dead Sink[DeadLetter[T], R], done func(R), opts *SuperviseOptions[T]) Flow[T, U] {
	if dead == nil {
		return failFlow[T, U](errNilSink)
	}
	letters := Into(Map(func(o outcome[T, U]) DeadLetter[T] { return *o.dead }), dead)
	return Join(supervised("SuperviseTo", n, f, opts), Join(
		DivertTo(letters, func(o outcome[T, U]) bool { return o.dead != nil }, done),
		Map(func(o outcome[T, U]) U { return o.value }),
	))
}

// outcome is what became of an element: a value or a dead letter.
type outcome[T, U any] struct {
	value U
	dead  *DeadLetter[T]
}

// supervised returns the flow that emits what became of each element, and ends the run when too many were skipped.
func supervised[T, U any](name string, n int, f func(context.Context, T) (U, error), opts *SuperviseOptions[T]) Flow[T, outcome[T, U]] {
	var o SuperviseOptions[T]
	if opts != nil {
		o = *opts
	}
	o.fill()
	switch {
	case n < 1:
		return invalid[T, outcome[T, U]]("%s: %d calls at once; it must be at least 1", name, n)
	case f == nil:
		return failFlow[T, outcome[T, U]](errNilFunc(name))
	}
	type numbered struct {
		value T
		at    int64
	}
	number := fuse(func(_ context.Context, emit func(numbered) error) func(T) error {
		at := int64(-1)
		return func(v T) error {
			at++
			return emit(numbered{v, at})
		}
	})
	try := func(ctx context.Context, e numbered) (outcome[T, U], error) {
		u, err := f(ctx, e.value)
		switch {
		case err == nil:
			return outcome[T, U]{value: u}, nil
		case !o.When(err):
			return outcome[T, U]{}, ending.Cause(ctx, err)
		case ctx.Err() != nil:
			return outcome[T, U]{}, context.Cause(ctx) // the element would have been skipped: it ends nothing
		}
		return outcome[T, U]{dead: &DeadLetter[T]{e.value, e.at, err}}, nil
	}
	calls := TryMap(try)
	if n > 1 {
		calls = mapParallel(name, n, true, try)
	}
	return Join(Join(number, calls), fuse(func(_ context.Context, emit func(outcome[T, U]) error) func(outcome[T, U]) error {
		var count, bytes int64
		return func(out outcome[T, U]) error {
			if d := out.dead; d != nil {
				count++
				bytes += int64(max(0, o.Size(d.Element)))
				if o.MaxCount >= 0 && count > o.MaxCount || o.MaxBytes >= 0 && bytes > o.MaxBytes {
					return fmt.Errorf("stream: %s: element %d, the %dth bad one, %d bytes in all: %w: %w", name, d.Position, count, bytes, ErrTooManySkipped, d.Err)
				}
			}
			return emit(out)
		}
	}))
}

func (o *SuperviseOptions[T]) fill() {
	if o.When == nil {
		o.When = func(err error) bool { return ClassOf(err) == Data }
	}
	if o.MaxCount == 0 {
		o.MaxCount = 100
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 16 << 20
	}
	if o.Size == nil {
		o.Size = sizer[T]()
	}
}
