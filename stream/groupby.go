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
	// Idle completes a group that has had no element for this long; 0 means never.
	Idle time.Duration
	// EvictOldest completes the least recently used group to make room for a new one. By default, a
	// key that exceeds the limit ends the run with ErrLimit.
	EvictOldest bool
}

// GroupBy returns a flow that sends the elements of each key through a separate flow and emits
// their output as it arrives. open returns the flow for a new key. At most max groups are open at
// once. opts may be nil.
//
//	stream.GroupBy(50, tenant, func(t string) stream.Flow[[]byte, s3sink.Object] {
//		return stream.ResultOf(s3sink.Upload(client, bucket, nextName(t), nil))
//	}, &stream.GroupByOptions{EvictOldest: true})
//
// A group may end by the options, or because its flow ended early. The next element of its key then
// opens a new group, so GroupBy itself drops no element. open must therefore choose a new name for
// each group. Calls of open do not overlap.
//
//   - Memory: per group, up to 16 elements and up to 64 of its output.
//   - Order and goroutines: the output of one key keeps its order; one goroutine per group and one
//     for the upstream; all have ended when the run returns. A new group may have to wait until
//     another group, evicted or of the same key, has ended.
//   - Errors: the first error of a flow ends the run and the other flows, and so does a flow that
//     ends before its first element. One key more than max is [ErrLimit], of class Fatal.
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

// runGroup runs the flows of one group, one after the other, over the elements that arrive while
// the group is open.
func runGroup[T, U any, K comparable](ctx context.Context, groups *grouping[T, K], g *group[T, K],
	open func() Flow[T, U], emit func(U) error,
) error {
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

// group is the open group of one key.
type group[T any, K comparable] struct {
	key     K
	q       *ring[T]
	awaited atomic.Bool   // the upstream has found the group and not yet pushed the element
	closing bool          // the group takes no more elements
	done    chan struct{} // closed when the group has ended
	at      *list.Element // the group's position in the order of use
}

// grouping holds the groups of one run. Its upstream finds and evicts groups; a group closes and
// removes itself.
type grouping[T any, K comparable] struct {
	max  int
	opts GroupByOptions

	mu    sync.Mutex
	open  map[K]*group[T, K] // includes closing groups
	order list.List          // of *group: closing groups first, then by last use, oldest first
}

// find returns the group for an element of key k. It starts a new group if necessary.
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

// use returns the group of key k, which may be fresh. If g is nil, the caller must wait for the end
// of leaving first; if both are nil, there is no room.
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
	oldest := s.order.Front().Value.(*group[T, K])
	if oldest.closing {
		return oldest
	}
	if !s.opts.EvictOldest {
		return nil
	}
	s.close(oldest)
	oldest.q.end()
	return oldest
}

func (s *grouping[T, K]) close(g *group[T, K]) {
	g.closing = true
	s.order.MoveToFront(g.at)
}

// tryClose closes g unless an element waits for it, and reports whether g is closed.
func (s *grouping[T, K]) tryClose(g *group[T, K]) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	// in this order: the upstream pushes the element before it clears awaited
	if g.awaited.Load() || g.q.hasElements() {
		return false
	}
	if !g.closing {
		s.close(g)
	}
	return true
}

// remove makes room for another group after g has ended.
func (s *grouping[T, K]) remove(g *group[T, K]) {
	s.mu.Lock()
	defer s.mu.Unlock()
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

// groupSource is the upstream of one flow of a group.
type groupSource[T any, K comparable] struct {
	groups *grouping[T, K]
	group  *group[T, K]
	taken  int  // elements that the flow got
	ended  bool // the group is closed, and the flow got its last element
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
	// One element at a time: an element that this flow does not take is for the next flow.
	counted := receiver[T]{one: func(v T) error {
		s.taken++
		return emit(v)
	}}
	for {
		if idle != nil && !q.hasElements() {
			idle.Reset(s.groups.opts.Idle)
		}
		switch err := q.await(ctx, due); {
		case err == errEnded, err == errDue && s.groups.tryClose(s.group):
			s.ended = true
			return context.Cause(ctx) // nil, unless ctx was cancelled just now
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
