package stream_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// brokenFunctions has a run for each parameter that is a function or an iterator. In that run, the
// function breaks. Other runs are for functions in options, methods and interfaces.
func brokenFunctions() map[string]func(*breaker) brokenRun {
	all := map[string]func(*breaker) brokenRun{}
	for _, table := range []map[string]func(*breaker) brokenRun{
		brokenInOperators(), brokenInOptions(), brokenInRuns(), brokenInEnds(),
	} {
		maps.Copy(all, table)
	}
	return all
}

// brokenRun is a run in which a function breaks.
type brokenRun = func(context.Context) error

func brokenInOperators() map[string]func(*breaker) brokenRun {
	type (
		out = stream.Flow[int, int]
		ctx = context.Context
	)
	var (
		id      = func(n int) int { return n }
		add     = func(a, b int) int { return a + b }
		same    = stream.Map(func(n int) int { return n })
		zero    = func() int { return 0 }
		put     = func(a, n int) (int, bool, error) { return a + n, true, nil }
		plain   = func(_ ctx, n int) (int, error) { return n, nil }
		open    = func(ctx) (int, error) { return 0, nil }
		shut    = func(int, ctx) error { return nil }
		use     = func(_ int, _ ctx, n int) (int, error) { return n, nil }
		state   = func(_ *int, n int) (int, error) { return n, nil }
		many    = func(_ *int, n int, emit func(int) error) error { return emit(n) }
		after   = func(n int) stream.Source[int] { return source.Range(n+1, 8, 1) }
		passing = stream.Mark(errBoom, stream.Retryable)
		bad     = stream.Mark(errBoom, stream.Data)
		pause   = slowly[int](time.Second)
		fails   = func(err error) func(ctx, int) (int, error) {
			return func(_ ctx, n int) (int, error) { return n, err }
		}
		dead = func(ctx, stream.DeadLetter[int]) error { return nil }
	)
	return map[string]func(*breaker) brokenRun{
		"stream.Aggregate.start": func(b *breaker) brokenRun {
			return run(b.src(), stream.Aggregate(func() int { b.hit(); return 0 }, put, id, 0))
		},
		"stream.Aggregate.add": func(b *breaker) brokenRun {
			return run(b.src(), stream.Aggregate(zero,
				func(a, n int) (int, bool, error) { b.hit(); return put(a, n) }, id, time.Second))
		},
		"stream.Aggregate.harvest": func(b *breaker) brokenRun {
			return run(b.src(), stream.Aggregate(zero, put, b.same, time.Second))
		},
		"stream.AsyncBytes.size": func(b *breaker) brokenRun {
			return run(b.src(), stream.AsyncBytes(100, b.same))
		},
		"stream.BatchBytes.size": func(b *breaker) brokenRun { return run(b.src(), stream.BatchBytes(2, b.same)) },
		"stream.BatchBytesWithin.size": func(b *breaker) brokenRun {
			return run(b.src(), stream.BatchBytesWithin(2, time.Second, b.same))
		},
		"stream.ConflateUpTo.cost": func(b *breaker) brokenRun {
			return run(b.src(), stream.Then(stream.ConflateUpTo(2, func(int) int64 {
				b.hit()
				return 1
			}, id, add), pause))
		},
		"stream.ConflateUpTo.seed": func(b *breaker) brokenRun {
			return run(b.src(), stream.Then(stream.ConflateUpTo(2, nil, b.same, add), pause))
		},
		"stream.ConflateUpTo.add": func(b *breaker) brokenRun {
			return run(b.src(), stream.Then(stream.ConflateUpTo(9, nil, id, b.sum), pause))
		},
		"stream.Acknowledge.save": func(b *breaker) brokenRun {
			return into(stream.Via(b.src(), positions()),
				stream.Acknowledge[int](func(c ctx, _ int) error { return b.try(c) }))
		},
		"stream.StoreBatches.store": func(b *breaker) brokenRun {
			return into(stream.Via(b.src(), positions()), stream.StoreBatches(
				func(c ctx, _ []int) error { return b.try(c) },
				func(ctx, int) error { return nil }, nil))
		},
		"stream.StoreBatches.save": func(b *breaker) brokenRun {
			return into(stream.Via(b.src(), positions()), stream.StoreBatches(
				func(ctx, []int) error { return nil },
				func(c ctx, _ int) error { return b.try(c) }, nil))
		},
		"stream.CarryMapUnordered.f": func(b *breaker) brokenRun {
			return run(stream.Via(b.src(), positions()), stream.CarryMapUnordered[int](1, b.tried))
		},
		"stream.Checkpoints.position": func(b *breaker) brokenRun { return run(b.src(), stream.Checkpoints(b.same)) },
		"stream.OnResult.f": func(b *breaker) brokenRun {
			return twice(run(b.src(), stream.AlsoTo(stream.OnResult(sink.Discard[int](), func(int64) { b.hit() }))))
		},
		"stream.OnValue.f": func(b *breaker) brokenRun {
			return run(stream.Via(b.src(), positions()), stream.TryMap(stream.OnValue[position](b.tried)))
		},
		"stream.CompleteOn.enough": func(b *breaker) brokenRun {
			return thrice(run(b.lost(errBoom), stream.CompleteOn[int](func(error) bool { b.hit(); return true })))
		},
		"stream.ConcatMap.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.ConcatMap(func(n int) stream.Source[int] { b.hit(); return source.Of(n) }))
		},
		"stream.Conflate.seed": func(b *breaker) brokenRun {
			return run(stream.Via(b.src(), pause), stream.Conflate(b.same, add))
		},
		"stream.Conflate.add": func(b *breaker) brokenRun {
			return run(b.src(), stream.Then(stream.Conflate(id, b.sum), pause))
		},
		"stream.DelayFunc.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.DelayFunc(func(int) time.Duration { b.hit(); return 1 }))
		},
		"stream.DivertTo.divert": func(b *breaker) brokenRun {
			return run(b.src(), stream.DivertTo(sink.Discard[int](), b.accept))
		},
		"stream.Expand.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.Expand(func(n int) iter.Seq[int] { b.hit(); return slices.Values([]int{n}) }))
		},
		"stream.Expand.f's sequence": func(b *breaker) brokenRun {
			return run(b.src(), stream.Expand(func(int) iter.Seq[int] { return b.seq }))
		},
		"stream.Filter.keep": func(b *breaker) brokenRun { return run(b.src(), stream.Filter(b.accept)) },
		"stream.FilterMap.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.FilterMap(func(n int) (int, bool) { b.hit(); return n, true }))
		},
		"stream.FlatMap.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.FlatMap(func(n int) []int { b.hit(); return nil }))
		},
		"stream.FlatMapState.start": func(b *breaker) brokenRun {
			return run(b.src(), stream.FlatMapState(func() int { b.hit(); return 0 }, many, nil))
		},
		"stream.FlatMapState.f": func(b *breaker) brokenRun {
			return run(b.src(),
				stream.FlatMapState(zero, func(s *int, n int, emit func(int) error) error { b.hit(); return nil }, nil))
		},
		"stream.FlatMapState.end": func(b *breaker) brokenRun {
			return run(b.src(),
				stream.FlatMapState(zero, many, func(*int, func(int) error) error { b.hit(); return nil }))
		},
		"stream.GroupBy.key": func(b *breaker) brokenRun {
			return run(b.src(), stream.GroupBy(9, b.same, func(int) out { return same }, nil))
		},
		"stream.GroupBy.open": func(b *breaker) brokenRun {
			return run(b.src(), stream.GroupBy(9, id, func(int) out { b.hit(); return same }, nil))
		},
		"stream.KeepAlive.f": func(b *breaker) brokenRun {
			return run(stream.Via(b.src(), slowly[int](3500*time.Millisecond)),
				stream.KeepAlive(time.Second, func() int { b.hit(); return 0 }))
		},
		"stream.LazyFlow.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.LazyFlow(func(c ctx, _ int) (out, error) { return same, b.try(c) }))
		},
		"stream.LimitBytes.size": func(b *breaker) brokenRun { return run(b.src(), stream.LimitBytes(100, b.same)) },
		"stream.Map.f":           func(b *breaker) brokenRun { return run(b.src(), stream.Map(b.same)) },
		"stream.MapErr.f": func(b *breaker) brokenRun {
			return run(b.lost(errBoom), stream.MapErr[int](func(err error) error { b.hit(); return err }))
		},
		"stream.MapKeyed.key": func(b *breaker) brokenRun { return run(b.src(), stream.MapKeyed(3, 1, b.same, plain)) },
		"stream.MapKeyed.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.MapKeyed(3, 1, func(int) int { return 0 }, b.tried))
		},
		"stream.NewFlow.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.NewFlow(func(c ctx, src stream.Source[int], emit func(int) error) error {
				if err := b.try(c); err != nil {
					return context.Cause(c) // the rule of Source.Each
				}
				return src.Each(c, emit)
			}))
		},
		"stream.MapParallel.f": func(b *breaker) brokenRun { return run(b.src(), stream.MapParallel(1, b.tried)) },
		"stream.MapResource.open": func(b *breaker) brokenRun {
			return run(b.src(), stream.MapResource(func(c ctx) (int, error) { return 0, b.try(c) }, use, shut))
		},
		"stream.MapResource.f": func(b *breaker) brokenRun {
			return run(b.src(),
				stream.MapResource(open, func(_ int, c ctx, n int) (int, error) { return n, b.try(c) }, shut))
		},
		"stream.MapResource.shut": func(b *breaker) brokenRun {
			return run(b.src(), stream.MapResource(open, use, func(int, ctx) error { b.hit(); return nil }))
		},
		"stream.MapState.start": func(b *breaker) brokenRun {
			return run(b.src(), stream.MapState(func() int { b.hit(); return 0 }, state))
		},
		"stream.MapState.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.MapState(zero, func(_ *int, n int) (int, error) { b.hit(); return n, nil }))
		},
		"stream.MapUnordered.f": func(b *breaker) brokenRun { return run(b.src(), stream.MapUnordered(1, b.tried)) },
		"stream.MergeMap.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.MergeMap(2, func(n int) stream.Source[int] { b.hit(); return source.Of(n) }))
		},
		"stream.MergeSequence.number": func(b *breaker) brokenRun {
			return drain(stream.MergeSequence(func(n int) int64 { b.hit(); return int64(n) }, b.src()))
		},
		"stream.MergeSorted.compare": func(b *breaker) brokenRun {
			return drain(stream.MergeSorted(func(x, y int) int { b.hit(); return x - y }, b.src(), b.src()))
		},
		"stream.NewPartitionHub.choose": func(b *breaker) brokenRun {
			return func(c ctx) error {
				hub := stream.NewPartitionHub(1, func(int, int) int { b.hit(); return 0 })
				out := stream.Go(c, hub.Source(), sink.Discard[int]())
				defer func() { _, _ = out.Wait() }()
				return into(b.src(), hub)(c)
			}
		},
		"stream.Partition.choose": func(b *breaker) brokenRun {
			return run(b.src(), stream.Partition(func(int) int { b.hit(); return 0 }, same))
		},
		"stream.FlatMapPrefix.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.FlatMapPrefix(2, func(c ctx, _ []int) (out, error) { return same, b.try(c) }))
		},
		"stream.Recover.f": func(b *breaker) brokenRun {
			return run(b.lost(errBoom), stream.Recover(func(error) ([]int, error) { b.hit(); return nil, nil }))
		},
		"stream.RecoverWith.f": func(b *breaker) brokenRun {
			return run(b.lost(errBoom),
				stream.RecoverWith(5, func(error) (stream.Source[int], error) { b.hit(); return b.lost(errBoom), nil }))
		},
		"stream.Restart.position": func(b *breaker) brokenRun {
			return drain(stream.Restart(b.src(), b.same, after, nil))
		},
		"stream.Restart.after": func(b *breaker) brokenRun {
			return drain(
				stream.Restart(b.lost(passing), id, func(int) stream.Source[int] { b.hit(); return b.lost(passing) },
					&stream.RestartOptions{Backoff: stream.Backoff{Min: 1, MaxRetries: 5, ResetAfter: time.Hour}}))
		},
		"stream.RestartFlow.settles": func(b *breaker) brokenRun {
			return run(b.src(), stream.RestartFlow(9, same, func(x, y int) bool { b.hit(); return x == y }, nil))
		},
		"stream.Retry.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.TryMap(stream.Retry(b.tried, nil)))
		},
		"stream.Scan.f":         func(b *breaker) brokenRun { return run(b.src(), stream.Scan(0, b.sum)) },
		"stream.SkipWhile.drop": func(b *breaker) brokenRun { return run(b.src(), stream.SkipWhile(b.accept)) },
		"stream.SplitAfter.cut": func(b *breaker) brokenRun { return run(b.src(), stream.SplitAfter(b.accept)) },
		"stream.SplitWhen.cut":  func(b *breaker) brokenRun { return run(b.src(), stream.SplitWhen(b.accept)) },
		"stream.Supervise.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.Supervise(1, b.tried, dead, nil))
		},
		"stream.Supervise.dead": func(b *breaker) brokenRun {
			return run(b.src(),
				stream.Supervise(2, fails(bad), func(c ctx, _ stream.DeadLetter[int]) error { return b.try(c) }, nil))
		},
		"stream.SuperviseTo.f": func(b *breaker) brokenRun {
			return run(b.src(), stream.SuperviseTo(1, b.tried, sink.Discard[stream.DeadLetter[int]](), nil))
		},
		"stream.TakeWhile.keep": func(b *breaker) brokenRun { return run(b.src(), stream.TakeWhile(b.accept)) },
		"stream.Throttle.cost": func(b *breaker) brokenRun {
			return run(b.src(), stream.Throttle(stream.NewLimiter(1, 1), b.same))
		},
		"stream.TryMap.f": func(b *breaker) brokenRun { return run(b.src(), stream.TryMap(b.tried)) },
		"stream.WireTap.done": func(b *breaker) brokenRun {
			return run(b.src(), stream.WireTap(sink.Discard[int](), func(int64, error) { b.hit() }))
		},
	}
}

// twice and thrice repeat a run, for functions that are called once per run.
func twice(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return errors.Join(run(ctx), run(ctx)) }
}

func thrice(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return errors.Join(run(ctx), run(ctx), run(ctx)) }
}
