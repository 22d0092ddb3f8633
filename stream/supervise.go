package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/internal/ending"
)

// ErrTooManySkipped is the error of a run in which [Supervise] met more bad elements than it may
// skip. It is of class Fatal. The run's error also wraps the cause of the last one.
var ErrTooManySkipped = Mark(errors.New("too many elements were skipped"), Fatal)

// SuperviseOptions configures [Supervise]. The zero value is ready to use.
type SuperviseOptions[T any] struct {
	// When reports whether to skip an element whose call failed with err. If it is nil, elements
	// are skipped if ClassOf(err) is Data.
	When func(err error) bool

	MaxCount int64       // most elements to skip in a run; 0 means 100, negative means no limit
	MaxBytes int64       // most bytes of skipped elements; 0 means 16 MiB, negative means no limit
	Size     func(T) int // bytes of an element; nil: the length of a byte slice, 0 for other types
}

// Supervise returns a flow that emits f(ctx, v) for each element v, in order, with up to n
// concurrent calls of f, and skips elements for which f fails. It passes each of them to dead, with
// its position and the cause, in order too. f must not change the element, because the dead letter
// carries it.
//
//	stream.Supervise(4, stream.Retry(convert, nil),
//		func(ctx context.Context, d stream.DeadLetter[bson.Raw]) error { … }, nil)
//
// For dead letters as a stream, see [SuperviseTo].
//
//   - Memory: none with n = 1; otherwise as in [MapParallel].
//   - Goroutines: none with n = 1; otherwise as in MapParallel. The caller's goroutine calls dead.
//   - Errors: an error of f that is not skipped ends the run, unchanged, and so does an error of
//     dead. If the skipped elements exceed MaxCount or MaxBytes, the run ends with
//     [ErrTooManySkipped]: a run that loses much must not succeed. dead has received every skipped
//     element except that last one, which the error names.
func Supervise[T, U any](
	n int,
	f func(context.Context, T) (U, error),
	dead func(context.Context, DeadLetter[T]) error,
	opts *SuperviseOptions[T],
) Flow[T, U] {
	if dead == nil {
		return invalid[T, U]("Supervise: the function for dead letters is nil")
	}
	return Then(supervised("Supervise", n, f, opts),
		fuse(func(ctx context.Context, emit func(U) error) func(outcome[T, U]) error {
			call := WithoutDrain(ctx)
			return func(o outcome[T, U]) error {
				if o.dead == nil {
					return emit(o.value)
				}
				return ending.Cause(ctx, dead(call, *o.dead))
			}
		}))
}

// SuperviseTo is [Supervise] with a sink for the dead letters, such as a file or an object. The
// sink completes, fails and ends early with the run, like the sink of [AlsoTo]. So it publishes its
// letters only if the run succeeds; to see those of a failed run, use Supervise. To get its result,
// use [OnResult].
//
//   - Memory: in addition up to 16 letters that wait for the sink.
//   - Goroutines: in addition one for the sink.
func SuperviseTo[T, U, R any](
	n int,
	f func(context.Context, T) (U, error),
	dead Sink[DeadLetter[T], R],
	opts *SuperviseOptions[T],
) Flow[T, U] {
	if dead == nil {
		return failFlow[T, U](errNilSink)
	}
	letters := Into(Map(func(o outcome[T, U]) DeadLetter[T] { return *o.dead }), dead)
	return Then(supervised("SuperviseTo", n, f, opts), Then(
		DivertTo(letters, func(o outcome[T, U]) bool { return o.dead != nil }),
		Map(func(o outcome[T, U]) U { return o.value }),
	))
}

// outcome is the result for an element: a value or a dead letter.
type outcome[T, U any] struct {
	value U
	dead  *DeadLetter[T]
}

// supervised returns the flow that emits the outcome for each element. It ends the run if too many
// are skipped.
func supervised[T, U any](
	name string,
	n int,
	f func(context.Context, T) (U, error),
	opts *SuperviseOptions[T],
) Flow[T, outcome[T, U]] {
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
			// The element would have been skipped, so it is not what ended the run.
			return outcome[T, U]{}, context.Cause(ctx)
		}
		return outcome[T, U]{dead: &DeadLetter[T]{e.value, e.at, err}}, nil
	}
	calls := TryMap(try)
	if n > 1 {
		calls = mapParallel(name, n, inOrder, try)
	}
	return Then(Then(number, calls),
		fuse(func(_ context.Context, emit func(outcome[T, U]) error) func(outcome[T, U]) error {
			var count, bytes int64
			return func(out outcome[T, U]) error {
				if d := out.dead; d != nil {
					count++
					bytes += int64(max(0, o.Size(d.Element)))
					if o.MaxCount >= 0 && count > o.MaxCount || o.MaxBytes >= 0 && bytes > o.MaxBytes {
						return fmt.Errorf("stream: %s: element %d, the %dth bad one, %d bytes in all: %w: %w",
							name, d.Position, count, bytes, ErrTooManySkipped, d.Err)
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
