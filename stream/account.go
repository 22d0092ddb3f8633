package stream

import (
	"container/list"
	"context"
	"slices"
)

// Need is what a stage needs of a [Budget].
type Need struct {
	Stage string // its name, for errors
	// Min is the number of bytes without which the stage cannot go on, such as one part or one
	// block. It may be 0.
	Min int64
	// Requested is the number of bytes that the user requested by an option, such as the memory of
	// eight goroutines. A budget without room for them is an error of the run. 0 means Min.
	// Requested does not limit Acquire.
	Requested int64
}

// most returns the most bytes that the stage counts for in a budget.
func (n Need) most() int64 { return max(n.Min, n.Requested) }

// hugeNeed counts as more than any budget: 1 PiB. Needs are cut to it, so that their sums do not
// overflow.
const hugeNeed = 1 << 50

// Account is what one run of one stage holds of a [Budget]. A nil *Account, of a run without a
// budget, gives any number of bytes at once and counts nothing. Any goroutine may call the methods.
type Account struct {
	need   Need
	budget *Budget
	run    *reservation // nil outside of a run
	branch bool
	bad    error

	// guarded by the budget's mutex
	held   int64
	claims []*claim
	closed bool
}

// claim is a call of Acquire that waits: for the minimums of its run, or for more than the minimum
// of its account.
type claim struct {
	account *Account
	bytes   int64
	ended   chan struct{} // closed when the account has the bytes, or the run has failed
	err     error         // of the run; set before ended is closed
	at      *list.Element // in the budget's extras; nil outside of a run, or before it is admitted
}

// OpenAccount returns an account of the budget of ctx, or nil if ctx has none. The caller must call
// Close. A stage opens its account at the start of its Each or Consume, before it runs its
// upstream. OpenAccount takes nothing and does not wait.
//
// If the budget is too small, the run ends with an error, before its first element if the stage
// starts before it. If need is invalid, Acquire returns an error.
func OpenAccount(ctx context.Context, need Need) *Account {
	p := placeOf(ctx)
	if p == nil || p.budget == nil {
		return nil
	}
	b := p.budget
	need.Min, need.Requested = min(need.Min, hugeNeed), min(need.Requested, hugeNeed)
	a := &Account{need: need, budget: b, run: p.run, branch: p.branch}
	b.mu.Lock()
	defer b.mu.Unlock()
	least := need.most()
	switch {
	case b.bad != nil:
		a.bad = b.bad
	case need.Min < 0 || need.Requested < 0 || need.Requested > 0 && need.Requested < need.Min:
		a.bad = invalidError("OpenAccount: %s needs %d bytes, and %d are requested", need.Stage, need.Min,
			need.Requested)
		a.need.Min, a.need.Requested = 0, 0
	case least > b.size:
		a.bad = invalidError("%s: the budget of %d bytes is too small; "+
			"the smallest that works for this stage is %d bytes",
			need.Stage, b.size, least)
	}
	if a.run != nil {
		a.run.join(a)
	}
	return a
}

// join adds the minimum of a to those of the run.
func (r *reservation) join(a *Account) {
	r.open++
	r.minimum += a.need.Min
	r.settle()
	if a.branch {
		return
	}
	r.certain += a.need.Min
	r.accounts = append(r.accounts, a)
	r.check()
}

// part removes the minimum of a from those of the run.
func (r *reservation) part(a *Account) {
	r.open--
	r.minimum -= a.need.Min
	if !a.branch {
		r.certain -= a.need.Min
		r.accounts = drop(r.accounts, a)
	}
	if r.open == 0 {
		r.dismiss()
	}
	r.settle()
}

// Acquire takes bytes. The first call in a run waits until the budget has the minimums of all
// stages of the run. After that, Acquire returns at once if the account then holds no more than its
// minimum, or held nothing before. Otherwise it waits until the budget has the bytes, in the order
// of arrival. If ctx is done first, Acquire returns its cause and has taken nothing. It panics if
// bytes is negative.
//
// To hold more than the minimum, another goroutine of the stage must keep releasing what the
// account holds while Acquire waits. A stage with a single goroutine uses TryAcquire.
func (a *Account) Acquire(ctx context.Context, bytes int64) error {
	if a == nil {
		return nil
	}
	notNegative(bytes)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	begun, err := a.begin()
	switch {
	case err != nil:
		return err
	case begun && (a.takeMinimum(bytes) || a.isFirst() && a.takeExtra(bytes)):
		return nil
	}
	c := &claim{account: a, bytes: bytes, ended: make(chan struct{})}
	c.wait(begun)
	b.mu.Unlock()
	select {
	case <-c.ended:
		b.mu.Lock()
		return c.err
	case <-ctx.Done():
	}
	b.mu.Lock()
	switch {
	case slices.Contains(a.claims, c):
		c.leave()
	case c.err == nil:
		a.give(bytes)
	}
	b.grant() // the claim may have blocked later ones
	return context.Cause(ctx)
}

// begin admits the run of a if that is possible now, and queues it otherwise. It reports whether
// the run has begun.
func (a *Account) begin() (begun bool, err error) {
	r := a.run
	switch {
	case a.bad != nil:
		return false, a.bad
	case r == nil || r.over:
		return true, nil
	}
	r.want()
	return r.admitted, r.failed
}

// TryAcquire takes bytes if Acquire would not wait, and reports whether it did. It panics if bytes
// is negative.
func (a *Account) TryAcquire(bytes int64) bool {
	if a == nil {
		return true
	}
	notNegative(bytes)
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	r := a.run
	if a.bad != nil || r != nil && r.failed != nil {
		return false
	}
	if r != nil && !r.over && !r.admitted {
		if !r.depended() && (b.runs.Len() > 0 || !r.fits()) {
			return false
		}
		if r.want(); !r.admitted {
			return false
		}
	}
	return a.takeMinimum(bytes) || a.isFirst() && a.takeExtra(bytes)
}

// Release gives back bytes. It panics if the account holds fewer.
func (a *Account) Release(bytes int64) {
	if a == nil {
		return
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.give(bytes)
	a.budget.grant()
}

// Close gives back all that the account holds. No call of Acquire may be waiting. A second call
// does nothing.
func (a *Account) Close() {
	if a == nil {
		return
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	if a.closed {
		return
	}
	a.closed = true
	a.give(a.held)
	if a.run != nil {
		a.run.part(a)
	}
	a.budget.grant()
}

// notNegative panics if bytes is negative. It is called before the budget is locked, so that the
// panic leaves no lock held.
func notNegative(bytes int64) {
	if bytes < 0 {
		panic("stream: an account was asked for a negative number of bytes")
	}
}

// isFirst reports whether no other call waits for bytes of the budget.
func (a *Account) isFirst() bool { return a.budget.runs.Len() == 0 && a.budget.extras.Len() == 0 }

// takeMinimum takes bytes if the account holds nothing, or if they are within its minimum.
func (a *Account) takeMinimum(bytes int64) bool {
	if a.held > 0 && a.held+bytes > a.need.Min {
		return false
	}
	a.hold(a.held + bytes)
	return true
}

// takeExtra takes bytes beyond the minimum if the budget has them. An account that belongs to no
// run gets none: a run may wait for them, and the reader of the account may wait for that run.
func (a *Account) takeExtra(bytes int64) bool {
	b := a.budget
	extra := a.held + bytes - max(a.held, a.need.Min)
	if a.run == nil || extra > b.size-b.inside-b.outside {
		return false
	}
	a.hold(a.held + bytes)
	return true
}

// give gives back bytes. It serves the waiting calls of this account that are now within the
// minimum, before all others.
func (a *Account) give(bytes int64) {
	if bytes < 0 || bytes > a.held {
		panic("stream: an account was given more bytes back than it holds")
	}
	a.hold(a.held - bytes)
	for len(a.claims) > 0 && a.takeMinimum(a.claims[0].bytes) {
		a.claims[0].end(nil)
	}
}

// hold sets what the account holds and charges the budget for it.
func (a *Account) hold(bytes int64) {
	before := a.held
	a.held = bytes
	if a.run == nil {
		a.budget.outside += bytes - before
		return
	}
	a.run.extra += max(bytes-a.need.Min, 0) - max(before-a.need.Min, 0)
	a.run.settle()
}

// wait queues the claim. begun reports whether its run has its minimums.
func (c *claim) wait(begun bool) {
	a := c.account
	a.claims = append(a.claims, c)
	switch {
	case !begun:
		a.run.early = append(a.run.early, c)
	case a.run != nil:
		c.at = a.budget.extras.PushBack(c)
	}
}

// end ends the wait of a claim whose account has the bytes or, if err is not nil, gets none.
func (c *claim) end(err error) {
	c.leave()
	c.err = err
	close(c.ended)
}

// leave takes the claim off the queues. A run for which no claim waits leaves its queue.
func (c *claim) leave() {
	a := c.account
	a.claims = drop(a.claims, c)
	if c.at != nil {
		a.budget.extras.Remove(c.at)
		return
	}
	if r := a.run; r != nil {
		r.early = drop(r.early, c)
		if len(r.early) == 0 {
			r.stopWaiting()
		}
	}
}

// drop returns xs without x.
func drop[T comparable](xs []T, x T) []T {
	if i := slices.Index(xs, x); i >= 0 {
		return slices.Delete(xs, i, i+1)
	}
	return xs
}
