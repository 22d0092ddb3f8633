package stream

import (
	"context"

	"github.com/millweir/millweir/internal/early"
)

// SplitWhen returns a flow that cuts the stream into substreams: an element for which cut is true begins a new one. Each
// substream is a source that is read inside the downstream's emit, once; it ends with an error when it is read later or again, and
// the run does when it is still read as that emit returns. What is not read of it is dropped; that it was left, early or for an
// error that the downstream saw to, does not touch those that follow.
//
//	stream.Via2(lines, stream.SplitWhen(isHeader), stream.TryMap(func(ctx context.Context, part stream.Source[[]byte]) (int64, error) {
//		return stream.Run(ctx, part, sink.File(name()))
//	}))
//
// Memory: one element. Goroutines: none; the upstream runs as a coroutine. For a substream that is read on a context of its own,
// as by [MapN] or [TakeFor], they are up to 64 elements and one goroutine, which has ended when the run returns.
func SplitWhen[T any](cut func(T) bool) Flow[T, Source[T]] {
	return split("SplitWhen", cut, true)
}

// SplitAfter is [SplitWhen] but for the element for which cut is true, which ends a substream.
func SplitAfter[T any](cut func(T) bool) Flow[T, Source[T]] {
	return split("SplitAfter", cut, false)
}

func split[T any](name string, cut func(T) bool, before bool) Flow[T, Source[T]] {
	if cut == nil {
		return invalid[T, Source[T]]("%s: the function is nil", name)
	}
	return FlowFunc[T, Source[T]](func(src Source[T]) Source[Source[T]] {
		return SourceFunc[Source[T]](func(ctx context.Context, emit func(Source[T]) error) error {
			ctx, cancel := early.WithCancel(ctx)
			defer cancel(nil)
			return pulling(ctx, src, func(p *pulled[T]) error {
				v, ok := p.next()
				for ok {
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					s := &section[T]{part: part[T]{run: p, ctx: ctx, cancel: cancel}, head: v, have: true, cut: cut, before: before}
					if err := s.lend(func() error { return emit(s) }); err != nil {
						return err
					}
					for s.more() { // what the downstream left
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
	})
}

// section is one substream of a pulled source.
type section[T any] struct {
	part[T]
	cut    func(T) bool
	before bool // cut begins the next section, else it ends this one

	head  T
	have  bool // head is the next element of this section
	begun bool // head is the first element of the next section
	ended bool
}

// more waits for the next element of the section and tells whether there is one.
func (s *section[T]) more() bool {
	if s.have || s.ended {
		return s.have
	}
	var ok bool
	if s.head, ok = s.run.next(); !ok {
		s.ended = true
		return false
	}
	if s.before && s.cut(s.head) {
		s.begun, s.ended = true, true
		return false
	}
	s.have = true
	return true
}

// take returns the element that more found.
func (s *section[T]) take() T {
	s.have = false
	if !s.before && s.cut(s.head) {
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
	if s.reached(ctx) {
		return s.each(ctx, s.step, emit)
	}
	return s.eachAside(ctx, s.step, emit)
}
