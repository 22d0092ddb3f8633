package stream

import (
	"context"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/ending"
)

// Peel returns a flow that emits one element: the first n elements, and a source of the rest. If
// there are fewer than n, the head is shorter and the tail empty.
//
//	stream.Via2(body, stream.Peel[[]byte](1),
//		stream.ConcatMap(func(p stream.Peeled[[]byte]) stream.Source[[]byte] { … }))
//
// The downstream reads the tail inside its emit, once. A later or second read fails. The run fails
// if a read still goes on when that emit returns. What is not read is dropped, and the upstream is
// stopped.
//
//   - Memory: n elements.
//   - Goroutines: none; the upstream runs as a coroutine.
func Peel[T any](n int) Flow[T, Peeled[T]] {
	if n < 0 {
		return invalid[T, Peeled[T]]("Peel: %d elements; the count must not be negative", n)
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(Peeled[T]) error) error {
		ctx, cancel := early.WithCancel(ctx)
		defer cancel(nil)
		up := ctx
		if n > 1 { // the stage holds elements back
			up = early.Apart(ctx)
		}
		return pulling(up, src, func(p *pulled[T]) error {
			head := Peeled[T]{Head: make([]T, 0, min(n, 1024))}
			for len(head.Head) < n {
				v, ok := p.next()
				if !ok {
					break
				}
				head.Head = append(head.Head, v)
			}
			if p.done && p.err != nil {
				return p.err
			}
			tail := &tail[T]{part[T]{run: p, ctx: ctx, cancel: cancel}}
			head.Tail = tail
			return tail.lend(func() error { return emit(head) })
		})
	})
}

// Peeled is the element that [Peel] emits.
type Peeled[T any] struct {
	Head []T
	Tail Source[T]
}

// tail is the rest of a pulled source.
type tail[T any] struct{ part[T] }

// Each implements [Source].
func (t *tail[T]) Each(ctx context.Context, emit func(T) error) (err error) {
	if !t.begin() {
		return errUsed
	}
	defer t.end(&err)
	// The reader may use its own context. Its end must reach the upstream.
	defer context.AfterFunc(ctx, func() { t.cancel(context.Cause(ctx)) })()
	return t.each(ctx, t.run.next, emit)
}

// pulling calls f with a run of src as a coroutine, and then ends that run: with the error of f, or
// early if f returns nil before the end of src.
func pulling[T any](ctx context.Context, src Source[T], f func(*pulled[T]) error) error {
	p := pull(ctx, src)
	ended := false
	defer func() {
		if !ended { // f panicked
			_ = p.close(errBroke)
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

// Prefix returns a flow that collects the first n elements, or all if there are fewer, calls f with
// them, and runs the rest through the flow that f returns.
//
//   - Memory: n elements.
//   - Goroutines: none; the upstream runs as a coroutine.
//   - Errors: an error of f ends the run, as it is.
func Prefix[T, U any](n int, f func(head []T) (Flow[T, U], error)) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("Prefix: the function is nil")
	}
	return Then(Peel[T](n), ConcatMap(func(p Peeled[T]) Source[U] {
		flow, err := f(p.Head)
		if err != nil {
			return Fail[U](err)
		}
		return Via(p.Tail, flow)
	}))
}

// LazyFlow returns a flow that calls f with the first element and runs all elements, the first
// included, through the flow that f returns: for example a decoder chosen by the first bytes.
// Without an element it emits nothing.
//
//   - Memory: one element.
//   - Goroutines: none; the upstream runs as a coroutine.
//   - Errors: an error of f ends the run, as it is.
func LazyFlow[T, U any](f func(first T) (Flow[T, U], error)) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("LazyFlow: the function is nil")
	}
	return Then(Peel[T](1), ConcatMap(func(p Peeled[T]) Source[U] {
		if len(p.Head) == 0 {
			return Fail[U](nil)
		}
		flow, err := f(p.Head[0])
		if err != nil {
			return Fail[U](err)
		}
		return Via(Concat(one(p.Head[0]), p.Tail), flow)
	}))
}

func one[T any](v T) Source[T] {
	return SourceFunc[T](func(_ context.Context, emit func(T) error) error { return emit(v) })
}
