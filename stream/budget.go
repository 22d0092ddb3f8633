package stream

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Budget limits the bytes that stages of one or more pipelines hold together. The limit may be
// changed while they run. Any goroutine may call the methods of a Budget.
//
// A stage holds bytes through an [Account], one for each run; [AsyncBytes] is such a stage. Two
// rules keep pipelines that share a budget from deadlock:
//
//  1. An account that holds nothing always gets its first element at once, even beyond the budget.
//  2. Never wait on the goroutine that releases: while one goroutine waits for more bytes, another
//     goroutine must keep giving back the bytes that the account holds.
//
// So a wait for the budget ends at the latest when the account's own elements have been released,
// whatever other accounts hold. A stage waits for its downstream, as with every bounded buffer, and
// never for the budget of another stage. If a pipeline does not deadlock with Async(1) in place of
// AsyncBytes, it does not deadlock with any budget, however small, and with any number of pipelines
// that share it.
//
// Because of rule 1, the bytes held can exceed the budget, by at most the largest element of each
// account in use.
type Budget struct {
	bad error // of the settings

	mu      sync.Mutex
	size    int64
	used    int64
	waiting []*claim // in the order of the calls
}

// NewBudget returns a budget of the given number of bytes. With 0, each account holds one element
// at a time. If bytes is negative, every Acquire returns an error, and so does a run through
// [AsyncBytes], before it starts anything.
func NewBudget(bytes int64) *Budget {
	b := &Budget{size: bytes}
	if bytes < 0 {
		b.bad = invalidError("NewBudget: %d bytes; the budget must not be negative", bytes)
	}
	return b
}

// Set changes the budget, also for calls that are waiting. Bytes held beyond the new budget are
// given back as usual, not at once. It panics if bytes is negative.
func (b *Budget) Set(bytes int64) {
	if bytes < 0 {
		panic(fmt.Sprintf("stream: Budget.Set: %d bytes; the budget must not be negative", bytes))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = bytes
	b.grant()
}

// Size returns the budget in bytes.
func (b *Budget) Size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

// Used returns the number of bytes that all accounts hold.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Account returns an account that holds nothing. The caller must call Close.
func (b *Budget) Account() *Account { return &Account{budget: b} }

// Account is what one run of one stage holds of a [Budget]. Any goroutine may call its methods.
type Account struct {
	budget *Budget
	held   int64
}

// claim is a waiting call of Acquire.
type claim struct {
	account *Account
	bytes   int64
	granted chan struct{} // closed when the account has the bytes
}

// Acquire takes bytes for an element. It waits until the budget has them or the account holds
// nothing. Waiting calls are served in order of arrival. If ctx is done first, Acquire returns its
// cause and has taken nothing. It panics if bytes is negative.
//
// While Acquire waits, another goroutine must keep releasing what the account holds. A stage with a
// single goroutine uses TryAcquire.
func (a *Account) Acquire(ctx context.Context, bytes int64) error {
	notNegative(bytes)
	b := a.budget
	switch {
	case b.bad != nil:
		return b.bad
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	b.mu.Lock()
	if a.take(bytes, len(b.waiting) == 0) {
		b.mu.Unlock()
		return nil
	}
	c := &claim{a, bytes, make(chan struct{})}
	b.waiting = append(b.waiting, c)
	b.mu.Unlock()
	select {
	case <-c.granted:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, c); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	} else {
		a.give(bytes)
	}
	b.grant() // the claim may have blocked later ones
	return context.Cause(ctx)
}

// TryAcquire takes bytes for an element if Acquire would not wait, and reports whether it did. It
// panics if bytes is negative.
func (a *Account) TryAcquire(bytes int64) bool {
	notNegative(bytes)
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return a.take(bytes, len(b.waiting) == 0)
}

// Release gives back bytes. It panics if the account holds fewer.
func (a *Account) Release(bytes int64) {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.give(bytes)
	a.budget.grant()
}

// Close gives back all that the account holds. No call of Acquire may be waiting.
func (a *Account) Close() {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.give(a.held)
	a.budget.grant()
}

// notNegative panics if bytes is negative. It is called before the budget is locked, so that the
// panic leaves no lock held.
func notNegative(bytes int64) {
	if bytes < 0 {
		panic("stream: an account was asked for a negative number of bytes")
	}
}

// take takes bytes if the account holds nothing, or if turn is true and the budget has them.
func (a *Account) take(bytes int64, turn bool) bool {
	if b := a.budget; a.held == 0 || turn && bytes <= b.size-b.used {
		a.held += bytes
		b.used += bytes
		return true
	}
	return false
}

func (a *Account) give(bytes int64) {
	if bytes < 0 || bytes > a.held {
		panic("stream: an account was given more bytes back than it holds")
	}
	a.held -= bytes
	a.budget.used -= bytes
}

// grant serves the waiting calls in order. A call that must keep waiting blocks the calls after it,
// except those of accounts that hold nothing.
func (b *Budget) grant() {
	turn := true
	b.waiting = slices.DeleteFunc(b.waiting, func(c *claim) bool {
		granted := c.account.take(c.bytes, turn)
		if granted {
			close(c.granted)
		} else {
			turn = false
		}
		return granted
	})
}
