package stream

import "context"

// Zip returns a source that emits the elements of a and b in pairs: the first of each, then the
// second of each, and so on. It completes when either has completed, and stops the other one early.
//
// A drain of the run ends a, and then b: elements that stages of b have read ahead have no partner
// and are dropped.
//
//   - Memory: one element of each.
//   - Goroutines: none; b runs as a coroutine. To run both concurrently, put an [Async] after one.
//   - Errors: the first error of either ends the run.
func Zip[A, B any](a Source[A], b Source[B]) Source[Pair[A, B]] {
	if a == nil || b == nil {
		return Fail[Pair[A, B]](errNilSource)
	}
	return SourceFunc[Pair[A, B]](func(ctx context.Context, emit func(Pair[A, B]) error) error {
		// not drained: b must have a partner for each element that a drained a has emitted
		return pulling(WithoutDrain(ctx), b, func(p *pulled[B]) error {
			enough := new(stop)
			return without(a.Each(ctx, func(x A) error {
				y, ok := p.next()
				if !ok {
					if p.err != nil {
						return p.err
					}
					return enough
				}
				return emit(Pair[A, B]{x, y})
			}), enough)
		})
	})
}

// ZipAll is [Zip] that completes when both sources have completed. It pads the shorter one: a with
// padA, b with padB. A drain of the run ends both, and the pads fill up the rest.
//
//   - Memory: a pad that is a byte slice is copied for each pair; what other pads point to is
//     shared.
func ZipAll[A, B any](a Source[A], b Source[B], padA A, padB B) Source[Pair[A, B]] {
	if a == nil || b == nil {
		return Fail[Pair[A, B]](errNilSource)
	}
	forA, forB := copies(padA), copies(padB)
	return SourceFunc[Pair[A, B]](func(ctx context.Context, emit func(Pair[A, B]) error) error {
		return pulling(ctx, b, func(p *pulled[B]) error {
			ended := false
			err := a.Each(ctx, func(x A) error {
				if !ended {
					y, ok := p.next()
					switch {
					case ok:
						return emit(Pair[A, B]{x, y})
					case p.err != nil:
						return p.err
					}
					ended = true
				}
				return emit(Pair[A, B]{x, forB()})
			})
			for err == nil && !ended {
				y, ok := p.next()
				switch {
				case !ok:
					return p.err
				case ctx.Err() != nil:
					return context.Cause(ctx)
				}
				err = emit(Pair[A, B]{forA(), y})
			}
			return err
		})
	})
}

// ZipN returns a source that emits slices with one element of each source, in their order. It
// completes when one source has completed, and stops the others early. Without sources it completes
// at once. A drain of the run ends the first source, and with it the others.
//
//   - Memory: one element of each.
//   - Goroutines: none; the sources run as coroutines.
func ZipN[T any](srcs ...Source[T]) Source[[]T] {
	return pullAll(drainFirst, srcs, func(ctx context.Context, ps []*pulled[T], emit func([]T) error) error {
		for len(ps) > 0 {
			row := make([]T, 0, len(ps))
			for _, p := range ps {
				v, ok := p.next()
				if !ok {
					return p.err
				}
				row = append(row, v)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// drained selects which of several pulled sources a drain of the run ends.
type drained int

const (
	drainAll   drained = iota
	drainFirst         // the others must have a partner for each of its elements
	drainNone          // the sources are parts of one whole
)

// pullAll returns a source whose runs pull from srcs with f.
func pullAll[T, U any](
	which drained,
	srcs []Source[T],
	f func(ctx context.Context, ps []*pulled[T], emit func(U) error) error,
) Source[U] {
	for _, src := range srcs {
		if src == nil {
			return Fail[U](errNilSource)
		}
	}
	return SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
		ps := make([]*pulled[T], 0, len(srcs))
		var open func() error
		open = func() error {
			if len(ps) == len(srcs) {
				return f(ctx, ps, emit)
			}
			up := ctx
			if which == drainNone || which == drainFirst && len(ps) > 0 {
				up = WithoutDrain(ctx)
			}
			return pulling(up, srcs[len(ps)], func(p *pulled[T]) error {
				ps = append(ps, p)
				return open()
			})
		}
		return open()
	})
}
