package stream

import (
	"context"
	"sync"

	"github.com/millweir/millweir/internal/early"
)

// FlowOf returns a flow whose elements go into sink and whose output comes from src: two ends of something that is neither, such
// as a connection. It completes when both have: with coupled, either one that ends stops the upstream of the other, and sink
// completes with the elements that came. An early end of the downstream ends src, and sink as if they were coupled.
//
//   - Goroutines: one, for sink; it has ended when the run returns.
//   - Errors: the first error of either ends the run and the other. The result of sink is dropped.
func FlowOf[I, O, R any](sink Sink[I, R], src Source[O], coupled bool) Flow[I, O] {
	switch {
	case sink == nil:
		return invalid[I, O]("FlowOf: the sink is nil")
	case src == nil:
		return invalid[I, O]("FlowOf: the source is nil")
	}
	return FlowFunc[I, O](func(up Source[I]) Source[O] {
		return SourceFunc[O](func(ctx context.Context, emit func(O) error) error {
			g, aside, ctx, release := newAside(ctx)
			defer release()
			// src answers what sink was given: a drain ends the upstream alone
			in, out := stoppable[I]{src: up}, stoppable[O]{src: undrained(src)}
			g.Go(func() error {
				_, err := Run(aside, &in, sink)
				if err == nil && coupled {
					out.stop()
				}
				return err
			})
			unwatch := func() bool { return true }
			defer func() { unwatch() }()
			var had error // the downstream's wish to stop
			err := g.Do(func() error {
				err := out.Each(ctx, emit)
				if isStop(err) {
					had, err = err, nil
				}
				switch {
				case err != nil:
				case coupled || had != nil:
					in.stop()
				default: // no emit will tell of an early end any more
					unwatch = context.AfterFunc(ctx, func() {
						if isStop(context.Cause(ctx)) {
							in.stop()
						}
					})
				}
				return err
			})
			switch {
			case err != nil:
				return err
			case had == nil && isStop(context.Cause(ctx)):
				return context.Cause(ctx)
			}
			return had
		})
	})
}

// stoppable is a source, for one run, that somebody else can end early.
type stoppable[T any] struct {
	src Source[T]

	mu      sync.Mutex
	stopped bool
	cancel  func() // while it runs
}

// stop ends the source early, also before it has begun.
func (s *stoppable[T]) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.cancel != nil {
		s.cancel()
	}
}

// Each implements [Source].
func (s *stoppable[T]) Each(ctx context.Context, emit func(T) error) error {
	enough := new(stop)
	up, cancel := early.WithCancel(ctx)
	defer cancel(nil)
	s.mu.Lock()
	s.cancel = func() { cancel(enough) }
	if s.stopped {
		s.cancel()
	}
	s.mu.Unlock()
	return without(each(up, s.src, func(v T) error {
		if up.Err() != nil {
			return context.Cause(up)
		}
		return emit(v)
	}), enough)
}
