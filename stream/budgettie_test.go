package stream_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// eight needs most of a budget of ten bytes, so that two runs do not fit.
var eight = stream.Need{Stage: "test", Min: 8}

// runEach returns a sink that runs the elements of each substream on their own, in the context of
// its function.
func runEach(flow stream.Flow[int, int]) stream.Sink[stream.Source[int], int64] {
	return sink.ForEach(func(ctx context.Context, part stream.Source[int]) error {
		_, err := stream.Run(ctx, stream.Via(part, flow), sink.Discard[int]())
		return err
	})
}

// oneSubstream returns a flow that emits its whole input as one substream.
func oneSubstream() stream.Flow[int, stream.Source[int]] {
	return stream.SplitWhen(func(int) bool { return false })
}

// wait waits for the runs and reports their errors.
func (l *till) wait(runs ...*stream.Running[int64]) {
	l.Helper()
	for _, r := range runs {
		if _, err := r.Wait(); err != nil {
			l.Error(err)
		}
	}
}

// The consumer of a hub holds no bytes, and starts a run in its function. That run gets its bytes
// at once if a producer of the hub has some, because the producer waits until the function returns.
func TestBudgetOfARunInsideAHubsConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		hub := stream.NewMergeHub[int]()
		consumer := stream.Go(l.ctx, hub, sink.ForEach(func(ctx context.Context, n int) error {
			_, err := stream.Run(ctx, stream.Via(source.Of(n), needing(eight)), sink.Discard[int]())
			return err
		}))
		synctest.Wait()
		if _, err := stream.Run(l.ctx, stream.Via(count(3), needing(eight)), hub.Sink()); err != nil {
			t.Error(err)
		}
		hub.Close()
		l.wait(consumer)
		l.used(0)
	})
}

// A waiting producer of a hub gets its bytes when a run inside the hub's consumer gets some,
// because that run may read from the producer.
func TestBudgetOfAHubsProducerThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		hub := stream.NewMergeHub[int]()
		other := l.run(8, 0)
		l.take("other", other, 1)
		consumer := stream.Go(l.ctx, stream.Via(hub, oneSubstream()), runEach(needing(eight)))
		synctest.Wait()
		first := stream.Go(l.ctx, source.Of(1), hub.Sink())
		synctest.Wait()
		second := stream.Go(l.ctx, stream.Via(count(3), needing(eight)), hub.Sink())
		synctest.Wait()
		if n := l.b.Waiting(); n != 2 {
			t.Errorf("%d runs wait", n)
		}
		other.Close()
		l.wait(first, second)
		hub.Close()
		l.wait(consumer)
		l.used(0)
	})
}

// A run may be tied to a run with bytes through two hubs: a run inside the consumer of the first is
// the producer of the second.
func TestBudgetOfHubsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		one, two := stream.NewMergeHub[int](), stream.NewMergeHub[int]()
		middle := stream.Go(l.ctx, stream.Via(one, oneSubstream()),
			sink.ForEach(func(ctx context.Context, part stream.Source[int]) error {
				_, err := stream.Run(ctx, part, two.Sink())
				return err
			}))
		last := stream.Go(l.ctx, stream.Via(two, oneSubstream()), runEach(needing(eight)))
		synctest.Wait()
		first := stream.Go(l.ctx, source.Of(1), one.Sink())
		synctest.Wait() // the run inside the last one has its bytes, and waits for more elements
		second := stream.Go(l.ctx, stream.Via(count(3), needing(eight)), one.Sink())
		synctest.Wait()
		l.wait(first, second)
		one.Close()
		l.wait(middle)
		two.Close()
		l.wait(last)
		l.used(0)
	})
}

// Two runs inside a run without bytes may wait for each other: one of them reads what a function of
// the outer run makes with the other.
func TestBudgetOfTwoRunsInsideOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		made := stream.Via(count(300), stream.TryMap(func(ctx context.Context, n int) (int, error) {
			_, err := stream.Run(ctx, stream.Via(source.Of(n), needing(eight)), sink.Discard[int]())
			return n, err
		}))
		l.wait(stream.Go(l.ctx, stream.Via(made, oneSubstream()), runEach(needing(eight))))
		l.used(0)
	})
}

// Runs in functions that are called in parallel share the budget like other runs, even two levels
// below a run.
func TestBudgetOfRunsInParallelFunctions(t *testing.T) {
	call := func(l *till) func(context.Context, int) (int, error) {
		look := stream.Map(func(n int) int {
			time.Sleep(time.Millisecond)
			if used := l.b.Used(); used > 10 {
				l.Errorf("%d bytes are held", used)
			}
			return n
		})
		return func(ctx context.Context, n int) (int, error) {
			_, err := stream.Run(ctx, stream.Via2(count(9), needing(eight), look), sink.Discard[int]())
			return n, err
		}
	}
	type function = func(context.Context, int) (int, error)
	for name, run := range map[string]func(context.Context, function) (int64, error){
		"MapParallel": func(ctx context.Context, f function) (int64, error) {
			return stream.Run(ctx, stream.Via(count(20), stream.MapParallel(4, f)), sink.Discard[int]())
		},
		"MapKeyed": func(ctx context.Context, f function) (int64, error) {
			flow := stream.MapKeyed(4, 1, func(n int) int { return n }, f)
			return stream.Run(ctx, stream.Via(count(20), flow), sink.Discard[int]())
		},
		"ForEachParallel": func(ctx context.Context, f function) (int64, error) {
			return stream.Run(ctx, count(20), sink.ForEachParallel(4, func(ctx context.Context, n int) error {
				_, err := f(ctx, n)
				return err
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTill(t, 10)
				l.wait(stream.Go(l.ctx, source.Of(1), sink.ForEach(func(ctx context.Context, _ int) error {
					_, err := run(ctx, call(l))
					return err
				})))
			})
		})
	}
}

// inFunctions returns a flow without an account that runs a pipeline for each element and for each
// of its substreams.
func (g *shared) inFunctions() stream.Flow[int, int64] {
	f, s := g.inside(1)
	each := stream.TryMap(func(ctx context.Context, n int) (int, error) {
		_, err := stream.Run(ctx, stream.Via(source.Of(n, n), f), s)
		return n, err
	})
	before := g.sum // a substream is read once, so no flow that restarts
	of, end := stream.Then(g.holder(afterBytes).flow(), g.async(afterBytes)), g.holder(afterBytes).sink()
	g.largest = max(g.largest, g.sum-before)
	every := 2 + g.IntN(200)
	parts := stream.SplitWhen(func(n int) bool { return n%every == 0 })
	return stream.Then(stream.Then(each, parts),
		stream.TryMap(func(ctx context.Context, part stream.Source[int]) (int64, error) {
			n, err := stream.Run(ctx, stream.Via(part, of), end)
			return int64(n), err
		}))
}

// Random pipelines that hubs connect, and that run others in their functions, share a budget. All
// end; synctest reports a deadlock.
func TestBudgetOfRandomConnectedRuns(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			g := &shared{Rand: rand.New(rand.NewPCG(seed, 5)), t: t, b: stream.NewBudget(1)}
			hub := stream.NewMergeHub[int]()
			consumer := stream.Via(hub, g.inFunctions())
			var producers []stream.Source[int]
			for range 1 + g.IntN(3) {
				producers = append(producers, stream.Via(count(100), g.flow(1, beforeBytes)))
			}
			var others []stream.Source[int64]
			for range g.IntN(3) {
				others = append(others, stream.Via(count(100), g.inFunctions()))
			}
			g.b.Set(max(g.certain, g.largest) + int64(g.IntN(50)))
			l := &till{T: t, b: g.b, ctx: stream.WithBudget(t.Context(), g.b)}
			var producing, running []*stream.Running[int64]
			for _, src := range append(others, consumer) {
				running = append(running, stream.Go(l.ctx, src, sink.Discard[int64]()))
			}
			synctest.Wait() // the hub knows its consumer
			for _, src := range producers {
				producing = append(producing, stream.Go(l.ctx, src, hub.Sink()))
			}
			l.wait(producing...)
			hub.Close() // only then the consumer ends, for which the others may wait
			l.wait(running...)
			l.used(0)
			if t.Failed() {
				t.Errorf("seed %d", seed)
			}
		})
		if t.Failed() {
			return
		}
	}
}
