package stream

import (
	"container/list"
	"context"

	"github.com/millweir/millweir/internal/budgetplace"
)

// reservation is the share of one run in a budget. When the first of its accounts needs bytes, the
// run gets the minimums of all its open accounts, as a whole: it is admitted. Until then it holds
// nothing. When its last account closes it gives everything back, and a later account waits again.
// All fields are guarded by the budget's mutex.
type reservation struct {
	budget *Budget
	parent *reservation            // of the run around this one
	branch bool                    // the run started in a branch of the run around it
	cancel context.CancelCauseFunc // ends the run; nil if shared
	shared bool                    // made by WithReservation, without an end of its own
	over   bool                    // the run has ended

	open     int        // accounts
	accounts []*Account // the open ones that are not in branches, in the order of opening
	certain  int64      // sum of their minimums
	minimum  int64      // sum of the minimums of all open accounts

	admitted bool
	base     int64 // of certain, when it was admitted: kept for stages that end and start again
	extra    int64 // held beyond minimums
	charged  int64 // its part of the budget's inside
	total    int64 // of an outermost run: charged, with that of all runs inside

	early  []*claim      // wait for it to be admitted, in the order of arrival
	at     *list.Element // in the budget's runs
	failed error         // the budget is too small
	named  int64         // the budget that failed names

	children int // runs inside
	ties     []*tie
	straight below // the runs inside that did not start in a branch, and all inside of them
	branches below // the others
}

// enterRun returns the context for a run that starts in ctx, and its reservation, or nil if it has
// none.
func enterRun(ctx context.Context) (context.Context, *reservation, error) {
	p := placeOf(ctx)
	switch {
	case p == nil || p.budget == nil:
		return ctx, nil, nil
	case p.budget.bad != nil:
		return ctx, nil, p.budget.bad
	case p.nested:
		return ctx, nil, nil
	}
	b := p.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &reservation{budget: b, parent: p.run}
	switch {
	case p.run == nil:
	case p.run.over:
		r.parent = nil
	case p.run.shared:
		return ctx, nil, nil
	default:
		r.branch = p.branch
		p.run.children++
	}
	ctx, r.cancel = context.WithCancelCause(ctx)
	return budgetplace.With(ctx, &place{budget: b, run: r}), r, nil
}

// leave gives back everything that the run has.
func (r *reservation) leave() {
	if r == nil {
		return
	}
	defer r.cancel(nil)
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	r.dismiss()
	r.over = true
	r.serve() // calls that a stage has left behind
	if r.parent != nil {
		r.parent.children--
	}
	b.grant()
}

// reason returns the error of a run that ended with err. If the budget was too small, this is the
// error, whatever stages made of the cancelled context.
func (r *reservation) reason(err error) error {
	if r == nil || err == nil {
		return err
	}
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	if r.failed != nil {
		return r.failed
	}
	return err
}

// needs returns the smallest budget for the run, and the largest need of its stages. The budget has
// room for all minimums, and for the bytes that a user requested for any one stage.
func (r *reservation) needs() (bytes int64, largest Need) {
	var stretch int64
	for _, a := range r.accounts {
		stretch = max(stretch, a.need.Requested-a.need.Min)
		if a.need.most() > largest.most() {
			largest = a.need
		}
	}
	return r.certain + stretch, largest
}

// check makes the run fail if the budget can never admit it. The run is cancelled before it has
// started its sources, but the stages in between still open their accounts, so that the error at
// its end names a budget that works.
func (r *reservation) check() {
	if r.admitted {
		return
	}
	bytes, largest := r.needs()
	if bytes <= max(r.budget.size, r.named) {
		return
	}
	r.named = bytes
	r.failed = invalidError("%s: the budget of %d bytes is too small; the smallest that works for this run is %d bytes",
		largest.Stage, r.budget.size, r.named)
	for len(r.early) > 0 {
		r.early[0].end(r.failed)
	}
	r.cancel(r.failed)
}

// stopped reports whether ctx is done, so that an upstream need not start. If the budget of its run
// is too small, the upstream starts anyway, because its stages state their needs before they see
// that ctx is done.
func stopped(ctx context.Context) bool {
	if ctx.Err() == nil {
		return false
	}
	p := placeOf(ctx)
	if p == nil || p.run == nil {
		return true
	}
	p.budget.mu.Lock()
	defer p.budget.mu.Unlock()
	return p.run.failed == nil
}

// fits reports whether the budget has the minimums of the run and of the runs around it. A run
// whose branches need more than the whole budget gets it when no other run has any of it.
func (r *reservation) fits() bool {
	b, wanted := r.budget, r.minimum
	for p := r.parent; p != nil; p = p.parent {
		if !p.admitted {
			wanted += p.minimum
		}
	}
	return b.inside == 0 || wanted <= b.size-b.inside || b.stuck()
}

// want admits the run if that is possible now, and queues it otherwise. A run fails if the budget
// has become too small for it since it opened its accounts.
func (r *reservation) want() {
	r.check()
	switch {
	case r.failed != nil || r.admitted || r.at != nil:
	case r.depended():
		r.begin()
		r.spread()
	case r.budget.runs.Len() == 0 && r.fits():
		r.admit()
	default:
		r.at = r.budget.runs.PushBack(r)
	}
}

// admit gives their minimums to the run and to the runs around it that have accounts, which must
// not wait from now on. The outermost run keeps them when a stage ends early: it may start again.
func (r *reservation) admit() {
	for p := r; p != nil; p = p.parent {
		if p == r || p.open > 0 && !p.admitted {
			if p.parent == nil {
				p.base = p.certain
			}
			p.begin()
			p.spread()
		}
	}
}

// begin gives the run its minimums.
func (r *reservation) begin() {
	r.admitted = true
	r.settle()
	r.stopWaiting()
	for in := range r.around() {
		in.admitted++
	}
	r.serve()
}

// serve gives their bytes to the calls that waited for the run, in the order of arrival. Those that
// want more than is left wait on.
func (r *reservation) serve() {
	early := r.early
	r.early = nil
	for _, c := range early {
		if a := c.account; a.takeMinimum(c.bytes) || a.isFirst() && a.takeExtra(c.bytes) {
			c.end(nil)
		} else {
			c.at = r.budget.extras.PushBack(c)
		}
	}
}

// spread admits the runs that this one may wait for now that it has begun.
func (r *reservation) spread() {
	if !r.alone() {
		r.budget.admitDepended()
	}
}

// stopWaiting takes the run off the queue.
func (r *reservation) stopWaiting() {
	if r.at == nil {
		return
	}
	r.budget.runs.Remove(r.at)
	r.at = nil
}

// dismiss gives everything back. The run can be admitted again.
func (r *reservation) dismiss() {
	r.stopWaiting()
	if r.admitted {
		r.admitted = false
		for in := range r.around() {
			in.admitted--
		}
	}
	r.base = 0
	r.settle()
}

// settle charges the run for the bytes that it has now.
func (r *reservation) settle() {
	var charge int64
	if r.admitted {
		charge = max(r.base, r.minimum) + r.extra
	}
	r.budget.inside += charge - r.charged
	r.root().total += charge - r.charged
	r.charged = charge
}
