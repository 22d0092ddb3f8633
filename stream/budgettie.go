package stream

import (
	"context"
	"slices"
	"sync"
)

// ties connect the runs that a hub connects: a run that holds bytes may wait there for another run
// that has none yet. There is one tie for each budget of the runs.
type ties struct {
	mu sync.Mutex
	of map[*Budget]*tie
}

// tie holds the connected runs, and how often each is tied. The mutex of the budget guards it.
type tie struct{ runs map[*reservation]int }

// join ties the run of ctx until leave is called.
func (t *ties) join(ctx context.Context) (leave func()) {
	p := placeOf(ctx)
	if p == nil || p.run == nil {
		return func() {}
	}
	r, b := p.run, p.budget
	t.mu.Lock()
	if t.of == nil {
		t.of = map[*Budget]*tie{}
	}
	own := t.of[b]
	if own == nil {
		own = &tie{runs: map[*reservation]int{}}
		t.of[b] = own
	}
	t.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if own.runs[r]++; own.runs[r] == 1 {
		r.ties = append(r.ties, own)
		r.tied()
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if own.runs[r]--; own.runs[r] == 0 {
			delete(own.runs, r)
			r.ties = slices.DeleteFunc(r.ties, func(t *tie) bool { return t == own })
		}
	}
}

// tied admits the runs that must not wait any longer because r got one more tie.
func (r *reservation) tied() {
	if len(r.ties) > 1 || r.at != nil || r.related() {
		r.budget.admitDepended()
	}
}

// depended reports whether a run that holds bytes may wait for this one: a run around it, inside
// it, or tied to it, also through others. Such a run must not wait for the budget.
func (r *reservation) depended() bool {
	if r.related() {
		return true
	}
	seen := map[*tie]bool{}
	for next := slices.Clone(r.ties); len(next) > 0; {
		t := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[t] {
			continue
		}
		seen[t] = true
		for other := range t.runs {
			if other.related() {
				return true
			}
			next = append(next, other.ties...)
		}
	}
	return false
}

// related reports whether this run, a run around it or a run inside it is admitted.
func (r *reservation) related() bool {
	for p := r; p != nil; p = p.parent {
		if p.admitted {
			return true
		}
	}
	return r.admittedBelow > 0
}

// admitDepended admits the waiting runs that a run which holds bytes may wait for.
func (b *Budget) admitDepended() {
	for changed := true; changed; {
		changed = false
		for e := b.runs.Front(); e != nil; {
			r := e.Value.(*reservation)
			e = e.Next()
			if r.depended() {
				r.begin()
				changed = true
			}
		}
	}
}
