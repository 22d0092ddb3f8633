package stream

import (
	"context"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/ending"
)

// FlatMapPrefix returns a flow that collects the first n elements, or all if there are fewer, calls
// f with them, and runs the rest through the flow that f returns. With n = 0, f is called before
// the upstream starts.
//
//	stream.FlatMapPrefix(1, func(
//		_ context.Context, head []string,
//	) (stream.Flow[string, Row], error) {
//		return parseRows(head), nil // head has the column names
//	})
//
// The head is not in the input of that flow. To choose a flow by the first element and keep it, see
// [LazyFlow].
//
//   - Memory: n elements.
//   - Goroutines: none; the upstream runs as a coroutine if n > 0.
//   - Errors: an error of f ends the run, unchanged. A flow that reads its input twice, or after
//     its run, gets an error.
func FlatMapPrefix[T, U any](n int, f func(ctx context.Context, head []T) (Flow[T, U], error)) Flow[T, U] {
	switch {
	case n < 0:
		return invalid[T, U]("FlatMapPrefix: %d elements; the count must not be negative", n)
	case f == nil:
		return invalid[T, U]("FlatMapPrefix: the function is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		if n == 0 {
			return runChosen(ctx, f, nil, src, emit)
		}
		return splitHead(ctx, n, src, func(ctx context.Context, head []T, rest Source[T]) error {
			return runChosen(ctx, f, head, rest, emit)
		})
	})
}

// runChosen runs src through the flow that choose returns for head.
func runChosen[H, T, U any](ctx context.Context, choose func(context.Context, H) (Flow[T, U], error), head H,
	src Source[T], emit func(U) error,
) error {
	flow, err := choose(WithoutDrain(ctx), head)
	if err != nil {
		return ending.Cause(ctx, err)
	}
	return each(ctx, Via(src, flow), emit)
}

// LazyFlow returns a flow that calls f with the first element and runs all elements, the first
// included, through the flow that f returns: for example a decoder chosen by the first bytes. If
// there is no element, it emits nothing.
//
//   - Memory: one element.
//   - Goroutines: none; the upstream runs as a coroutine.
//   - Errors: an error of f ends the run, unchanged.
func LazyFlow[T, U any](f func(ctx context.Context, first T) (Flow[T, U], error)) Flow[T, U] {
	if f == nil {
		return invalid[T, U]("LazyFlow: the function is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		return splitHead(ctx, 1, src, func(ctx context.Context, head []T, rest Source[T]) error {
			if len(head) == 0 {
				return nil
			}
			return runChosen(ctx, f, head[0], Concat(one(head[0]), rest), emit)
		})
	})
}

func one[T any](v T) Source[T] {
	return SourceFunc[T](func(_ context.Context, emit func(T) error) error { return emit(v) })
}

// splitHead calls use with the first n elements of src, or all if there are fewer, and with a
// source of the rest. use can read the rest once, until it returns. Elements that it does not read
// are dropped, and src is stopped.
func splitHead[T any](ctx context.Context, n int, src Source[T],
	use func(ctx context.Context, head []T, rest Source[T]) error,
) error {
	ctx, cancel := early.WithCancel(ctx)
	defer cancel(nil)
	up := ctx
	if n > 1 { // the stage holds elements back
		up = early.Detached(ctx)
	}
	return pulling(up, src, func(p *pulled[T]) error {
		head := make([]T, 0, min(n, 1024))
		for len(head) < n {
			v, ok := p.next()
			if !ok {
				break
			}
			head = append(head, v)
		}
		if p.done && p.err != nil {
			return p.err
		}
		rest := &tail[T]{part[T]{run: p, ctx: ctx, cancel: cancel}}
		// A drain ends src, but use must still emit its output for the head.
		return rest.lend(func() error { return use(WithoutDrain(ctx), head, rest) })
	})
}

// tail is the rest of a pulled source.
type tail[T any] struct{ part[T] }

// Each implements [Source].
func (t *tail[T]) Each(ctx context.Context, emit func(T) error) (err error) {
	if !t.begin() {
		return errUsed
	}
	defer t.end(&err)
	// The reader may use its own context. If that context ends, the upstream must end too.
	defer context.AfterFunc(ctx, func() { t.cancel(context.Cause(ctx)) })()
	return t.each(ctx, t.run.next, emit)
}
