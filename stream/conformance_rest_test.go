package stream_test

import (
	"context"
	"errors"
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

// Stages that need other stages around them to be flows of integers also keep the contract.
func TestContractOfWrappedStages(t *testing.T) {
	type (
		pair = stream.Pair[int, int]
		flow = stream.Flow[int, int]
		ints = stream.Source[int]
	)
	id := func(n int) int { return n }
	second := stream.Map(func(p stream.Pair[int64, int]) int { return p.Second })
	wrap := func(f func(ints) ints) flow { return stream.FlowFunc[int, int](f) }
	double := func(_ *int, n int, emit func(int) error) error {
		if err := emit(n); err != nil {
			return err
		}
		return emit(n)
	}
	repeat := source.Repeat(1)
	for name, f := range map[string]streamtest.Flow[int, int]{
		"Enumerate": {New: func() flow { return stream.Then(stream.Enumerate[int](), second) }, ReadAhead: 1},
		"FlatMapState": {New: func() flow {
			return stream.FlatMapState(func() int { return 0 }, double,
				func(s *int, emit func(int) error) error { return emit(*s) })
		}, ReadAhead: 1},
		"Measure": {New: func() flow { return stream.Measure(new(stream.Stats), stream.Map(id)) }, ReadAhead: 1},
		"Measure of a flow with goroutines": {New: func() flow {
			return stream.Measure(new(stream.Stats),
				stream.MapParallel(2, func(_ context.Context, n int) (int, error) { return n, nil }))
		}},
		"Zip": {New: func() flow {
			return wrap(func(src ints) ints {
				return stream.Via(stream.Zip(src, repeat), stream.Map(func(p pair) int { return p.First }))
			})
		}},
		"Zip, second": {New: func() flow {
			return wrap(func(src ints) ints {
				return stream.Via(stream.Zip(repeat, src), stream.Map(func(p pair) int { return p.Second }))
			})
		}},
		"ZipLatest": {New: func() flow {
			return wrap(func(src ints) ints {
				return stream.Via(stream.ZipLatest(src, source.Of(0)),
					stream.Map(func(p pair) int { return p.First + p.Second }))
			})
		}, Varies: true},
		"MergePreferred, two": {New: func() flow {
			return wrap(func(src ints) ints { return stream.MergePreferred(source.Of(-1, -2), src) })
		}, Unordered: true},
		"Drainable": {New: func() flow { return wrap(stream.Drainable[int]) }, ReadAhead: 1},
		"Concat, second": {New: func() flow {
			return wrap(func(src ints) ints { return stream.Concat(source.Of(1), src) })
		}, ReadAhead: 1},
		"Interleave, second": {New: func() flow {
			return wrap(func(src ints) ints { return stream.Interleave(2, source.Of(7), src) })
		}},
		"Pipelines of many": {New: func() flow {
			many := func(n int) stream.Flow[int, int] { return stream.Then(stream.Async[int](n), stream.Map(id)) }
			return wrap(func(src ints) ints {
				return stream.Via3(stream.Via3(stream.Via3(src, many(1), many(2), many(3)), many(1), many(2),
					stream.Then(many(3), many(4))), many(1), stream.Then(many(2), many(3)),
					stream.Then(many(4), many(5)))
			})
		}},
		"SuperviseTo, some dead": {New: func() flow {
			return stream.SuperviseTo(2, func(_ context.Context, n int) (int, error) {
				if n%3 == 1 {
					return 0, stream.Mark(errBoom, stream.Data)
				}
				return n, nil
			}, sink.Discard[stream.DeadLetter[int]](), nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f.In = id
			streamtest.TestFlow(t, f)
		})
	}
}

func TestContractOfMonitorBytes(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New: func() stream.Flow[[]byte, []byte] { return stream.MonitorBytes(new(stream.Stats)) },
		In:  func(i int) []byte { return []byte{byte(i), byte(i >> 8)} },
		Bad: []stream.Flow[[]byte, []byte]{stream.MonitorBytes(nil)},
	})
}

// The sinks of this package and its hubs, which are both sinks and sources, keep the contract.
func TestContractOfSinks(t *testing.T) {
	number := func(i int) int { return i }
	t.Run("StallTimeout", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, []int]{
			New: func() stream.Sink[int, []int] { return stream.StallTimeout(time.Hour, sink.Slice[int]()) },
			In:  number,
			Want: func(t *testing.T, in, got []int) {
				if !slices.Equal(in, got) {
					t.Errorf("%v of %v", got, in)
				}
			},
			Bad: []stream.Sink[int, []int]{
				stream.StallTimeout(0, sink.Slice[int]()),
				stream.StallTimeout[int, []int](1, nil),
			},
		})
	})
	t.Run("Unzip", func(t *testing.T) {
		type pair = stream.Pair[int, int]
		streamtest.TestSink(t, streamtest.Sink[pair, stream.Pair[[]int, []int]]{
			New: func() stream.Sink[pair, stream.Pair[[]int, []int]] {
				return stream.Unzip(sink.Slice[int](), sink.Slice[int]())
			},
			In: func(i int) pair { return pair{i, -i} },
			Want: func(t *testing.T, in []pair, got stream.Pair[[]int, []int]) {
				for i, p := range in {
					if got.First[i] != p.First || got.Second[i] != p.Second {
						t.Errorf("pair %d is %d, %d", i, got.First[i], got.Second[i])
					}
				}
			},
			Bad: []stream.Sink[pair, stream.Pair[[]int, []int]]{
				stream.Unzip[int, int, []int](nil, sink.Slice[int]()),
				stream.Unzip[int, int, []int, []int](sink.Slice[int](), nil),
			},
		})
	})
	t.Run("OnResult", func(t *testing.T) {
		none := func([]int) {}
		streamtest.TestSink(t, streamtest.Sink[int, []int]{
			New: func() stream.Sink[int, []int] { return stream.OnResult(sink.Slice[int](), none) },
			In:  number,
			Bad: []stream.Sink[int, []int]{
				stream.OnResult[int](nil, none), stream.OnResult(sink.Slice[int](), nil),
			},
		})
	})
	t.Run("Acknowledge", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, position]{
			New: func() stream.Sink[int, position] {
				return stream.Into(positions(),
					stream.Acknowledge[int](func(context.Context, int) error { return nil }))
			},
			In: number,
		})
	})
	t.Run("StoreBatches", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, stream.Stored[int]]{
			New: func() stream.Sink[int, stream.Stored[int]] {
				return stream.Into(positions(), stream.StoreBatches(
					func(context.Context, []int) error { return nil },
					func(context.Context, int) error { return nil },
					&stream.StoreOptions{MaxElements: 3, Parallelism: 2}))
			},
			In: number,
		})
	})
	t.Run("Into", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, []int]{
			New: func() stream.Sink[int, []int] { return stream.Into(stream.Async[int](3), sink.Slice[int]()) },
			In:  number,
		})
	})
	// The hub's sink, with a consumer that ends when the producer does.
	t.Run("MergeHub", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, int64]{
			New: func() stream.Sink[int, int64] {
				return stream.SinkFunc[int, int64](func(ctx context.Context, src stream.Source[int]) (int64, error) {
					hub := stream.NewMergeHub[int]()
					out := stream.Go(ctx, hub, sink.Discard[int]())
					defer func() { _, _ = out.Wait() }()
					defer hub.Close()
					return stream.Run(ctx, src, hub.Sink())
				})
			},
			In: number,
		})
	})
	t.Run("PartitionHub", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, int64]{
			New: func() stream.Sink[int, int64] {
				return stream.SinkFunc[int, int64](func(ctx context.Context, src stream.Source[int]) (int64, error) {
					hub := stream.NewPartitionHub(2, func(n, v int) int { return v % n })
					a, b := stream.Go(ctx, hub.Source(), sink.Discard[int]()),
						stream.Go(ctx, hub.Source(), sink.Discard[int]())
					defer func() { _, _ = a.Wait(); _, _ = b.Wait() }()
					return stream.Run(ctx, src, hub)
				})
			},
			In: number,
		})
	})
}

// The source of a hub keeps the contract.
func TestContractOfHubSources(t *testing.T) {
	t.Run("BroadcastHub", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[int]{
			New: func(n int) stream.Source[int] {
				return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
					hub := stream.NewBroadcastHub[int](2)
					g, ctx := stream.NewGroup(ctx)
					started := stream.Via(hub.Source(), stream.Map(func(n int) int { return n }))
					g.Go(func() error {
						_, err := stream.Run(ctx, count(n), hub)
						return err
					})
					return g.Do(func() error { return started.Each(ctx, emit) })
				})
			},
			// A consumer misses earlier elements; an early end leaves the producer waiting.
			Varies:  true,
			Stalled: func() stream.Source[int] { return stream.NewBroadcastHub[int](1).Source() },
			Bad: []stream.Source[int]{
				stream.NewBroadcastHub[int](0).Source(),
				stream.NewPartitionHub[int](1, nil).Source(),
			},
		})
	})
	t.Run("MergeHub", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[int]{
			New: func(n int) stream.Source[int] {
				return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
					hub := stream.NewMergeHub[int]()
					g, ctx := stream.NewGroup(ctx)
					g.Go(func() error {
						defer hub.Close()
						_, err := stream.Run(ctx, count(n), hub.Sink())
						if errors.Is(err, stream.ErrClosed) {
							err = nil // the consumer has ended and reports why
						}
						return err
					})
					return g.Do(func() error { return hub.Each(ctx, emit) })
				})
			},
			Stalled: func() stream.Source[int] { return stream.NewMergeHub[int]() },
		})
	})
}

// Stages that hold byte slices, pass them to another goroutine or send them to several receivers
// keep the ownership rule.
func TestContractOfOwnership(t *testing.T) {
	type (
		flow = stream.Flow[doc, doc]
		docs = stream.Source[doc]
	)
	same := stream.Map(func(d doc) doc { return d })
	// a receiver owns the element
	spoil := sink.ForEach(func(_ context.Context, d doc) error { clear(d[:cap(d)]); return nil })
	spoiled := stream.Map(func(d doc) doc { e := append(doc("x"), d...); clear(d[:cap(d)]); return e })
	join := func(a, b doc) doc { return append(a, b...) }
	for name, f := range map[string]streamtest.Flow[doc, doc]{
		"WireTap":   {New: func() flow { return stream.WireTap(spoil, nil) }},
		"DivertTo":  {New: func() flow { return stream.DivertTo(spoil, func(d doc) bool { return d[0]%2 == 1 }) }},
		"Broadcast": {New: func() flow { return stream.Broadcast(same, spoiled, same) }, Unordered: true},
		"Partition": {New: func() flow {
			return stream.Partition(func(d doc) int { return int(d[0] % 2) }, same, spoiled)
		}, Unordered: true},
		"Balance": {New: func() flow { return stream.Balance(same, same) }, Unordered: true},
		"GroupBy": {New: func() flow {
			return stream.GroupBy(9, func(d doc) byte { return d[0] % 3 }, func(byte) flow { return same }, nil)
		}, Unordered: true},
		"Buffer": {New: func() flow { return stream.Buffer[doc](1000, stream.OverflowFail) }},
		"DelayFunc": {New: func() flow {
			return stream.DelayFunc(func(d doc) time.Duration { return time.Duration(d[0]%3) * time.Millisecond })
		}},
		"Delay":     {New: func() flow { return stream.Delay[doc](time.Millisecond) }},
		"KeepAlive": {New: func() flow { return stream.KeepAlive(time.Hour, func() doc { return doc("alive") }) }},
		"Conflate":  {New: func() flow { return stream.Conflate(func(d doc) doc { return d }, join) }, Varies: true},
		"ConflateUpTo": {
			New:    func() flow { return stream.ConflateUpTo(9, nil, func(d doc) doc { return d }, join) },
			Varies: true,
		},
		"Expand": {New: func() flow {
			return stream.Expand(func(d doc) iter.Seq[doc] { return slices.Values([]doc{d}) })
		}, Varies: true},
		"Sliding":     {New: func() flow { return unbatch(stream.Sliding[doc](3, 3)) }},
		"BatchWithin": {New: func() flow { return unbatch(stream.BatchWithin[doc](3, time.Second)) }},
		"MapUnordered": {New: func() flow {
			return stream.MapUnordered(2, func(_ context.Context, d doc) (doc, error) { return d, nil })
		}, Unordered: true},
		"MapKeyed": {New: func() flow {
			return stream.MapKeyed(3, 1, func(d doc) byte { return d[0] % 2 },
				func(_ context.Context, d doc) (doc, error) { return d, nil })
		}},
		"FlatMapPrefix": {New: func() flow {
			return stream.FlatMapPrefix(2, func(context.Context, []doc) (flow, error) { return same, nil })
		}},
		"LazyFlow": {New: func() flow {
			return stream.LazyFlow(func(context.Context, doc) (flow, error) { return same, nil })
		}},
		"Throttle": {New: func() flow { return stream.Throttle(stream.NewLimiter(1000, 100), stream.ByteLen[doc]) }},
		"Log":      {New: func() flow { return stream.Log[doc](slog.New(slog.DiscardHandler), "docs", nil) }},
		"Measure":  {New: func() flow { return stream.Measure(new(stream.Stats), same) }},
		"MergePreferred": {New: func() flow {
			return stream.FlowFunc[doc, doc](func(src docs) docs { return stream.MergePreferred(src) })
		}},
		"Merge": {New: func() flow {
			return stream.FlowFunc[doc, doc](func(src docs) docs { return stream.Merge(src, source.Empty[doc]()) })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f.In = func(i int) doc { return doc{byte(i), byte(i >> 8)} }
			streamtest.TestFlow(t, f)
		})
	}
}
