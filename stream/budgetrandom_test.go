package stream_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// shared makes random pipelines whose stages share one budget.
type shared struct {
	*rand.Rand
	t *testing.T
	b *stream.Budget

	certain int64 // minimums of the stages of the pipeline that start before its first bytes
	largest int64 // of the minimums of the other stages, and of their sums in runs inside
	sum     int64 // of all minimums

	mu   sync.Mutex
	late int64 // minimums of the open accounts of stages that a run starts later
	over int64 // by how much the budget was exceeded beyond what its comment allows
}

// starting says when a run starts a stage.
type starting int

const (
	beforeBytes starting = iota // before the first bytes
	afterBytes                  // perhaps after them
)

// holder is a stage that holds bytes.
type holder struct {
	g     *shared
	bytes int64
	when  starting
}

func (g *shared) holder(when starting) holder {
	return g.holderOf(int64(1+g.IntN(40)), when)
}

func (g *shared) holderOf(bytes int64, when starting) holder {
	g.sum += bytes
	if when == afterBytes {
		g.largest = max(g.largest, bytes)
	} else {
		g.certain += bytes
	}
	return holder{g, bytes, when}
}

// inside returns a flow and a sink for a run inside the run.
func (g *shared) inside(depth int) (stream.Flow[int, int], stream.Sink[int, int]) {
	before := g.sum
	f, s := g.flow(depth, afterBytes), g.holder(afterBytes).sink()
	g.largest = max(g.largest, g.sum-before)
	return f, s
}

func (h holder) open(ctx context.Context) (a *stream.Account, closed func()) {
	h.count(1)
	a = stream.OpenAccount(ctx, stream.Need{Stage: "holder", Min: h.bytes})
	return a, func() {
		h.look()
		a.Close()
		h.count(-1)
	}
}

func (h holder) count(sign int64) {
	if h.when == beforeBytes {
		return
	}
	h.g.mu.Lock()
	defer h.g.mu.Unlock()
	h.g.late += sign * h.bytes
}

func (h holder) look() {
	h.g.mu.Lock()
	defer h.g.mu.Unlock()
	h.g.over = max(h.g.over, h.g.b.Used()-h.g.b.Size()-h.g.late)
}

// flow holds its minimum while the downstream has an element, and more if there is more.
func (h holder) flow() stream.Flow[int, int] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		a, closed := h.open(ctx)
		defer closed()
		return src.Each(ctx, func(n int) error {
			if err := a.Acquire(ctx, h.bytes); err != nil {
				return err
			}
			defer a.Release(h.bytes)
			if a.TryAcquire(7) {
				defer a.Release(7)
			}
			h.look()
			return emit(n)
		})
	})
}

// source holds its minimum from before its first element to its end.
func (h holder) source(src stream.Source[int]) stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		a, closed := h.open(ctx)
		defer closed()
		if err := a.Acquire(ctx, h.bytes); err != nil {
			return err
		}
		h.look()
		return src.Each(ctx, func(n int) error {
			time.Sleep(time.Duration(n%3) * time.Millisecond)
			return emit(n)
		})
	})
}

// sink fills parts, as an upload does, and sends them on goroutines that give them back.
func (h holder) sink() stream.Sink[int, int] {
	return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
		a, closed := h.open(ctx)
		defer closed()
		g, ctx := stream.NewGroup(ctx)
		n, inPart := 0, 0
		return n, g.Do(func() error {
			return src.Each(ctx, func(int) error {
				if inPart == 0 {
					if err := a.Acquire(ctx, h.bytes); err != nil {
						return err
					}
				}
				n++
				if inPart++; inPart < 3 {
					return nil
				}
				inPart = 0
				h.look()
				g.Go(func() error {
					time.Sleep(2 * time.Millisecond)
					a.Release(h.bytes)
					return nil
				})
				return nil
			})
		})
	})
}

// flow returns a flow that emits each element at least once.
func (g *shared) flow(depth int, when starting) stream.Flow[int, int] {
	kind := g.IntN(16)
	if depth == 0 {
		kind = g.IntN(5)
	}
	inner := func() stream.Flow[int, int] { return g.flow(depth-1, afterBytes) }
	switch kind {
	case 0, 1:
		return g.holder(when).flow()
	case 2:
		return g.async(when)
	case 3:
		return unbatch(stream.Batch[int](1 + g.IntN(5)))
	case 4:
		return stream.Async[int](1 + g.IntN(3))
	case 5, 6:
		return stream.Then(g.flow(depth-1, when), g.flow(depth-1, when))
	case 7:
		return stream.Broadcast(inner(), inner())
	case 8:
		return stream.Balance(inner(), inner())
	case 9:
		f := inner()
		return stream.MergeMap(1+g.IntN(3), func(n int) stream.Source[int] { return stream.Via(source.Of(n, n), f) })
	case 10:
		return stream.AlsoTo(stream.Into(inner(), g.holder(afterBytes).sink()))
	case 11:
		f := inner()
		return stream.GroupBy(3, func(n int) int { return n % 3 }, func(int) stream.Flow[int, int] { return f }, nil)
	case 12: // a run in a function
		f, s := g.inside(depth - 1)
		return stream.MapParallel(1+g.IntN(3), func(ctx context.Context, n int) (int, error) {
			_, err := stream.Run(ctx, stream.Via(source.Of(n, n, n, n), f), s)
			return n, err
		})
	case 13: // a second source, in step
		second := g.holder(afterBytes)
		g.certain += second.bytes // it starts early if nothing before it needs bytes
		h := second.source(source.Repeat(7))
		return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Via(stream.Zip(src, h), stream.Map(func(p stream.Pair[int, int]) int { return p.First }))
		})
	case 14: // every second run of the upstream fails once
		return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Restart(failsOnce(src), func(n int) int { return n },
				func(int) stream.Source[int] { return src }, &stream.RestartOptions{Backoff: stream.Backoff{Min: 1}})
		})
	default: // runs in a loop over another run, with the context of that loop's own
		f, s := g.inside(depth - 1)
		return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				for n, err := range stream.All(ctx, src) {
					if err != nil {
						return err
					}
					if _, err := stream.Run(ctx, stream.Via(source.Of(n), f), s); err != nil {
						return err
					}
					if err := emit(n); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// failsOnce fails after its second element.
func failsOnce(src stream.Source[int]) stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		i := 0
		return src.Each(ctx, func(n int) error {
			if err := emit(n); err != nil {
				return err
			}
			if i++; i == 2 {
				return stream.Mark(errBoom, stream.Retryable)
			}
			return nil
		})
	})
}

func (g *shared) async(when starting) stream.Flow[int, int] {
	const least = 64 // more than any element
	h := g.holderOf(least, when)
	async := stream.AsyncBytes(least, func(n int) int { return n % 50 })
	return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		h.count(1)
		defer h.count(-1)
		return stream.Via(src, async).Each(ctx, emit)
	})
}

// pipeline returns a function that makes a run.
func (g *shared) pipeline() func(ctx context.Context) *stream.Running[int] {
	src := count(12)
	switch g.IntN(3) {
	case 0:
		src = g.holder(beforeBytes).source(src)
	case 1:
		src = stream.Merge(g.holder(afterBytes).source(src), g.holder(afterBytes).source(count(3)))
	}
	src = stream.Via(src, g.flow(3, beforeBytes))
	end := g.holder(beforeBytes).sink()
	return func(ctx context.Context) *stream.Running[int] { return stream.Go(ctx, src, end) }
}

// Random pipelines share a budget that has room for one of them, or a little more. All end;
// synctest reports a deadlock. They never exceed the budget by more than the minimums of the stages
// that the runs have started later. Whatever ends a run, it gives everything back.
func TestBudgetOfRandomRuns(t *testing.T) {
	for seed := range uint64(600) {
		synctest.Test(t, func(t *testing.T) {
			g := &shared{Rand: rand.New(rand.NewPCG(seed, 4)), t: t, b: stream.NewBudget(1)}
			var start []func(context.Context) *stream.Running[int]
			var most int64
			for range 1 + g.IntN(6) {
				g.certain, g.largest, g.sum = 0, 0, 0
				start = append(start, g.pipeline())
				most = max(most, g.certain, g.largest)
			}
			g.b.Set(most + int64(g.IntN(100)))
			ctx := stream.WithBudget(t.Context(), g.b)
			var runs []*stream.Running[int]
			for _, f := range start {
				runs = append(runs, f(ctx))
			}
			ended := errors.New("cancelled by the test")
			if g.IntN(2) == 0 {
				time.Sleep(time.Duration(g.IntN(20)) * time.Millisecond)
				switch r := runs[g.IntN(len(runs))]; g.IntN(3) {
				case 0:
					r.Drain()
				default:
					r.Cancel(ended)
				}
			}
			for _, r := range runs {
				if _, err := r.Wait(); err != nil && !errors.Is(err, ended) {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
			if used := g.b.Used(); used != 0 || g.b.Waiting() != 0 {
				t.Errorf("seed %d: %d bytes are held at the end, %d runs wait", seed, used, g.b.Waiting())
			}
			if g.over > 0 {
				t.Errorf("seed %d: the budget of %d bytes was exceeded by %d more than it may", seed, g.b.Size(),
					g.over)
			}
		})
		if t.Failed() {
			return
		}
	}
}
