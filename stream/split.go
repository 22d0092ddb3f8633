package stream

import (
	"context"

	"github.com/millweir/millweir/internal/early"
)

// SplitWhen returns a flow that splits the stream into substreams. An element for which cut is true
// begins a new one.
//
//	stream.Via2(lines, stream.SplitWhen(isHeader),
//		stream.TryMap(func(ctx context.Context, part stream.Source[[]byte]) (int64, error) {
//			return stream.Run(ctx, part, sink.File(name()))
//		}))
//
// The downstream reads each substream inside its emit, once. A later or second read fails. If a
// read is still active when that emit returns, the run fails. Elements that are not read are
// dropped. If the downstream ends a substream early, or handles an error in it, the later
// substreams are unaffected.
//
//   - Memory: one element, or up to 64 for a substream that is read on its own context, as by
//     [MapParallel] or [TakeFor].
//   - Goroutines: none; the upstream runs as a coroutine. A substream that is read on its own
//     context adds one goroutine, which has ended when the run returns.
func SplitWhen[T any](cut func(T) bool) Flow[T, Source[T]] {
	return split("SplitWhen", cut, cutBefore)
}

// SplitAfter is [SplitWhen], except that an element for which cut is true ends a substream.
func SplitAfter[T any](cut func(T) bool) Flow[T, Source[T]] {
	return split("SplitAfter", cut, cutAfter)
}

// cutSide says to which of two sections an element with cut belongs.
type cutSide int

const (
	cutBefore cutSide = iota // it begins the next section
	cutAfter                 // it ends the current section
)

func split[T any](name string, cut func(T) bool, side cutSide) Flow[T, Source[T]] {
	if cut == nil {
		return invalid[T, Source[T]]("%s: the function is nil", name)
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(Source[T]) error) error {
		ctx, cancel := early.WithCancel(ctx)
		defer cancel(nil)
		return pulling(ctx, src, func(p *pulled[T]) error {
			v, ok := p.next()
			for ok {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				s := &section[T]{
					part: part[T]{run: p, ctx: ctx, cancel: cancel},
					head: v, have: true, cut: cut, side: side,
				}
				if err := s.lend(func() error { return emit(s) }); err != nil {
					return err
				}
				for s.more() { // drop what the downstream has not read
					s.take()
				}
				v, ok = s.head, s.begun
				if !ok && !p.done {
					v, ok = p.next()
				}
			}
			return p.err
		})
	})
}

// section is one substream of a pulled source.
type section[T any] struct {
	part[T]
	cut  func(T) bool
	side cutSide

	head  T
	have  bool // head is the next element of this section
	begun bool // head is the first element of the next section
	ended bool
}

// more waits for the next element of the section and reports whether there is one.
func (s *section[T]) more() bool {
	if s.have || s.ended {
		return s.have
	}
	var ok bool
	if s.head, ok = s.run.next(); !ok {
		s.ended = true
		return false
	}
	if s.side == cutBefore && s.cut(s.head) {
		s.begun, s.ended = true, true
		return false
	}
	s.have = true
	return true
}

// take returns the element that more found.
func (s *section[T]) take() T {
	s.have = false
	if s.side == cutAfter && s.cut(s.head) {
		s.ended = true
	}
	return s.head
}

// step takes the next element of the section.
func (s *section[T]) step() (v T, ok bool) {
	if !s.more() {
		return v, false
	}
	return s.take(), true
}

// Each implements [Source].
func (s *section[T]) Each(ctx context.Context, emit func(T) error) (err error) {
	if !s.begin() {
		return errUsed
	}
	defer s.end(&err)
	if s.endsWith(ctx) {
		return s.each(ctx, s.step, emit)
	}
	return s.eachThroughRing(ctx, s.step, emit)
}
