package stream

import (
	"context"
	"errors"
	"time"

	"github.com/millweir/millweir/internal/early"
)

// Aggregate returns a flow that gathers elements in an aggregate of your own: start makes an empty one, add puts an element in
// and tells whether that fills it, harvest makes the output of it. An aggregate is emitted when it is full, when within has
// passed since its first element (0 means no limit of time), and at the end; one without an element is not.
//
//   - Memory: one aggregate, and with a limit of time up to 16 elements that the upstream emits meanwhile.
//   - Goroutines: with a limit of time one for the upstream, which has ended when the run returns; otherwise none.
//   - Errors: those of add end the run, as they are; an incomplete aggregate is dropped when the upstream fails.
func Aggregate[S, T, U any](start func() S, add func(S, T) (next S, full bool, err error), harvest func(S) U, within time.Duration) Flow[T, U] {
	switch {
	case start == nil || add == nil || harvest == nil:
		return invalid[T, U]("Aggregate: a function is nil")
	case within < 0:
		return invalid[T, U]("Aggregate: a time limit of %v; it must not be negative", within)
	}
	gather := func(emit func(U) error) gatherer[T] {
		var state S
		some := false
		flush := func() error {
			if !some {
				return nil
			}
			some = false
			return emit(harvest(state))
		}
		return gatherer[T]{
			add: func(v T) error {
				if !some {
					state, some = start(), true
				}
				next, full, err := add(state, v)
				if err != nil {
					return err
				}
				if state = next; full {
					return flush()
				}
				return nil
			},
			flush: flush,
			empty: func() bool { return !some },
		}
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
			if within > 0 {
				return gatherWithin(ctx, src, sideAhead, within, emit, gather)
			}
			a := gather(emit)
			if err := src.Each(early.Apart(ctx), a.add); err != nil {
				return err
			}
			return a.flush()
		})
	})
}

// gatherer gathers elements and emits them when it is full, or when flush is called.
type gatherer[T any] struct {
	add   func(T) error
	flush func() error
	empty func() bool
}

// gatherWithin runs src on a goroutine, up to ahead elements ahead of a gatherer, which is flushed d after it got its first, also
// when elements never fail to wait.
func gatherWithin[T, U any](ctx context.Context, src Source[T], ahead int, d time.Duration, emit func(U) error, gather func(emit func(U) error) gatherer[T]) error {
	var timer *time.Timer
	var due chan time.Time // nil while nothing is gathered
	flushed := false
	a := gather(func(u U) error { flushed = true; return emit(u) })
	return beside(ctx, src, ahead, func(ctx context.Context, q *ring[T]) error {
		defer func() {
			if timer != nil {
				timer.Stop()
			}
		}()
		for {
			v, err := q.pop(ctx, due)
			flushed = false
			switch {
			case err == nil:
				err = a.add(v)
			case errors.Is(err, errDue):
				err = a.flush()
			case errors.Is(err, errEnded):
				return a.flush()
			}
			if err == nil && !flushed {
				select {
				case <-due: // while elements wait
					err = a.flush()
				default:
				}
			}
			if err != nil {
				return err
			}
			if due != nil && flushed {
				timer.Stop()
				due = nil
			}
			if due == nil && !a.empty() {
				rang := make(chan time.Time, 1)
				due = rang
				timer = time.AfterFunc(d, func() { rang <- time.Now() }) // a timer's own channel has its lock and the clock asked at each look
			}
		}
	})
}
