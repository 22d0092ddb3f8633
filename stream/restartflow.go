package stream

import (
	"context"
	"slices"
	"sync"
	"time"
)

// RestartFlow returns a flow that is flow and, when that fails, starts it again, gives it anew those elements that it had taken and
// not settled, and goes on with its upstream, which keeps running. settles tells whether the output out settles the input in:
// equality of their keys where each input makes one output, in's position ≤ out's where some make none. b may be nil.
//
// Nothing is lost and nothing is emitted twice, if an input is settled by the last output that depends on it and makes no other
// output before that: a flow that makes several elements of one emits them as one slice. flow itself may see an element again:
// what it does outside the stream is done at least once.
//
//   - Memory: n elements that are not settled, with copies of their slices; one more ends the run with [ErrLimit]. For stages
//     with goroutines this includes those they hold. An output costs n calls of settles at most.
//   - Order and goroutines: flow's order; one goroutine for the upstream beside flow's, all have ended when the run returns.
//   - Errors: as in [Restart]. An error of the upstream is not flow's: it ends the run, and overtakes what is inside flow.
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
	own := detacher[I]()
	return FlowFunc[I, O](func(src Source[I]) Source[O] {
		return SourceFunc[O](func(ctx context.Context, emit func(O) error) error {
			enough := new(stop) // for an upstream that has more than flow wants
			err := beside(ctx, src, 1, func(ctx context.Context, q *ring[I]) error {
				inside := unsettled[I]{limit: n, own: own}
				failures := row{Backoff: backoff, name: "RestartFlow"}
				for {
					began, settled, refused := time.Now(), 0, false
					mine, err := attempt(ctx, Via(inside.source(q), flow), func(out O) error {
						settled += inside.settle(func(in I) bool { return settles(in, out) })
						err := emit(out)
						refused = err != nil
						return err
					})
					switch {
					case err == nil:
						return enough
					case inside.full:
						return err
					case !mine && !refused && ctx.Err() != nil && backoff.When(err):
						return context.Cause(ctx) // err would have been mended: it ends nothing
					case !mine:
						return err
					}
					// An output that settles nothing is no progress: every try makes it again.
					failures.ran(time.Since(began), settled > 0)
					if err := failures.again(ctx, err, sleep); err != nil {
						return err
					}
				}
			})
			return without(err, enough)
		})
	})
}

// unsettled are the elements that a flow has taken and not settled, in their order.
type unsettled[T any] struct {
	limit int
	own   func(T) T

	mu    sync.Mutex // the flow may take elements on another goroutine than it emits on
	elems []T
	full  bool // there were too many: the run fails
}

// source returns the source for one run of the flow: the elements once more, then those of q.
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
			if err := emit(u.own(v)); err != nil {
				return err
			}
		}
		return q.source().Each(ctx, func(v T) error {
			if err := u.add(u.own(v)); err != nil {
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

// settle forgets the elements that are done and returns their number.
func (u *unsettled[T]) settle(done func(T) bool) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := len(u.elems)
	u.elems = slices.DeleteFunc(u.elems, done)
	return before - len(u.elems)
}
