package stream

import "context"

// Zip returns a source that emits the elements of a and b in pairs: the first with the first, and so on. It completes when either
// has completed; the other is stopped early.
//
// Memory: one element of each. Goroutines: none; b runs as a coroutine. Where the two should work at the same time, put an
// [Async] behind one. The first error of either ends the run. A drain of the run ends a, and b with it:
// what stages of b have read ahead has no partner, and is dropped.
func Zip[A, B any](a Source[A], b Source[B]) Source[Pair[A, B]] {
	return ZipWith(func(x A, y B) Pair[A, B] { return Pair[A, B]{x, y} }, a, b)
}

// ZipWith is [Zip] that emits f of each two elements.
func ZipWith[A, B, C any](f func(A, B) C, a Source[A], b Source[B]) Source[C] {
	switch {
	case f == nil:
		return Fail[C](errNilFunc("ZipWith"))
	case a == nil || b == nil:
		return Fail[C](errNilSource)
	}
	return SourceFunc[C](func(ctx context.Context, emit func(C) error) error {
		// b has a partner for each element that a drained a has emitted
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
				return emit(f(x, y))
			}), enough)
		})
	})
}

// ZipAll is [Zip] that completes when both sources have: the one that ends first is padded, a with padA, b with padB.
// A pad that is a byte slice is copied for each pair; what others point to is shared. A drain of the run ends both:
// what one has emitted beyond the other is padded.
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

// ZipN returns a source that emits slices of one element of each source, in their order. It completes when one has completed;
// the others are stopped early. Without sources it completes at once. A drain of the run ends the first, and
// the others with it.
//
// Memory: one element of each. Goroutines: none; the sources run as coroutines.
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

// drained says which of several pulled sources a drain of the run ends.
type drained int

const (
	drainAll   drained = iota
	drainFirst         // the others have a partner for each of its elements
	drainNone          // they are parts of one whole
)

// pullAll returns a source whose runs pull from srcs by f.
func pullAll[T, U any](which drained, srcs []Source[T], f func(ctx context.Context, ps []*pulled[T], emit func(U) error) error) Source[U] {
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
