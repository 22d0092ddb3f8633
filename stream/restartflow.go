package stream

import (
	"context"
	"slices"
	"sync"
	"time"
)

// RestartFlow returns flow with restarts. If flow fails, RestartFlow starts it again and first
// passes it the elements that it had taken and not settled. The upstream keeps running, and its
// next elements follow. settles reports whether the output out settles the input in. If each input
// produces one output, compare their keys. If some produce none, check that in's position ≤ out's.
// b may be nil.
//
// Nothing is lost and nothing is emitted twice, if the last output that depends on an input settles
// it, and the input makes no earlier output. A flow that makes several elements from one must emit
// them as one slice. flow may get an element again, so its side effects happen at least once.
//
//   - Memory: n unsettled elements, with copies of their slices; one more ends the run with
//     [ErrLimit]. If flow has goroutines, the elements that they hold count too. Each output costs
//     at most n calls of settles.
//   - Goroutines: one runs the upstream, in addition to those of flow; all have ended when the run
//     returns.
//   - Errors: as in [Restart]. An error of the upstream ends the run at once, without the elements
//     that are inside flow.
func RestartFlow[I, O any](n int, flow Flow[I, O], settles func(in I, out O) bool, b *Backoff) Flow[I, O] {
	backoff, err := b.filled("RestartFlow")
	switch {
	case n < 1:
		return invalid[I, O]("RestartFlow: %d elements; it must be at least 1", n)
	case flow == nil:
		return failFlow[I, O](errNilFlow)
	case settles == nil:
		return invalid[I, O]("RestartFlow: the function is nil")
	case err != nil:
		return failFlow[I, O](err)
	}
	clone := detacher[I]()
	return NewFlow(func(ctx context.Context, src Source[I], emit func(O) error) error {
		enough := new(stop) // stops the upstream if flow completes before it
		err := runAhead(ctx, src, 1, func(ctx context.Context, q *ring[I]) error {
			inside := unsettled[I]{limit: n, clone: clone}
			failures := failureStreak{Backoff: backoff, name: "RestartFlow"}
			for {
				began, settled, emitFailed := time.Now(), 0, false
				ownFailure, err := attempt(ctx, Via(inside.source(q), flow), func(out O) error {
					settled += inside.settle(func(in I) bool { return settles(in, out) })
					err := emit(out)
					emitFailed = err != nil
					return err
				})
				switch {
				case err == nil:
					return enough
				case inside.full:
					return err
				case !ownFailure && !emitFailed && ctx.Err() != nil && backoff.When(err):
					// The error would have caused a restart, so it is not the cause of the run's
					// end.
					return context.Cause(ctx)
				case !ownFailure:
					return err
				}
				// An output that settles nothing is not progress: every attempt emits it again.
				failures.recordRun(time.Since(began), settled > 0)
				if err := failures.waitToRetry(ctx, err, sleep); err != nil {
					return err
				}
			}
		})
		return without(err, enough)
	})
}

// unsettled holds the elements that a flow has taken and not settled, in order.
type unsettled[T any] struct {
	limit int
	clone func(T) T

	mu    sync.Mutex // the flow may take elements on one goroutine and emit on another
	elems []T
	full  bool // the limit was exceeded, so the run fails
}

// source returns the source for one run of the flow: the unsettled elements, then those of q.
func (u *unsettled[T]) source(q *ring[T]) Source[T] {
	u.mu.Lock()
	again := slices.Clone(u.elems)
	u.mu.Unlock()
	used := false
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		if used {
			return errUsed
		}
		used = true
		for _, v := range again {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(u.clone(v)); err != nil {
				return err
			}
		}
		return q.source().Each(ctx, func(v T) error {
			if err := u.add(u.clone(v)); err != nil {
				return err
			}
			return emit(v)
		})
	})
}

func (u *unsettled[T]) add(v T) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.elems) == u.limit {
		u.full = true
		return invalidError("RestartFlow: more than %d elements are inside the flow: %w", u.limit, ErrLimit)
	}
	u.elems = append(u.elems, v)
	return nil
}

// settle removes the elements for which done is true and returns their number.
func (u *unsettled[T]) settle(done func(T) bool) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := len(u.elems)
	u.elems = slices.DeleteFunc(u.elems, done)
	return before - len(u.elems)
}
