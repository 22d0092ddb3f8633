package stream

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/millweir/millweir/internal/budgetplace"
)

// Budget limits the bytes that the runs of a process hold together. [WithBudget] puts it into a
// context. Stages that hold blocks, parts or batches of bytes take them from the budget of their
// context. Stages that count elements, such as [Async], [Batch] and [Merge], do not. Your own
// stages use [OpenAccount].
//
// A run that finds too little left waits for its first bytes, in the order of arrival, and holds
// nothing until then. Runs that share a budget never wait for each other in a circle, except those
// that need [WithReservation]. docs/design.md has the rules and why they suffice.
//
// [Budget.Used] exceeds the budget only by:
//
//   - the minimums of stages that a run starts after its first bytes, such as the flows of
//     [GroupBy], the sources of [MergeMap], or a run in a function of [MapParallel]: a wait there
//     could never end;
//   - the minimums of runs in functions of one run, as one may wait for another, unless all are
//     called in parallel ([MapParallel]);
//   - the minimums of runs that feed each other through a hub ([NewMergeHub], [NewBroadcastHub],
//     [NewPartitionHub]), and of runs inside those;
//   - the minimums of a run that may be the missing side of a hub, while all other bytes are held by
//     runs that wait there for a producer or a consumer;
//   - the minimums of sources read by [All] or [Reader], or by a call of Each;
//   - one element of each account that is larger than the account's minimum.
//
// Any goroutine may call the methods of a Budget.
type Budget struct {
	bad error // of the settings

	mu      sync.Mutex
	size    int64
	inside  int64     // charged to runs
	outside int64     // held by accounts that belong to no run
	runs    list.List // of *reservation: waiting for their minimums, in the order of arrival
	extras  list.List // of *claim: waiting for more than a minimum, in the order of arrival

	stranded map[*reservation]int // runs at hubs whose other side is missing: at how many
}

// NewBudget returns a budget of the given number of bytes, at least 1. With an invalid budget,
// every run ends before it starts anything.
func NewBudget(bytes int64) *Budget {
	b := &Budget{size: bytes}
	if bytes < 1 {
		b.bad = invalidError("NewBudget: %d bytes; it must be at least 1", bytes)
	}
	return b
}

// Set changes the budget, also for runs that wait. A waiting run whose minimum is now too large
// ends with an error. Bytes held beyond the new budget are given back as usual, not at once. It
// panics if bytes is less than 1.
func (b *Budget) Set(bytes int64) {
	if bytes < 1 {
		panic(fmt.Sprintf("stream: Budget.Set: %d bytes; it must be at least 1", bytes))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = bytes
	for e := b.runs.Front(); e != nil; {
		r := e.Value.(*reservation)
		e = e.Next()
		r.check()
	}
	b.grant()
}

// Size returns the budget in bytes.
func (b *Budget) Size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

// Used returns the number of bytes that have been given out: the minimums of the runs that have
// begun, and what stages hold beyond them.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inside + b.outside
}

// Waiting returns the number of runs that wait for their first bytes.
func (b *Budget) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs.Len()
}

// place is where in a context the accounts of a stage belong.
type place struct {
	budget *Budget
	run    *reservation // nil outside of a run
	branch bool         // the stage starts at no certain time of its run
	nested bool         // around it there is a run with another budget, which it must not block
}

func placeOf(ctx context.Context) *place {
	p, _ := budgetplace.Of(ctx).(*place)
	return p
}

// WithBudget returns a context whose runs share b. One call, at the start of a program, is enough
// for all its pipelines:
//
//	ctx = stream.WithBudget(ctx, stream.NewBudget(512<<20))
//
// Each [Run] in the context, and each run by [Go], waits for its minimum on its own. A run inside
// another run must get the context of the function or stage that calls it, not one from outside of
// the run. In the context of a run with the same budget, WithBudget changes nothing. With a nil
// budget, stages hold what their options say and count nothing.
//
// The budget knows which runs a hub connects. Runs that wait for each other in another way need the
// context of [WithReservation]: through an [io.Pipe], through a channel between sink.Chan and
// source.Chan, or in functions of one [MapParallel].
//
// A function that starts several runs at once calls them by [MapParallel] or sink.ForEachParallel.
// Runs that it starts by [Go] exceed the budget after the first one, as the library cannot know
// that they do not wait for each other.
//
// The budget counts what stages hold, not the garbage that they leave. By default, Go lets a heap
// grow to twice what is in use. So give the process a memory limit as well, such as an eighth above
// the budget, by GOMEMLIMIT or [runtime/debug.SetMemoryLimit].
func WithBudget(ctx context.Context, b *Budget) context.Context {
	p := &place{budget: b}
	if around := placeOf(ctx); around != nil {
		if around.budget == b {
			return ctx
		}
		p.nested = around.run != nil || around.nested
	}
	return budgetplace.With(ctx, p)
}

// WithReservation returns a context whose runs count as one run for the budget: they wait for their
// minimums together, and a run that starts later gets its minimum at once. Use it for runs that
// feed each other, and for sources read by [All] or [Reader] that must wait for the budget.
func WithReservation(ctx context.Context) context.Context {
	p := placeOf(ctx)
	if p == nil || p.budget == nil || p.nested {
		return ctx
	}
	p.budget.mu.Lock()
	defer p.budget.mu.Unlock()
	r := &reservation{budget: p.budget, shared: true}
	if p.run != nil && !p.run.over {
		r.parent, r.branch = p.run, p.branch
		r.parent.children++
	}
	return budgetplace.With(ctx, &place{budget: p.budget, run: r, branch: true})
}

// inBranch returns a context for a part of a run that may start before or after the run has its
// first bytes: a branch, a side sink, a function that runs concurrently. The certain needs of a run
// must not depend on time.
func inBranch(ctx context.Context) context.Context { return budgetplace.InBranch(ctx) }

// InBranch implements [budgetplace.Place].
func (p *place) InBranch(ctx context.Context) context.Context {
	if p.run == nil || p.branch {
		return ctx
	}
	branch := *p
	branch.branch = true
	return budgetplace.With(ctx, &branch)
}

// grant serves those that wait: first runs that have nothing, then stages that want more than their
// minimum, each in the order of arrival. The first one that must keep waiting blocks the later
// ones.
func (b *Budget) grant() {
	for e := b.runs.Front(); e != nil; e = b.runs.Front() {
		r := e.Value.(*reservation)
		if !r.fits() {
			return
		}
		r.admit()
	}
	for e := b.extras.Front(); e != nil; e = b.extras.Front() {
		c := e.Value.(*claim)
		if !c.account.takeMinimum(c.bytes) && !c.account.takeExtra(c.bytes) {
			return
		}
		c.end(nil)
	}
}
