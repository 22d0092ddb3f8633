package stream

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/watch"
)

// GroupByOptions tunes [GroupBy]. The zero value is ready to use.
type GroupByOptions struct {
	// Idle completes a group that has had no element for so long; 0 means never.
	Idle time.Duration
	// EvictOldest completes the least recently used group to make room for a new one. By default a key too many ends the run
	// with ErrLimit.
	EvictOldest bool
}

// GroupBy returns a flow that sends the elements of each key through a flow of their own, which open makes when the key
// comes, and emits what these emit, as it comes. At most max groups are open at once. opts may be nil.
//
//	stream.GroupBy(50, tenant, func(t string) stream.Flow[[]byte, s3sink.Object] {
//		return stream.ResultOf(s3sink.Upload(client, bucket, nextName(t), nil))
//	}, &stream.GroupByOptions{EvictOldest: true})
//
// A key whose group has ended, by the options or because its flow had enough, opens a new group with its next element: no element
// is dropped outside the flows. open therefore gives each of them a name of its own. It is called once at a time.
//
//   - Memory: up to 16 elements a group, and 64 of what it emits.
//   - Order and goroutines: what one key's flows emit keeps its order; one goroutine a group and one for the upstream, all have
//     ended when the run returns. A new group waits until the one that makes room for it has ended.
//   - Errors: the first error of a flow ends the run and the others, and so does a flow that ends before its first element. A key
//     too many is [ErrLimit], of class Fatal.
func GroupBy[T, U any, K comparable](max int, key func(T) K, open func(K) Flow[T, U], opts *GroupByOptions) Flow[T, U] {
	var o GroupByOptions
	if opts != nil {
		o = *opts
	}
	switch {
	case max < 1:
		return invalid[T, U]("GroupBy: %d groups; it must be at least 1", max)
	case key == nil || open == nil:
		return invalid[T, U]("GroupBy: a function is nil")
	case o.Idle < 0:
		return invalid[T, U]("GroupBy: an idle time of %v; it must not be negative", o.Idle)
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return merging(func(ctx context.Context, spawn func(Source[U], func())) error {
			groups := &grouping[T, K]{max: max, opts: o, open: map[K]*group[T, K]{}}
			var opening sync.Mutex
			start := func(g *group[T, K]) {
				spawn(SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
					defer groups.remove(g)
					return runGroup(ctx, groups, g, func() Flow[T, U] {
						opening.Lock()
						defer opening.Unlock()
						return open(g.key)
					}, emit)
				}), nil)
			}
			err := src.Each(ctx, func(v T) error {
				g, err := groups.find(ctx, key(v), start)
				if err != nil {
					return err
				}
				err = g.q.push(ctx, v)
				g.awaited.Store(false)
				return err
			})
			if err == nil {
				groups.end()
			}
			return err
		})
	})
}

// runGroup runs the flows of one group, one after the other, over the elements that come while it is open.
func runGroup[T, U any, K comparable](ctx context.Context, groups *grouping[T, K], g *group[T, K], open func() Flow[T, U], emit func(U) error) error {
	for {
		if err := g.q.await(ctx, nil); err == errEnded {
			return nil
		} else if err != nil {
			return err
		}
		in := groupSource[T, K]{groups: groups, group: g}
		if err := each(ctx, Via(&in, open()), emit); err != nil {
			return err
		}
		switch {
		case in.ended:
			return nil
		case in.taken == 0:
			return invalidError("GroupBy: the flow of key %v ended before its first element", g.key)
		case groups.tryClose(g):
			return nil
		}
	}
}

// group is what is open for a key.
type group[T any, K comparable] struct {
	key     K
	q       *ring[T]
	awaited atomic.Bool   // an element for it is under way
	closing bool          // it takes no more elements
	done    chan struct{} // closed when it has ended
	at      *list.Element // its place in the order of use
}

// grouping is the groups of one run. Its upstream finds and evicts groups; a group closes and removes itself.
type grouping[T any, K comparable] struct {
	max  int
	opts GroupByOptions

	mu      sync.Mutex
	open    map[K]*group[T, K] // also those that are closing
	order   list.List          // of *group, the least recently used first
	closing int
}

// find returns the group that takes an element of key k, a new one if need be.
func (s *grouping[T, K]) find(ctx context.Context, k K, start func(*group[T, K])) (*group[T, K], error) {
	for {
		g, fresh, leaving := s.use(k)
		switch {
		case fresh:
			start(g)
			return g, nil
		case g != nil:
			return g, nil
		case leaving == nil:
			return nil, invalidError("GroupBy: more than %d groups at once: %w", s.max, ErrLimit)
		}
		select {
		case <-leaving.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// use returns the group of key k, which may be a fresh one, or else the group whose end is to be awaited first.
func (s *grouping[T, K]) use(k K) (g *group[T, K], fresh bool, leaving *group[T, K]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g = s.open[k]
	switch {
	case g != nil && g.closing:
		return nil, false, g
	case g != nil:
		s.order.MoveToBack(g.at)
	case len(s.open) == s.max:
		return nil, false, s.makeRoom()
	default:
		g, fresh = &group[T, K]{key: k, q: newRing[T](sideAhead), done: make(chan struct{})}, true
		s.open[k] = g
		g.at = s.order.PushBack(g)
	}
	g.awaited.Store(true)
	return g, fresh, nil
}

// makeRoom returns a group that is about to end, or nil if there is none.
func (s *grouping[T, K]) makeRoom() *group[T, K] {
	if s.closing > 0 {
		for e := s.order.Front(); e != nil; e = e.Next() {
			if g := e.Value.(*group[T, K]); g.closing {
				return g
			}
		}
	}
	if !s.opts.EvictOldest {
		return nil
	}
	oldest := s.order.Front().Value.(*group[T, K])
	s.close(oldest)
	oldest.q.end()
	return oldest
}

func (s *grouping[T, K]) close(g *group[T, K]) {
	g.closing = true
	s.closing++
}

// tryClose closes g if no element waits for it, and reports whether it is closed.
func (s *grouping[T, K]) tryClose(g *group[T, K]) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.awaited.Load() || g.q.some() { // in this order: it is pushed before it is no longer awaited
		return false
	}
	if !g.closing {
		s.close(g)
	}
	return true
}

// remove makes room for another group when g has ended.
func (s *grouping[T, K]) remove(g *group[T, K]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.closing {
		s.closing--
	}
	delete(s.open, g.key)
	s.order.Remove(g.at)
	close(g.done)
}

// end lets all groups complete after their last elements.
func (s *grouping[T, K]) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.open {
		if !g.closing {
			g.q.end()
		}
	}
}

// groupSource is what one flow of a group has upstream.
type groupSource[T any, K comparable] struct {
	groups *grouping[T, K]
	group  *group[T, K]
	taken  int  // elements that the flow was given
	ended  bool // the group is closed, and its last element was given
}

// Each implements [Source].
func (s *groupSource[T, K]) Each(ctx context.Context, emit func(T) error) error {
	q := s.group.q
	w := watch.On(ctx)
	defer w.End()
	var idle *time.Timer
	var due <-chan time.Time
	if d := s.groups.opts.Idle; d > 0 {
		idle = time.NewTimer(d)
		defer idle.Stop()
		due = idle.C
	}
	counted := receiver[T]{one: func(v T) error { // one by one: what the flow did not take is for the next
		s.taken++
		return emit(v)
	}}
	for {
		if idle != nil && !q.some() {
			idle.Reset(s.groups.opts.Idle)
		}
		switch err := q.await(ctx, due); {
		case err == errEnded, err == errDue && s.groups.tryClose(s.group):
			s.ended = true
			return context.Cause(ctx) // nil, unless a cancel was not seen yet
		case err == errDue:
			continue
		case err != nil:
			return err
		}
		if _, err := q.take(&w, counted); err != nil {
			return err
		}
	}
}
