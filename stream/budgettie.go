package stream

import (
	"iter"
	"slices"
)

// tie holds the connected runs, and how often each is tied. The mutex of the budget guards it.
type tie struct{ runs map[*reservation]int }

// tie adds t to the ties of the run, and admits the runs that must not wait any longer.
func (r *reservation) tie(t *tie) {
	connected := !r.alone() || r.admitted || r.at != nil
	r.ties = append(r.ties, t)
	for in := range r.around() {
		in.ties = append(in.ties, t)
	}
	if connected {
		r.budget.admitDepended()
	}
}

func (r *reservation) untie(t *tie) {
	delete(t.runs, r)
	remove := func(from *[]*tie) {
		i := slices.Index(*from, t)
		*from = slices.Delete(*from, i, i+1)
	}
	remove(&r.ties)
	for in := range r.around() {
		remove(&in.ties)
	}
}

// below summarizes the runs inside a run, at any depth.
type below struct {
	admitted int    // how many of them are admitted
	ties     []*tie // one for each run that has it
}

// around returns the summaries that include this run, in the runs around it.
func (r *reservation) around() iter.Seq[*below] {
	return func(yield func(*below) bool) {
		for ; r.parent != nil; r = r.parent {
			in := &r.parent.straight
			if r.branch {
				in = &r.parent.branches
			}
			if !yield(in) {
				return
			}
		}
	}
}

// alone reports whether no other run can wait for this one, or this one for another.
func (r *reservation) alone() bool { return r.parent == nil && r.children == 0 && len(r.ties) == 0 }

// depended reports whether a run that holds bytes may wait for this one: a related one, or one tied
// to a related one, also through others. Such a run must not wait for the budget.
func (r *reservation) depended() bool {
	admitted, next := r.related()
	seen := map[*tie]bool{}
	for !admitted && len(next) > 0 {
		t := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[t] {
			continue
		}
		seen[t] = true
		for other := range t.runs {
			if admitted, ties := other.related(); admitted {
				return true
			} else {
				next = append(next, ties...)
			}
		}
	}
	return admitted
}

// related looks at the runs that may wait for this one without a tie: the run itself, the runs
// around it and inside it, and the runs inside those around it, because one function of a run may
// wait for another. Runs that started in branches do not wait for each other. related reports
// whether one of these runs is admitted, and returns their ties.
func (r *reservation) related() (admitted bool, ties []*tie) {
	count := r.straight.admitted + r.branches.admitted
	ties = slices.Concat(r.straight.ties, r.branches.ties)
	for ; r != nil; r = r.parent {
		if r.admitted {
			count++
		}
		ties = append(ties, r.ties...)
		if r.parent == nil {
			break
		}
		in := r.parent
		count += in.straight.admitted
		ties = append(ties, in.straight.ties...)
		if !r.branch { // it counts itself and the runs inside it once more
			count += in.branches.admitted - r.straight.admitted - r.branches.admitted
			ties = append(ties, in.branches.ties...)
		}
	}
	return count > 0, ties
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
