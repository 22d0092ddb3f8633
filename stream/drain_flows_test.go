package stream_test

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// filler is an element that stages add; the test ignores it.
const filler = -1

// drainedFlows maps the name of each flow operator to a function that adds the operator to a source
// and loses no element. Each element comes out once, or as often as the suffix of the name says.
func drainedFlows() map[string]func(stream.Source[int]) stream.Source[int] {
	type (
		ints = stream.Source[int]
		flow = stream.Flow[int, int]
		list = []int
	)
	var (
		id    = func(n int) int { return n }
		try   = func(ctx context.Context, n int) (int, error) { return n, sleepFor(ctx, 7*time.Millisecond) }
		slow  = stream.TryMap(try)
		yes   = func(int) bool { return true }
		no    = func(int) bool { return false }
		one   = func(int) int { return 1 }
		third = func(n int) bool { return n%3 == 0 }
		seed  = func(n int) list { return list{n} }
		add   = func(ns list, n int) list { return append(ns, n) }
		dead  = func(context.Context, stream.DeadLetter[int]) error { return nil }
		long  = 24 * time.Hour
		short = 25 * time.Millisecond
		twice = func(n int) ints { return stream.Via(source.Slice(list{n, n}), slow) }
		gone  = func(error) ([]int, error) { return nil, nil }
	)
	via := func(flows ...flow) func(ints) ints {
		return func(src ints) ints {
			for _, f := range flows {
				src = stream.Via(src, f)
			}
			return src
		}
	}
	lists := func(f stream.Flow[int, list]) func(ints) ints { return via(unbatch(f), slow) }
	return map[string]func(ints) ints{
		"Aggregate": lists(stream.Aggregate(func() list { return nil }, func(ns list, n int) (list, bool, error) {
			return append(ns, n), len(ns) > 3, nil
		}, func(ns list) list { return ns }, 0)),
		"Aggregate, in time": lists(
			stream.Aggregate(func() list { return nil }, func(ns list, n int) (list, bool, error) {
				return append(ns, n), len(ns) > 9, nil
			}, func(ns list) list { return ns }, short)),
		"AlsoTo":             via(stream.AlsoTo(sink.Discard[int]()), slow),
		"Async":              via(stream.Async[int](16), slow),
		"AsyncBytes":         via(stream.AsyncBytes(1000, one), slow),
		"Balance":            via(stream.Balance(slow, slow)),
		"Batch":              lists(stream.Batch[int](20)),
		"BatchBytes":         lists(stream.BatchBytes(20, one)),
		"BatchWithin":        lists(stream.BatchWithin[int](20, short)),
		"BatchBytesWithin":   lists(stream.BatchBytesWithin(20, long, one)),
		"Broadcast, 2 times": via(stream.Broadcast(slow, slow)),
		"Buffer":             via(stream.Buffer[int](10000, stream.OverflowFail), slow),
		"Carry": func(src ints) ints {
			type env = stream.Envelope[int, int]
			packed := stream.Via(src, stream.Map(func(n int) env { return env{Value: n, Context: n} }))
			return stream.Via2(packed, stream.Carry[int](slow), stream.Map(func(e env) int { return e.Context }))
		},
		"CarryBatch": func(src ints) ints {
			return stream.Via3(stream.Via(src, positions()), stream.CarryBatch(stream.Batch[marked](7)),
				stream.FlatMap(func(e stream.Envelope[list, position]) list { return e.Value }), slow)
		},
		"CarrySegments": func(src ints) ints {
			return stream.Via3(src, positions(), stream.CarrySegments[int](9, stream.MapParallel(3, try)),
				stream.Map(func(e marked) int { return e.Value }))
		},
		"CarryMapUnordered": func(src ints) ints {
			return stream.Via3(src, positions(), stream.CarryMapUnordered[int](3, try),
				stream.Map(func(e marked) int { return e.Value }))
		},
		"Checkpoints": func(src ints) ints {
			return stream.Via3(src, positions(), stream.Map(func(e marked) int { return e.Context.Position }), slow)
		},
		"CompleteOn": via(stream.CompleteOn[int](func(error) bool { return true }), slow),
		"Concat": func(src ints) ints {
			return stream.Via(stream.Concat(source.Of(filler), src, source.Of(filler)), slow)
		},
		"ConcatMap, 2 times": via(stream.ConcatMap(twice)),
		"Conflate":           lists(stream.Conflate(seed, add)),
		"ConflateUpTo":       lists(stream.ConflateUpTo(5, nil, seed, add)),
		"Delay":              via(stream.Delay[int](time.Second)),
		"DelayFunc": via(
			stream.DelayFunc(func(n int) time.Duration { return time.Duration(n%3) * time.Second })),
		"FlatMapPrefix, of none": via(stream.FlatMapPrefix(0, func(context.Context, []int) (flow, error) {
			return slow, nil
		})),
		"DivertTo":  via(stream.DivertTo(sink.Discard[int](), no), slow),
		"Drainable": func(src ints) ints { return stream.Via(stream.Drainable(src), slow) },
		"Enumerate": via(stream.Then(stream.Enumerate[int](),
			stream.Map(func(p stream.Pair[int64, int]) int { return p.Second })), slow),
		"Expand":           via(stream.Expand(func(n int) iter.Seq[int] { return slices.Values(list{n}) }), slow),
		"Filter":           via(stream.Filter(yes), slow),
		"FilterMap":        via(stream.FilterMap(func(n int) (int, bool) { return n, true }), slow),
		"FirstTimeout":     via(stream.FirstTimeout[int](long), slow),
		"FlatMap, 2 times": via(stream.FlatMap(func(n int) list { return list{n, n} }), slow),
		"FlatMapState": via(
			stream.FlatMapState(func() list { return nil }, func(held *list, n int, emit func(int) error) error {
				*held = append(*held, n) // holds all elements until the end
				return nil
			}, func(held *list, emit func(int) error) error {
				for _, n := range *held {
					if err := emit(n); err != nil {
						return err
					}
				}
				return nil
			}), slow),
		"FlowOf": func(src ints) ints {
			pipe := source.NewQueue[int](3)
			back := sink.Defer(func(context.Context) (stream.Sink[int, int64], error) {
				return stream.SinkFunc[int, int64](func(ctx context.Context, src ints) (int64, error) {
					defer pipe.Complete()
					return sink.ForEach(pipe.Offer).Consume(ctx, src)
				}), nil
			})
			return stream.Via2(src, stream.FlowOf(back, pipe), slow)
		},
		"FlowOfCoupled": func(src ints) ints {
			pipe := source.NewQueue[int](3)
			back := sink.Defer(func(context.Context) (stream.Sink[int, int64], error) {
				return stream.SinkFunc[int, int64](func(ctx context.Context, src ints) (int64, error) {
					n, err := sink.ForEach(pipe.Offer).Consume(ctx, src)
					pipe.Complete()
					// Let the source complete first. Otherwise the end of the sink stops it.
					time.Sleep(time.Hour)
					return n, err
				}), nil
			})
			return stream.Via2(src, stream.FlowOfCoupled(back, pipe), slow)
		},
		"GroupBy": via(
			stream.GroupBy(4, func(n int) int { return n % 4 }, func(int) flow { return slow }, nil)),
		"IdleTimeout":  via(stream.IdleTimeout[int](long), slow),
		"InitialDelay": via(stream.InitialDelay[int](5*time.Millisecond), slow),
		"Interleave": func(src ints) ints {
			return stream.Via(stream.Interleave(2, src, source.Repeat(filler)), slow)
		},
		"Intersperse": via(stream.Intersperse(filler), slow),
		"Then":        via(stream.Then(stream.Async[int](3), slow)),
		"KeepAlive":   via(stream.KeepAlive(3*time.Millisecond, func() int { return filler }), slow),
		"LazyFlow":    via(stream.LazyFlow(func(context.Context, int) (flow, error) { return slow, nil })),
		"Limit":       via(stream.Limit[int](1<<30), slow),
		"LimitBytes":  via(stream.LimitBytes(1<<30, one), slow),
		"Log":         via(stream.Log[int](slog.New(slog.NewTextHandler(io.Discard, nil)), "x", nil), slow),
		"Map":         via(stream.Map(id), slow),
		"MapErr":      via(stream.MapErr[int](func(err error) error { return err }), slow),
		"MapKeyed":    via(stream.MapKeyed(4, 1, func(n int) int { return n % 3 }, try)),
		"MapParallel": via(stream.MapParallel(4, try)),
		"MapResource": via(stream.MapResource(func(context.Context) (int, error) { return 0, nil },
			func(_ int, ctx context.Context, n int) (int, error) { return try(ctx, n) }, nil)),
		"MapState": via(
			stream.MapState(func() int { return 0 }, func(_ *int, n int) (int, error) { return n, nil }), slow),
		"MapUnordered":      via(stream.MapUnordered(4, try)),
		"Measure":           via(stream.Measure(new(stream.Stats), stream.MapParallel(2, try))),
		"Merge":             func(src ints) ints { return stream.Via(stream.Merge(src, source.Repeat(filler)), slow) },
		"MergeMap, 2 times": via(stream.MergeMap(3, twice)),
		"MergePreferred": func(src ints) ints {
			return stream.Via(stream.MergePreferred(src, source.Repeat(filler)), slow)
		},
		"MergeWeighted": func(src ints) ints {
			return stream.Via(stream.MergeWeighted(list{1, 2}, src, source.Repeat(filler)), slow)
		},
		"MergeSorted": func(src ints) ints {
			return stream.Via(stream.MergeSorted(func(a, b int) int { return a - b },
				src, source.Range(1<<30, 1<<30+9, 1)), stream.Then(dropAbove(), slow))
		},
		"Monitor": via(stream.Monitor[int](new(stream.Stats)), slow),
		"MonitorBytes": func(src ints) ints {
			return stream.Via3(src, stream.Map(func(n int) []byte { return []byte(strconv.Itoa(n)) }),
				stream.MonitorBytes(new(stream.Stats)),
				stream.Then(stream.TryMap(func(_ context.Context, p []byte) (int, error) {
					return strconv.Atoi(string(p))
				}), slow))
		},
		"NewFlow": via(stream.NewFlow(func(ctx context.Context, src ints, emit func(int) error) error {
			return src.Each(ctx, emit)
		}), slow),
		"OrElse":    func(src ints) ints { return stream.Via(stream.OrElse(src, source.Of(filler)), slow) },
		"Partition": via(stream.Partition(func(n int) int { return n % 2 }, slow, flow(stream.Async[int](5)))),
		"FlatMapPrefix": func(src ints) ints {
			head := stream.FlatMapPrefix(3, func(_ context.Context, head list) (flow, error) {
				return stream.FlowFunc[int, int](
					func(rest ints) ints { return stream.Concat(source.Slice(head), rest) }), nil
			})
			return stream.Via2(src, head, slow)
		},
		"Recover":     via(stream.Recover(gone), slow),
		"RecoverWith": via(stream.RecoverWith(1, func(err error) (ints, error) { return nil, err }), slow),
		"RestartFlow": via(
			stream.RestartFlow(100, stream.MapParallel(3, try), func(in, out int) bool { return in == out }, nil)),
		"RestartSink": lists(stream.RestartSink(7, sink.Slice[int](), nil)),
		"ResultOf":    lists(stream.ResultOf(sink.Slice[int]())),
		"Retry": via(stream.MapParallel(3, stream.Retry(firstFailing(try),
			&stream.Backoff{Min: 100 * time.Millisecond}))),
		"Scan":      via(stream.Scan(0, func(_, n int) int { return n }), slow),
		"Skip":      via(stream.Skip[int](0), slow),
		"SkipFor":   via(stream.SkipFor[int](0), slow),
		"SkipWhile": via(stream.SkipWhile(no), slow),
		"Sliding":   lists(stream.Sliding[int](3, 3)),
		"SplitWhen": via(stream.Then(stream.SplitWhen(third), stream.ConcatMap(func(s ints) ints { return s })),
			slow),
		"SplitAfter, apart": via(stream.Then(stream.SplitAfter(third),
			stream.Then(stream.TryMap(func(ctx context.Context, part ints) (list, error) {
				return stream.Run(ctx, stream.Via(part, slow), sink.Slice[int]())
			}), stream.FlatMap(func(ns list) list { return ns }))), slow),
		"Supervise":   via(stream.Supervise(3, try, dead, nil)),
		"SuperviseTo": via(stream.SuperviseTo(3, try, sink.Discard[stream.DeadLetter[int]](), nil)),
		"Take":        via(stream.Take[int](1<<30), slow),
		"TakeFor":     via(stream.TakeFor[int](long), slow),
		"TakeWhile":   via(stream.TakeWhile(yes), slow),
		"Throttle":    via(stream.Throttle(stream.NewLimiter(50, 1), one)),
		"TryMap":      via(slow),
		"Until":       via(stream.Until[int](make(chan struct{})), slow),
		"Via":         func(src ints) ints { return stream.Via2(src, slow, slow) },
		"WireTap":     via(stream.WireTap(sink.Discard[int](), nil), slow),
		"Restart": func(src ints) ints {
			return stream.Via(stream.Restart(src, id, func(int) ints { return src }, nil), slow)
		},
		"Zip":         func(src ints) ints { return stream.Via2(stream.Zip(src, counting()), firstOfPair(), slow) },
		"Zip, second": func(src ints) ints { return stream.Via2(stream.Zip(counting(), src), secondOfPair(), slow) },
		"ZipAll": func(src ints) ints {
			return stream.Via2(stream.ZipAll(src, counting(), filler, filler), firstOfPair(), slow)
		},
		"ZipAll, both": func(src ints) ints {
			return stream.Via2(stream.ZipAll(counting(), src, filler, filler), secondOfPair(), slow)
		},
		"ZipN": func(src ints) ints {
			return stream.Via2(stream.ZipN(counting(), src, counting()),
				stream.Map(func(ns list) int { return ns[1] }), slow)
		},
		"CombineLatest": func(src ints) ints { // one source only: more sources emit many pairs
			return stream.Via2(stream.CombineLatest(src), stream.Map(func(ns list) int { return ns[0] }), slow)
		},
	}
}

// drainedElsewhere lists the stages that are not in drainedFlows, with the reason.
var drainedElsewhere = map[string]string{
	"All":             "it is not a stage",
	"Fail":            "it emits nothing",
	"From":            "it is Via",
	"Into":            "it is Via",
	"Via2":            "it is Via",
	"Via3":            "it is Via",
	"ZipLatest":       "it is CombineLatest",
	"MergeSequence":   "a drain does not end it: TestDrainOfOneWhole",
	"Unzip":           "TestDrainIntoSinks",
	"StallTimeout":    "TestDrainIntoSinks",
	"OnResult":        "TestDrainIntoSinks",
	"Acknowledge":     "it is a sink that holds nothing",
	"StoreBatches":    "TestStoreBatchesDrained",
	"NewMergeHub":     "TestDrainOfHubs",
	"NewBroadcastHub": "TestDrainOfHubs",
	"NewPartitionHub": "TestDrainOfHubs",
}

func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// firstFailing returns f, but the first call for every third element fails.
func firstFailing(f func(context.Context, int) (int, error)) func(context.Context, int) (int, error) {
	tried := make(chan map[int]bool, 1)
	tried <- map[int]bool{}
	return func(ctx context.Context, n int) (int, error) {
		seen := <-tried
		again := seen[n]
		seen[n] = true
		tried <- seen
		if n%3 == 0 && !again {
			return 0, stream.Mark(errBoom, stream.Retryable)
		}
		return f(ctx, n)
	}
}

func counting() stream.Source[int] { return source.Range(0, 1<<30, 1) }

func firstOfPair() stream.Flow[stream.Pair[int, int], int] {
	return stream.Map(func(p stream.Pair[int, int]) int { return p.First })
}

func secondOfPair() stream.Flow[stream.Pair[int, int], int] {
	return stream.Map(func(p stream.Pair[int, int]) int { return p.Second })
}

// dropAbove drops the elements of the source that is not drained.
func dropAbove() stream.Flow[int, int] {
	return stream.Filter(func(n int) bool { return n < 1<<30 })
}
