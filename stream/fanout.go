package stream

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/millweir/millweir/internal/early"
)

// branchAhead is how many elements wait for a branch at most.
const branchAhead = 64

// Broadcast returns a flow that sends each element through every one of the flows and emits what they emit, as it comes. The
// slowest governs. To send elements to several sinks, make each a flow by [ResultOf].
//
//   - Memory: up to 64 elements a branch, and 64 of what it emits. Elements whose type is a byte slice are copied for all branches
//     but the first, others are shared.
//   - Order and goroutines: what one branch emits keeps its order; one goroutine a branch and one for the upstream, all have
//     ended when the run returns.
//   - Errors: the first error of a branch ends the run and the other branches. A branch that ends early leaves the others alone;
//     the upstream is stopped when all have.
func Broadcast[T, U any](flows ...Flow[T, U]) Flow[T, U] {
	own := cloner[T]()
	return fanOut("Broadcast", flows, func(branches []branch[T]) receiver[T] {
		one := func(v T) error {
			for i := len(branches) - 1; i >= 0; i-- {
				mine := v
				if i > 0 {
					mine = own(v)
				}
				if err := branches[i].push(mine); err != nil {
					return err
				}
			}
			return nil
		}
		if byteSlices(reflect.TypeFor[T]()) { // every branch but one gets copies
			return receiver[T]{one: one}
		}
		return receiver[T]{one: one, many: func(vs []T) error { return broadcast(vs, branches, one) }}
	})
}

// broadcast sends vs to the branches: as many elements at once as have room everywhere, so that no branch waits for elements
// that another has had, and else one.
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

// Partition returns a flow that sends each element through the one of the flows whose index choose returns, and emits what they
// emit, as it comes. An index that is none ends the run with an error.
//
// Memory, goroutines and errors are those of [Broadcast]; nothing is copied. Elements for a branch that ended early are dropped.
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

// branch is the way of elements to one of several flows, in one run.
type branch[T any] struct {
	q    *ring[T]
	open context.Context // its cause is errLeft when the branch has had enough
	halt context.CancelCauseFunc
	left *atomic.Bool
}

func newBranch[T any](ctx context.Context, ahead int) branch[T] {
	open, halt := context.WithCancelCause(ctx)
	return branch[T]{q: newRing[T](ahead), open: open, halt: halt, left: new(atomic.Bool)}
}

// leave says that the branch has had enough.
func (b branch[T]) leave() {
	b.left.Store(true)
	b.halt(errLeft)
}

// push sends v, or drops it when the branch has had enough.
func (b branch[T]) push(v T) error {
	if b.left.Load() {
		return nil
	}
	return b.unlessLeft(b.q.push(b.open, v))
}

// pushAll sends vs, or drops what is left of them when the branch has had enough.
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

// fanOut returns a flow that gives the elements to the branches by what route returns for them.
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

// countdown ends the upstream of several branches early when all of them have had enough.
type countdown struct {
	ctx    context.Context // of the upstream
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

// leave says that one branch more has had enough.
func (c *countdown) leave() {
	if c.open.Add(-1) == 0 {
		c.cancel(c.enough)
	}
}

// runOpen runs src into to until its end or until no branch is open, and calls end when that went well.
func runOpen[T any](c *countdown, src Source[T], to receiver[T], end func()) error {
	checked := receiver[T]{one: func(v T) error {
		if c.open.Load() == 0 {
			return c.enough
		}
		return to.one(v)
	}}
	if to.many != nil {
		checked.many = func(vs []T) error {
			for some := range slices.Chunk(vs, branchAhead) {
				if c.open.Load() == 0 {
					return c.enough
				}
				if err := to.many(some); err != nil {
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
