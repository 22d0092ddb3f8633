package stream

import (
	"context"
	"sync"

	"github.com/millweir/millweir/internal/early"
)

// FlowOf returns a flow that runs its input into sink and emits the elements of src. Use it for the
// two ends of a connection, for example. The flow completes when both have completed. If the
// downstream ends early, src is stopped, and sink completes with the elements that have arrived.
//
//   - Goroutines: one, for sink, which has ended when the run returns.
//   - Errors: the first error of sink or src ends the run and the other one. The result of sink is
//     dropped.
func FlowOf[I, O, R any](sink Sink[I, R], src Source[O]) Flow[I, O] {
	return flowOf("FlowOf", sink, src, independent)
}

// FlowOfCoupled is [FlowOf], except that the one that completes first stops the other: src ends
// early, or sink completes with the elements that have arrived.
func FlowOfCoupled[I, O, R any](sink Sink[I, R], src Source[O]) Flow[I, O] {
	return flowOf("FlowOfCoupled", sink, src, coupled)
}

// coupling says what the end of one side of a [FlowOf] does to the other side.
type coupling int

const (
	independent coupling = iota // nothing
	coupled                     // it stops the other side
)

func flowOf[I, O, R any](name string, sink Sink[I, R], src Source[O], sides coupling) Flow[I, O] {
	switch {
	case sink == nil:
		return invalid[I, O]("%s: the sink is nil", name)
	case src == nil:
		return invalid[I, O]("%s: the source is nil", name)
	}
	return NewFlow(func(ctx context.Context, up Source[I], emit func(O) error) error {
		g, sideCtx, ctx, release := newSideGroup(ctx)
		defer release()
		// A drain ends only the upstream. src may still emit replies to what sink has sent.
		in, out := stoppable[I]{src: up}, stoppable[O]{src: undrained(src)}
		g.Go(func() error {
			_, err := consume(inBranch(sideCtx), &in, sink)
			if err == nil && sides == coupled {
				out.stop()
			}
			return err
		})
		unwatch := func() bool { return true }
		defer func() { unwatch() }()
		var endedEarly error // set if the downstream ended early
		err := g.Do(func() error {
			err := out.Each(inBranch(ctx), emit)
			if isStop(err) {
				endedEarly, err = err, nil
			}
			switch {
			case err != nil:
			case sides == coupled || endedEarly != nil:
				in.stop()
			default: // src has ended, so emit can no longer report an early end
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
		case endedEarly == nil && isStop(context.Cause(ctx)):
			return context.Cause(ctx)
		}
		return endedEarly
	})
}

// stoppable is a source, for one run, that another goroutine can stop early.
type stoppable[T any] struct {
	src Source[T]

	mu      sync.Mutex
	stopped bool
	cancel  func() // set while the source runs
}

// stop stops the source early, even before it has started.
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
