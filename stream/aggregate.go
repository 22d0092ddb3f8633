package stream

import (
	"context"
	"errors"
	"time"

	"github.com/millweir/millweir/internal/early"
)

// Aggregate returns a flow that gathers elements into aggregates: start makes an empty aggregate,
// add puts an element into it and reports whether it is full, and harvest turns it into an output
// element. An aggregate is emitted when it is full, when within has passed since its first element
// (0 means no time limit), and at the end. An empty aggregate is not emitted.
//
//   - Memory: one aggregate; with a time limit, also up to 16 elements that wait.
//   - Goroutines: with a time limit, one for the upstream, which has ended when the run returns;
//     otherwise none.
//   - Errors: an error of add ends the run, unchanged. If the upstream fails, an incomplete
//     aggregate is dropped.
func Aggregate[S, T, U any](start func() S, add func(S, T) (next S, full bool, err error),
	harvest func(S) U, within time.Duration,
) Flow[T, U] {
	switch {
	case start == nil || add == nil || harvest == nil:
		return invalid[T, U]("Aggregate: a function is nil")
	case within < 0:
		return invalid[T, U]("Aggregate: a time limit of %v; it must not be negative", within)
	}
	gather := func(emit func(U) error) gatherer[T] {
		var state S
		hasState := false
		flush := func() error {
			if !hasState {
				return nil
			}
			hasState = false
			return emit(harvest(state))
		}
		return gatherer[T]{
			add: func(_ context.Context, v T) error {
				if !hasState {
					state, hasState = start(), true
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
			empty: func() bool { return !hasState },
		}
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		if within > 0 {
			return gatherWithin(ctx, src, sideAhead, within, emit, gather)
		}
		a := gather(emit)
		if err := src.Each(early.Detached(ctx), func(v T) error { return a.add(ctx, v) }); err != nil {
			return err
		}
		return a.flush()
	})
}

// gatherer gathers elements. It emits them when it is full, or when flush is called.
type gatherer[T any] struct {
	add   func(context.Context, T) error
	flush func() error
	empty func() bool
}

// gatherWithin runs src on a goroutine, up to ahead elements ahead of a gatherer. It flushes the
// gatherer d after its first element, even if there is always another element waiting.
func gatherWithin[T, U any](ctx context.Context, src Source[T], ahead int, d time.Duration,
	emit func(U) error, gather func(emit func(U) error) gatherer[T],
) error {
	var timer *time.Timer
	var due chan time.Time // nil while nothing is gathered
	flushed := false
	a := gather(func(u U) error { flushed = true; return emit(u) })
	return runAhead(ctx, src, ahead, func(ctx context.Context, q *ring[T]) error {
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
				err = a.add(ctx, v)
			case errors.Is(err, errDue):
				err = a.flush()
			case errors.Is(err, errEnded):
				return a.flush()
			}
			if err == nil && !flushed {
				select {
				case <-due: // while elements wait, pop does not look at due
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
				// Polling the channel of a time.Timer takes its lock and reads the clock. A plain
				// channel avoids both.
				timer = time.AfterFunc(d, func() { rang <- time.Now() })
			}
		}
	})
}
