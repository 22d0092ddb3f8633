package stream

import (
	"context"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/ending"
)

// Peel returns a flow that emits one element: the first n elements, and the rest as a source. The rest is read inside the
// downstream's emit, once: it ends with an error when it is read later or again, and the run does when it is still read as that emit
// returns. What is not read of it is dropped: the upstream is stopped. With fewer than n elements the head is shorter and the tail empty.
//
//	stream.Via2(body, stream.Peel[[]byte](1), stream.ConcatMap(func(p stream.Peeled[[]byte]) stream.Source[[]byte] { … }))
//
// Memory: n elements. Goroutines: none; the upstream runs as a coroutine.
func Peel[T any](n int) Flow[T, Peeled[T]] {
	if n < 0 {
		return invalid[T, Peeled[T]]("Peel: %d elements; the count must not be negative", n)
	}
	return FlowFunc[T, Peeled[T]](func(src Source[T]) Source[Peeled[T]] {
		return SourceFunc[Peeled[T]](func(ctx context.Context, emit func(Peeled[T]) error) error {
			ctx, cancel := early.WithCancel(ctx)
			defer cancel(nil)
			up := ctx
			if n > 1 { // the head is emitted when the last of it has come
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
	})
}

// Peeled is what [Peel] emits.
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
	// what reads the tail may do so on a context of its own, which then must reach the upstream
	defer context.AfterFunc(ctx, func() { t.cancel(context.Cause(ctx)) })()
	return t.each(ctx, t.run.next, emit)
}

// pulling runs f over src as a coroutine, and ends src as f ends: with f's error, or early when f returned nil before src's end.
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

// Prefix returns a flow that gathers the first n elements, or all when there are fewer, asks f for the flow that fits them, and
// runs the rest through it. An error of f ends the run, as it is. Memory: n elements. Goroutines: none; the upstream runs as a coroutine.
func Prefix[T, U any](n int, f func(head []T) (Flow[T, U], error)) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("Prefix: the function is nil")
	}
	return Join(Peel[T](n), ConcatMap(func(p Peeled[T]) Source[U] {
		flow, err := f(p.Head)
		if err != nil {
			return Fail[U](err)
		}
		return Via(p.Tail, flow)
	}))
}

// LazyFlow returns a flow that asks f for the flow to use when the first element comes, and runs all elements through it, the
// first included: a decoder chosen by the first bytes. Without an element it emits nothing. An error of f ends the run, as it is.
// Memory: one element. Goroutines: none; the upstream runs as a coroutine.
func LazyFlow[T, U any](f func(first T) (Flow[T, U], error)) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("LazyFlow: the function is nil")
	}
	return Join(Peel[T](1), ConcatMap(func(p Peeled[T]) Source[U] {
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
