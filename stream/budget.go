package stream

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Budget is a number of bytes that stages share, of one pipeline or of many: together they hold no more. It may be changed while
// they run. Its methods may be called by any goroutine.
//
// A stage holds through an [Account], one for each run; [AsyncBytes] is such a stage. The budget cannot make pipelines wait for
// each other for ever, because of two rules:
//
//  1. An account that holds nothing is always given its first element at once, even beyond the budget.
//  2. Who waits for more does so beside the goroutine that gives back what the account holds; it never keeps that one waiting.
//
// So a wait for the budget ends at the latest when the account's own elements have gone downstream, whatever others hold: a stage
// waits for its downstream, as with every bounded buffer, and never for the budget of another. A pipeline that runs with
// Async(1) in place of its AsyncBytes runs with any budget, however small and however shared.
//
// What rule 1 costs is the bound: the budget, and the largest element of each account that is in use.
type Budget struct {
	bad error // of the settings

	mu      sync.Mutex
	size    int64
	used    int64
	waiting []*claim // in the order in which they came
}

// NewBudget returns a budget of so many bytes. With 0 each account holds one element at a time. A negative number is an error of
// each Take, and of a run through [AsyncBytes] before it starts anything.
func NewBudget(bytes int64) *Budget {
	b := &Budget{size: bytes}
	if bytes < 0 {
		b.bad = invalidError("NewBudget: %d bytes; the budget must not be negative", bytes)
	}
	return b
}

// Set changes the budget, for those who wait too. What is held beyond it is given back as usual, not at once. It panics when the
// number is negative.
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

// Used returns the bytes that all accounts hold.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Account returns an account that holds nothing. Close must be called.
func (b *Budget) Account() *Account { return &Account{budget: b} }

// Account is what one run of one stage holds of a [Budget]. Its methods may be called by any goroutine.
type Account struct {
	budget *Budget
	held   int64
}

// claim is a call of Take that waits.
type claim struct {
	account *Account
	bytes   int64
	granted chan struct{} // closed when it has its bytes
}

// Take takes bytes for an element, waiting until the budget has them or the account holds nothing; others are served first who
// waited before. It returns the cause when ctx is done first, and has taken nothing then. It panics when the number is negative.
//
// While it waits something must go on to give back what the account holds: a stage that alone could do that uses Try.
func (a *Account) Take(ctx context.Context, bytes int64) error {
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
	b.grant() // it may have stood before others
	return context.Cause(ctx)
}

// Try takes bytes for an element, if Take would not wait, and tells whether it did. It panics when the number is negative.
func (a *Account) Try(bytes int64) bool {
	notNegative(bytes)
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return a.take(bytes, len(b.waiting) == 0)
}

// Give gives back bytes. More than the account holds is a mistake, which panics.
func (a *Account) Give(bytes int64) {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.give(bytes)
	a.budget.grant()
}

// Close gives back all that the account holds. Nobody may wait in Take then.
func (a *Account) Close() {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.give(a.held)
	a.budget.grant()
}

// notNegative is asked before the budget is locked: it panics.
func notNegative(bytes int64) {
	if bytes < 0 {
		panic("stream: an account was asked for a negative number of bytes")
	}
}

// take takes bytes if the account holds nothing, or if it is its turn and the budget has them.
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

// grant serves those who wait, in their order; one who must wait on keeps those behind him waiting, but for those who hold nothing.
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
