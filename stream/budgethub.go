package stream

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// ties records the runs that a hub connects. In a hub, a run that holds bytes may wait for a run
// that has none yet.
type ties struct {
	mu                   sync.Mutex
	of                   map[*Budget]*tie // one for each budget of the runs
	producers, consumers hubSide
}

// hubSide is one side of a hub: its producers or its consumers.
type hubSide struct {
	once    bool                 // a run joins this side once, so the other side waits for none after it
	left    bool                 // a run has left
	members int                  // also runs without a budget
	runs    map[*reservation]int // members with a budget: how often each has joined
}

// produce ties the run of ctx, as a producer, until leave is called.
func (t *ties) produce(ctx context.Context) (leave func()) {
	return t.join(ctx, &t.producers, &t.consumers)
}

// consume ties the run of ctx, as a consumer, until leave is called.
func (t *ties) consume(ctx context.Context) (leave func()) {
	return t.join(ctx, &t.consumers, &t.producers)
}

func (t *ties) join(ctx context.Context, own, other *hubSide) (leave func()) {
	var r *reservation
	if p := placeOf(ctx); p != nil {
		r = p.run
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.missing() {
		other.await(-1)
	}
	own.members++
	t.add(own, other, r)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.remove(own, other, r)
		own.members--
		own.left = true
		if own.missing() {
			other.await(1)
		}
	}
}

// add adds a run with a budget to its side.
func (t *ties) add(own, other *hubSide, r *reservation) {
	if r == nil {
		return
	}
	if own.runs == nil {
		own.runs = map[*reservation]int{}
	}
	own.runs[r]++
	if t.of == nil {
		t.of = map[*Budget]*tie{}
	}
	b := r.budget
	if t.of[b] == nil {
		t.of[b] = &tie{runs: map[*reservation]int{}}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if other.missing() {
		b.await(r, 1)
	}
	if runs := t.of[b].runs; runs[r] == 0 {
		runs[r] = 1
		r.tie(t.of[b])
	} else {
		runs[r]++
	}
	b.grant() // r may be waiting for a run that has not joined: here, or through a run tied to it
}

// remove removes a run with a budget from its side.
func (t *ties) remove(own, other *hubSide, r *reservation) {
	if r == nil {
		return
	}
	if own.runs[r]--; own.runs[r] == 0 {
		delete(own.runs, r)
	}
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if other.missing() {
		b.await(r, -1)
	}
	if runs := t.of[b].runs; runs[r] > 1 {
		runs[r]--
	} else {
		r.untie(t.of[b])
	}
}

// missing reports whether the other side may wait for a run that has not joined.
func (s *hubSide) missing() bool { return s.members == 0 && !(s.once && s.left) }

// await counts, for each run of this side, that the other side is missing (1) or no longer (-1).
func (s *hubSide) await(change int) {
	budgets := map[*Budget]bool{}
	for r, times := range s.runs {
		r.budget.mu.Lock()
		r.budget.await(r, change*times)
		r.budget.mu.Unlock()
		budgets[r.budget] = true
	}
	for b := range budgets {
		b.mu.Lock()
		b.grant()
		b.mu.Unlock()
	}
}

// await counts the hubs at which r waits for a run that has not joined.
func (b *Budget) await(r *reservation, change int) {
	if b.stranded == nil {
		b.stranded = map[*reservation]int{}
	}
	if b.stranded[r] += change; b.stranded[r] == 0 {
		delete(b.stranded, r)
	}
}

// stuck reports whether all runs that hold bytes may wait, directly or not, at a hub for a run that
// has not joined. It may be one that waits for bytes.
func (b *Budget) stuck() bool {
	var held int64
	seen := map[*reservation]bool{}
	next := slices.Collect(maps.Keys(b.stranded))
	for len(next) > 0 {
		r := next[len(next)-1].root()
		next = next[:len(next)-1]
		if seen[r] {
			continue
		}
		seen[r] = true
		held += r.total
		for _, ties := range [][]*tie{r.ties, r.straight.ties, r.branches.ties} {
			for _, t := range ties {
				next = slices.AppendSeq(next, maps.Keys(t.runs))
			}
		}
	}
	return len(seen) > 0 && held == b.inside
}

// root returns the outermost run around r.
func (r *reservation) root() *reservation {
	for r.parent != nil {
		r = r.parent
	}
	return r
}
