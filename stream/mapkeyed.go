package stream

import (
	"context"
	"sync"

	"github.com/millweir/millweir/internal/ending"
)

// MapKeyed returns a flow that emits f of each element, in the order of the elements, with up to n calls of f at once, but no
// more than perKey at once for elements of the same key; those are called in order of the elements.
//
//   - Memory: n elements, calls or results.
//   - Order and goroutines: the order is kept; up to n goroutines call f and one runs the upstream; all have ended when the run returns.
//   - Errors: the first error of f ends the run, as it is; the context of the other calls is cancelled. Results that wait are dropped.
func MapKeyed[T, U any, K comparable](n, perKey int, key func(T) K, f func(context.Context, T) (U, error)) Flow[T, U] {
	switch {
	case n < 1 || n > mostAhead || perKey < 1:
		return invalid[T, U]("MapKeyed: %d calls at once, %d a key; both must be at least 1, and at most %d at once", n, perKey, mostAhead)
	case key == nil || f == nil:
		return invalid[T, U]("MapKeyed: a function is nil")
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
			g, ctx := NewGroup(ctx)
			calls := WithoutDrain(ctx)
			k := keyed[T, U, K]{perKey: perKey, keys: map[K]*keyQueue[T, U]{}, f: f, group: g}
			order := make(chan *call[T, U], n) // the calls in order of their elements
			places := make(chan struct{}, n)   // one taken for each element inside
			g.Go(func() error {
				err := src.Each(ctx, func(v T) error {
					select {
					case places <- struct{}{}:
					case <-ctx.Done():
						return context.Cause(ctx)
					}
					c := &call[T, U]{in: v, done: make(chan struct{})}
					order <- c // has room: a place was taken
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
					<-places
				}
			})
		})
	})
}

// receive takes a value from ch: the zero value when ch is closed, an error when ctx is done.
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

// call is one element on its way through f.
type call[T, U any] struct {
	in   T
	out  U
	done chan struct{}
}

// keyed lets calls of one key wait for each other.
type keyed[T, U any, K comparable] struct {
	perKey int
	f      func(context.Context, T) (U, error)
	group  *Group
	mu     sync.Mutex
	keys   map[K]*keyQueue[T, U] // those with calls under way
}

type keyQueue[T, U any] struct {
	running int
	waiting []*call[T, U]
}

// begin starts c, now or when an earlier call of its key is done.
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

// next returns the call of q that waits longest, or ends the goroutine's part in it with nil.
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
