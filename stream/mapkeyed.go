package stream

import (
	"context"
	"sync"

	"github.com/millweir/millweir/internal/ending"
)

// MapKeyed returns a flow that emits f(ctx, v) for each element v, in order, with up to n
// concurrent calls of f. At most perKey of them are for elements with the same key, and the calls
// for one key start in order.
//
//   - Memory: n elements: waiting, in a call, or results that wait for earlier results.
//   - Goroutines: up to n call f, and one runs the upstream; all have ended when the run returns.
//   - Errors: the first error of f ends the run, unchanged, and cancels the context of the other
//     calls. Pending results are dropped.
func MapKeyed[T, U any, K comparable](n, perKey int, key func(T) K, f func(context.Context, T) (U, error)) Flow[T, U] {
	switch {
	case n < 1 || n > mostAhead || perKey < 1:
		return invalid[T, U]("MapKeyed: %d calls at once, %d a key; both must be at least 1, and at most %d at once",
			n, perKey, mostAhead)
	case key == nil || f == nil:
		return invalid[T, U]("MapKeyed: a function is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		g, ctx := NewGroup(ctx)
		calls := inBranch(WithoutDrain(ctx))
		k := keyed[T, U, K]{perKey: perKey, keys: map[K]*keyQueue[T, U]{}, f: f, group: g}
		order := make(chan *call[T, U], n) // calls in the order of their elements
		slots := make(chan struct{}, n)    // holds one token for each element in the stage
		g.Go(func() error {
			err := src.Each(ctx, func(v T) error {
				select {
				case slots <- struct{}{}:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				c := &call[T, U]{in: v, done: make(chan struct{})}
				order <- c // does not block: the token guarantees room
				k.begin(calls, key(v), c)
				return nil
			})
			if err == nil {
				close(order)
			}
			return err
		})
		return g.Do(func() error {
			for {
				c, err := receive(ctx, order)
				if c == nil {
					return err
				}
				if _, err := receive(ctx, c.done); err != nil {
					return err
				}
				if err := emit(c.out); err != nil {
					return err
				}
				<-slots
			}
		})
	})
}

// receive receives from ch. It returns the zero value if ch is closed, and an error if ctx is done.
func receive[T any](ctx context.Context, ch <-chan T) (v T, err error) {
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	select {
	case v = <-ch:
		return v, nil
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
}

// call is the call of f for one element.
type call[T, U any] struct {
	in   T
	out  U
	done chan struct{}
}

// keyed limits the concurrent calls for one key.
type keyed[T, U any, K comparable] struct {
	perKey int
	f      func(context.Context, T) (U, error)
	group  *Group
	mu     sync.Mutex
	keys   map[K]*keyQueue[T, U] // keys with calls in flight
}

type keyQueue[T, U any] struct {
	running int
	waiting []*call[T, U]
}

// begin starts c, or queues it if perKey calls for its key are in flight.
func (k *keyed[T, U, K]) begin(ctx context.Context, key K, c *call[T, U]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	q := k.keys[key]
	if q == nil {
		q = new(keyQueue[T, U])
		k.keys[key] = q
	}
	if q.running == k.perKey {
		q.waiting = append(q.waiting, c)
		return
	}
	q.running++
	k.group.Go(func() error {
		for c := c; c != nil; c = k.next(key, q) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var err error
			if c.out, err = k.f(ctx, c.in); err != nil {
				return ending.Cause(ctx, err)
			}
			close(c.done)
		}
		return nil
	})
}

// next returns the call of q that has waited longest. If none waits, next returns nil, and the
// calling goroutine ends.
func (k *keyed[T, U, K]) next(key K, q *keyQueue[T, U]) *call[T, U] {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(q.waiting) > 0 {
		c := q.waiting[0]
		q.waiting = q.waiting[1:]
		return c
	}
	if q.running--; q.running == 0 {
		delete(k.keys, key)
	}
	return nil
}
