package stream

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/millweir/millweir/internal/early"
)

// branchAhead is the maximum number of elements that wait for a branch.
const branchAhead = 64

// Broadcast returns a flow that sends each element through all of the flows and emits their output
// as it arrives. The slowest branch sets the pace. To send elements to several sinks, make each one
// a flow with [ResultOf].
//
//   - Memory: per branch, up to 64 elements and up to 64 of its output. If the elements are byte
//     slices, all branches but the first get copies; other elements are shared.
//   - Order and goroutines: the output of one branch keeps its order; one goroutine per branch and
//     one for the upstream; all have ended when the run returns.
//   - Errors: the first error of a branch ends the run and the other branches. If a branch ends
//     early, the others go on; the upstream is stopped when all branches have ended.
func Broadcast[T, U any](flows ...Flow[T, U]) Flow[T, U] {
	clone := cloner[T]()
	return fanOut("Broadcast", flows, func(branches []branch[T]) receiver[T] {
		one := func(v T) error {
			for i := len(branches) - 1; i >= 0; i-- {
				copied := v
				if i > 0 {
					copied = clone(v)
				}
				if err := branches[i].push(copied); err != nil {
					return err
				}
			}
			return nil
		}
		if byteSlices(reflect.TypeFor[T]()) { // all branches but the first get copies
			return receiver[T]{one: one}
		}
		return receiver[T]{one: one, many: func(vs []T) error { return broadcast(vs, branches, one) }}
	})
}

// broadcast sends vs to the branches, as many elements at once as all branches have room for. If a
// branch has no room, it sends one element. So no branch waits for an element that another branch
// has received.
func broadcast[T any](vs []T, branches []branch[T], one func(T) error) error {
	for len(vs) > 0 {
		n := len(vs)
		for _, b := range branches {
			if !b.left.Load() {
				n = min(n, b.q.room(n))
			}
		}
		if n == 0 {
			if err := one(vs[0]); err != nil {
				return err
			}
			vs = vs[1:]
			continue
		}
		for _, b := range branches {
			if err := b.pushAll(vs[:n]); err != nil {
				return err
			}
		}
		vs = vs[n:]
	}
	return nil
}

// Partition returns a flow that sends each element through the flow whose index choose returns, and
// emits the output of the flows as it arrives. An index out of range ends the run with an error.
//
// Memory, goroutines and errors are those of [Broadcast], but nothing is copied. If a branch ends
// early, later elements that would go to it are dropped.
func Partition[T, U any](choose func(T) int, flows ...Flow[T, U]) Flow[T, U] {
	if choose == nil {
		return invalid[T, U]("Partition: the function is nil")
	}
	return fanOut("Partition", flows, func(branches []branch[T]) receiver[T] {
		return receiver[T]{one: func(v T) error {
			i := choose(v)
			if i < 0 || i >= len(branches) {
				return invalidError("Partition: branch %d of %d", i, len(branches))
			}
			return branches[i].push(v)
		}}
	})
}

// branch carries the elements to one of several flows, in one run.
type branch[T any] struct {
	q    *ring[T]
	open context.Context // its cause is errLeft after the branch ended early
	halt context.CancelCauseFunc
	left *atomic.Bool
}

func newBranch[T any](ctx context.Context, ahead int) branch[T] {
	open, halt := context.WithCancelCause(ctx)
	return branch[T]{q: newRing[T](ahead), open: open, halt: halt, left: new(atomic.Bool)}
}

// leave records that the branch ended early.
func (b branch[T]) leave() {
	b.left.Store(true)
	b.halt(errLeft)
}

// push sends v, or drops it if the branch ended early.
func (b branch[T]) push(v T) error {
	if b.left.Load() {
		return nil
	}
	return b.unlessLeft(b.q.push(b.open, v))
}

// pushAll sends vs. If the branch ends early, pushAll drops the remaining elements.
func (b branch[T]) pushAll(vs []T) error {
	if b.left.Load() {
		return nil
	}
	return b.unlessLeft(b.q.pushAll(b.open, vs))
}

func (b branch[T]) unlessLeft(err error) error {
	if err != nil && errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// fanOut returns a flow that sends its elements to the branches through the receiver that route
// returns.
func fanOut[T, U any](name string, flows []Flow[T, U], route func([]branch[T]) receiver[T]) Flow[T, U] {
	if len(flows) == 0 {
		return invalid[T, U]("%s: no flows", name)
	}
	for _, f := range flows {
		if f == nil {
			return invalid[T, U]("%s: a flow is nil", name)
		}
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return merging(func(ctx context.Context, spawn func(Source[U], func())) error {
			branches := make([]branch[T], len(flows))
			open := newCountdown(ctx, len(flows))
			defer open.cancel(nil)
			for i, f := range flows {
				b := newBranch[T](open.ctx, branchAhead)
				branches[i] = b
				spawn(SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
					err := each(ctx, Via(b.q.source(), f), emit)
					if err == nil {
						b.leave()
						open.leave()
					}
					return err
				}), nil)
			}
			return runOpen(open, src, route(branches), func() {
				for _, b := range branches {
					b.q.end()
				}
			})
		})
	})
}

// countdown stops the upstream of several branches when all of them have ended early.
type countdown struct {
	ctx    context.Context // for the upstream
	cancel context.CancelCauseFunc
	open   atomic.Int64
	enough *stop
}

func newCountdown(ctx context.Context, n int) *countdown {
	c := &countdown{enough: new(stop)}
	c.ctx, c.cancel = early.WithCancel(ctx)
	c.open.Store(int64(n))
	return c
}

// leave records that one more branch ended early.
func (c *countdown) leave() {
	if c.open.Add(-1) == 0 {
		c.cancel(c.enough)
	}
}

// runOpen runs src into to until src ends or no branch is open. It calls end if there was no error.
func runOpen[T any](c *countdown, src Source[T], to receiver[T], end func()) error {
	checked := receiver[T]{one: func(v T) error {
		if c.open.Load() == 0 {
			return c.enough
		}
		return to.one(v)
	}}
	if to.many != nil {
		checked.many = func(vs []T) error {
			for part := range slices.Chunk(vs, branchAhead) {
				if c.open.Load() == 0 {
					return c.enough
				}
				if err := to.many(part); err != nil {
					return err
				}
			}
			return nil
		}
	}
	err := without(pour(c.ctx, src, checked), c.enough)
	if err == nil {
		end()
	}
	return err
}
