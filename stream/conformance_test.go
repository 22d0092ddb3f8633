package stream_test

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// Every operator keeps the contract.
func TestContract(t *testing.T) {
	id := func(n int) int { return n }
	try := func(_ context.Context, n int) (int, error) { return n, nil }
	yes := func(int) bool { return true }
	zero := func() int { return 0 }
	addTo := func(sum, n int) (int, bool, error) { return sum + n, n%3 == 0, nil }
	flows := map[string]stream.Flow[int, int]{
		"Map":              stream.Map(id),
		"TryMap":           stream.TryMap(try),
		"Filter":           stream.Filter(func(n int) bool { return n%2 == 0 }),
		"Map after Filter": stream.Then(stream.Filter(func(n int) bool { return n%2 == 0 }), stream.Map(id)),
		"FilterMap":        stream.FilterMap(func(n int) (int, bool) { return n, n%2 == 0 }),
		"FlatMap":          stream.FlatMap(func(n int) []int { return []int{n, n} }),
		"ConcatMap":        stream.ConcatMap(func(n int) stream.Source[int] { return source.Of(n, n) }),
		"Skip":             stream.Skip[int](2),
		"SkipWhile":        stream.SkipWhile(func(n int) bool { return n < 2 }),
		"Scan":             stream.Scan(0, func(a, b int) int { return a + b }),
		"Intersperse":      stream.Intersperse(7),
		"Limit":            stream.Limit[int](1 << 40),
		"LimitBytes":       stream.LimitBytes(1<<40, id),
		"Batch":            unbatch(stream.Batch[int](3)),
		"BatchBytes":       unbatch(stream.BatchBytes(9, func(int) int { return 4 })),
		"BatchWithin":      unbatch(stream.BatchWithin[int](3, time.Second)),
		"BatchBytesWithin": unbatch(stream.BatchBytesWithin(9, time.Second, func(int) int { return 4 })),
		"Sliding":          unbatch(stream.Sliding[int](3, 2)),
		"Async":            stream.Async[int](4),
		"MapParallel":      stream.MapParallel(3, try),
		"MergeMap":         stream.MergeMap(1, func(n int) stream.Source[int] { return source.Of(n, n) }),
		"MapUnordered":     stream.MapUnordered(1, try),
		"MapKeyed":         stream.MapKeyed(4, 1, id, try),
		"AlsoTo":           stream.AlsoTo(sink.Discard[int]()),
		"Monitor":          stream.Monitor[int](new(stream.Stats)),
		"ResultOf":         stream.ResultOf(sink.Fold(0, func(a, b int) int { return a + b })),
		"FlatMapPrefix, of none": stream.FlatMapPrefix(0, func(context.Context, []int) (stream.Flow[int, int], error) {
			return stream.Map(id), nil
		}),
		"LazyFlow": stream.LazyFlow(func(context.Context, int) (stream.Flow[int, int], error) {
			return stream.Map(id), nil
		}),
		"Prefix": stream.FlatMapPrefix(2, func(context.Context, []int) (stream.Flow[int, int], error) {
			return stream.Map(id), nil
		}),
		"NewFlow": stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
			return src.Each(ctx, emit)
		}),
		"Then": stream.Then(stream.Map(id), stream.Filter(yes)),
		"Concat": stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Concat(source.Of(1, 2), src, source.Of(3))
		}),
		"MapState": stream.MapState(func() int { return 0 },
			func(s *int, n int) (int, error) { *s += n; return *s, nil }),
		"MapResource": stream.MapResource(func(context.Context) (int, error) { return 1, nil },
			func(r int, _ context.Context, n int) (int, error) { return r + n, nil }, nil),
	}
	for name, flow := range flows {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[int, int]{
				New: func() stream.Flow[int, int] { return flow },
				In:  func(i int) int { return i },
			})
		})
	}
	type pair = stream.Pair[int, int]
	first := stream.Map(func(p pair) int { return p.First })
	fromSource := func(f func(stream.Source[int]) stream.Source[int]) stream.Flow[int, int] {
		return stream.FlowFunc[int, int](f)
	}
	repeat := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for ctx.Err() == nil {
			if err := emit(1); err != nil {
				return err
			}
		}
		return context.Cause(ctx)
	})
	for name, flow := range map[string]stream.Flow[int, int]{
		"DivertTo": stream.DivertTo(sink.Discard[int](), func(n int) bool { return n%2 == 1 }),
		"WireTap":  stream.WireTap(sink.Discard[int](), nil),
		"FlatMapPrefix": stream.FlatMapPrefix(2, func(_ context.Context, head []int) (stream.Flow[int, int], error) {
			return stream.FlowFunc[int, int](func(rest stream.Source[int]) stream.Source[int] {
				return stream.Concat(source.Slice(head), rest)
			}), nil
		}),
		"SplitWhen": stream.Then(stream.SplitWhen(func(n int) bool { return n%3 == 0 }),
			stream.ConcatMap(func(s stream.Source[int]) stream.Source[int] { return s })),
		"SplitAfter": stream.Then(stream.SplitAfter(func(n int) bool { return n%3 == 0 }),
			stream.ConcatMap(func(s stream.Source[int]) stream.Source[int] { return s })),
		"Zip": fromSource(
			func(src stream.Source[int]) stream.Source[int] { return stream.Via(stream.Zip(src, repeat), first) }),
		"Zip, second": fromSource(
			func(src stream.Source[int]) stream.Source[int] { return stream.Via(stream.Zip(repeat, src), first) }),
		"ZipAll": fromSource(func(src stream.Source[int]) stream.Source[int] {
			return stream.Via(stream.ZipAll(src, count(3), 0, 0), first)
		}),
		"ZipN": fromSource(func(src stream.Source[int]) stream.Source[int] {
			return stream.Via(stream.ZipN(src, repeat), stream.FlatMap(func(xs []int) []int { return xs }))
		}),
		"MergeSorted": fromSource(func(src stream.Source[int]) stream.Source[int] {
			return stream.MergeSorted(cmp.Compare[int], source.Of(1, 3), src)
		}),
		"MergeSequence": fromSource(func(src stream.Source[int]) stream.Source[int] {
			return stream.MergeSequence(func(n int) int64 { return int64(n) }, src)
		}),
		"Interleave": fromSource(
			func(src stream.Source[int]) stream.Source[int] { return stream.Interleave(2, src, source.Of(7, 8, 9)) }),
		"OrElse": fromSource(
			func(src stream.Source[int]) stream.Source[int] { return stream.OrElse(src, source.Of(1)) }),
		"OrElse, second": fromSource(
			func(src stream.Source[int]) stream.Source[int] { return stream.OrElse(source.Empty[int](), src) }),
		"MergePreferred": fromSource(
			func(src stream.Source[int]) stream.Source[int] { return stream.MergePreferred(src) }),
		"MergeWeighted": fromSource(
			func(src stream.Source[int]) stream.Source[int] { return stream.MergeWeighted([]int{1}, src) }),
		"CombineLatest": fromSource(func(src stream.Source[int]) stream.Source[int] {
			return stream.Via(stream.CombineLatest(src), stream.FlatMap(func(xs []int) []int { return xs }))
		}),
		"Delay":           stream.Delay[int](time.Millisecond),
		"InitialDelay":    stream.InitialDelay[int](time.Millisecond),
		"SkipFor":         stream.SkipFor[int](0),
		"TakeFor":         stream.TakeFor[int](time.Hour),
		"KeepAlive":       stream.KeepAlive(time.Hour, func() int { return 0 }),
		"IdleTimeout":     stream.IdleTimeout[int](time.Hour),
		"FirstTimeout":    stream.FirstTimeout[int](time.Hour),
		"Buffer":          stream.Buffer[int](1000, stream.OverflowFail),
		"Aggregate":       stream.Aggregate(zero, addTo, id, 0),
		"Aggregate, time": stream.Aggregate(zero, addTo, id, time.Hour),
		"Log":             stream.Log[int](slog.New(slog.DiscardHandler), "x", nil),
		"Carry": stream.Then(
			stream.Map(func(n int) stream.Envelope[int, string] { return stream.Envelope[int, string]{Value: n} }),
			stream.Then(stream.Carry[string](stream.Map(id)),
				stream.Map(func(e stream.Envelope[int, string]) int { return e.Value }))),
		"CarryBatch": stream.Then(positions(), stream.Then(stream.CarryBatch(stream.Batch[marked](3)),
			stream.FlatMap(func(e stream.Envelope[[]int, position]) []int { return e.Value }))),
		"CarrySegments": stream.Then(positions(), stream.Then(stream.CarrySegments[int](3, stream.Map(id)),
			stream.Map(func(e marked) int { return e.Value }))),
		"CarryMapUnordered, one": stream.Then(positions(), stream.Then(stream.CarryMapUnordered[int](1, try),
			stream.Map(func(e marked) int { return e.Value }))),
		"Checkpoints":    stream.Then(positions(), stream.Map(func(e marked) int { return e.Value })),
		"FlowOf":         stream.FlowOf(sink.Discard[int](), count(5)),
		"Broadcast, one": stream.Broadcast(stream.Map(id)),
		"Balance, one":   stream.Balance(stream.Map(id)),
		"Partition, one": stream.Partition(func(int) int { return 0 }, stream.Map(id)),
		"GroupBy, one": stream.GroupBy(1, func(int) int { return 0 },
			func(int) stream.Flow[int, int] { return stream.Map(id) }, nil),
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[int, int]{
				New: func() stream.Flow[int, int] { return flow },
				In:  func(i int) int { return i },
			})
		})
	}
	for name, flow := range map[string]func() stream.Flow[int, int]{
		"Throttle": func() stream.Flow[int, int] { return stream.Throttle[int](stream.NewLimiter(100, 10), nil) },
		"Conflate": func() stream.Flow[int, int] { return stream.Conflate(id, func(a, b int) int { return a + b }) },
		"ConflateUpTo": func() stream.Flow[int, int] {
			return stream.ConflateUpTo(3, nil, id, func(a, b int) int { return a + b })
		},
		"Expand": func() stream.Flow[int, int] {
			return stream.Expand(func(n int) iter.Seq[int] { return slices.Values([]int{n}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[int, int]{New: flow, In: func(i int) int { return i }, Varies: true})
		})
	}
	t.Run("Until", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{
			New: func() stream.Flow[int, int] { return stream.Until[int](make(chan struct{})) },
			In:  func(i int) int { return i },
		})
	})
	unordered := map[string]stream.Flow[int, int]{
		"MergeMap":     stream.MergeMap(3, func(n int) stream.Source[int] { return source.Of(n, n) }),
		"MapUnordered": stream.MapUnordered(3, try),
		"Broadcast":    stream.Broadcast(stream.Map(id), stream.Filter(yes)),
		"Balance":      stream.Balance(stream.Map(id), stream.Filter(yes)),
		"Partition":    stream.Partition(func(n int) int { return n % 2 }, stream.Map(id), stream.Filter(yes)),
		"GroupBy":      stream.GroupBy(100, id, func(int) stream.Flow[int, int] { return stream.Map(id) }, nil),
		"MergeWeighted, two": fromSource(func(src stream.Source[int]) stream.Source[int] {
			return stream.MergeWeighted([]int{1, 2}, src, source.Of(1, 2))
		}),
		"Merge": stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Merge(source.Of(1, 2), src, source.Of(3))
		}),
	}
	for name, flow := range unordered {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[int, int]{
				New:       func() stream.Flow[int, int] { return flow },
				In:        func(i int) int { return i },
				Unordered: true,
			})
		})
	}
	early := map[string]stream.Flow[int, int]{
		"Take":      stream.Take[int](3),
		"TakeWhile": stream.TakeWhile(func(n int) bool { return n < 3 }),
	}
	for name, flow := range early {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[int, int]{
				New:   func() stream.Flow[int, int] { return flow },
				In:    func(i int) int { return i },
				Early: true,
			})
		})
	}
}

// Operators own the elements that they get: documents pass through the stages that hold, copy or
// hand over elements.
func TestContractOfByteElements(t *testing.T) {
	flows := map[string]stream.Flow[doc, doc]{
		"Async":   stream.Async[doc](4),
		"AlsoTo":  stream.AlsoTo(sink.ForEach(func(_ context.Context, d doc) error { clear(d); return nil })),
		"Batch":   unbatch(stream.Batch[doc](3)),
		"Monitor": stream.Monitor[doc](new(stream.Stats)),
		"MapParallel": stream.MapParallel(2, func(_ context.Context, d doc) (doc, error) {
			return append(doc("x"), d...), nil
		}),
	}
	for name, flow := range flows {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[doc, doc]{
				New: func() stream.Flow[doc, doc] { return flow },
				In:  func(i int) doc { return doc{byte(i), byte(i >> 8)} },
			})
		})
	}
}
