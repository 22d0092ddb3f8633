package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

type numbered = stream.Envelope[int, int]

// number puts each element into an envelope with itself as the context.
func number() stream.Flow[int, numbered] {
	return stream.Map(func(n int) numbered { return numbered{Value: n, Context: n} })
}

// An element keeps its context in flows that emit their output before they return from taking it.
func TestCarryKeepsContexts(t *testing.T) {
	try := func(_ context.Context, n int) (int, error) { return n, nil }
	for name, flow := range map[string]stream.Flow[int, int]{
		"Map":       stream.Map(func(n int) int { return n }),
		"Filter":    stream.Filter(func(n int) bool { return n%3 > 0 }),
		"FlatMap":   stream.FlatMap(func(n int) []int { return []int{n, n, n} }),
		"ConcatMap": stream.ConcatMap(func(n int) stream.Source[int] { return source.Of(n, n) }),
		"inner goroutines": stream.ConcatMap(func(n int) stream.Source[int] {
			return stream.Via(source.Of(n, n), stream.MapParallel(4, try))
		}),
		"AlsoTo":  stream.AlsoTo(sink.Discard[int]()),
		"Until":   stream.Until[int](make(chan struct{})),
		"TakeFor": stream.TakeFor[int](time.Hour),
		"Take":    stream.Take[int](5),
		"LazyFlow": stream.LazyFlow(func(context.Context, int) (stream.Flow[int, int], error) {
			return stream.Filter(func(int) bool { return true }), nil
		}),
		"SplitWhen": stream.Then(stream.SplitWhen(func(n int) bool { return n%3 == 0 }),
			stream.ConcatMap(func(s stream.Source[int]) stream.Source[int] { return s })),
		"Supervise": stream.Supervise(1, try, func(context.Context, stream.DeadLetter[int]) error { return nil }, nil),
		"in another": stream.Then(number(),
			stream.Then(stream.Carry[int](stream.TryMap(try)), stream.Map(func(e numbered) int { return e.Context }))),
	} {
		src := stream.Via3(count(100), number(), stream.Carry[int](flow), stream.Async[numbered](3))
		got, err := stream.Run(t.Context(), src, sink.Slice[numbered]())
		if err != nil || len(got) < 5 {
			t.Errorf("%s: %d elements, %v", name, len(got), err)
		}
		for _, e := range got {
			if e.Value != e.Context {
				t.Errorf("%s: %d has the context of %d", name, e.Value, e.Context)
				break
			}
		}
	}
}

// A flow that holds elements back, or works on other goroutines, is refused before its first
// element.
func TestCarryRefuses(t *testing.T) {
	try := func(_ context.Context, n int) (int, error) { return n, nil }
	list := func(n int) []int { return []int{n} }
	add := func(ns []int, n int) []int { return append(ns, n) }
	same := stream.Map(func(n int) int { return n })
	for name, flow := range map[string]stream.Flow[int, int]{
		"Async":            stream.Async[int](4),
		"AsyncBytes":       stream.AsyncBytes(100, func(int) int { return 1 }),
		"MapParallel":      stream.MapParallel(4, try),
		"MapParallel, one": stream.MapParallel(1, try),
		"MapUnordered":     stream.MapUnordered(4, try),
		"MapKeyed":         stream.MapKeyed(4, 1, func(n int) int { return n }, try),
		"MergeMap":         stream.MergeMap(2, func(n int) stream.Source[int] { return source.Of(n) }),
		"Balance":          stream.Balance(same, same),
		"Broadcast":        stream.Broadcast(same, same),
		"GroupBy": stream.GroupBy(1000, func(n int) int { return n },
			func(int) stream.Flow[int, int] { return same }, nil),
		"Batch":       unbatch(stream.Batch[int](3)),
		"Batch, full": unbatch(stream.Batch[int](1)),
		"BatchBytes":  unbatch(stream.BatchBytes(3, func(int) int { return 2 })),
		"BatchWithin": unbatch(stream.BatchWithin[int](3, time.Second)),
		"Aggregate": unbatch(stream.Aggregate(func() []int { return nil }, func(ns []int, n int) ([]int, bool, error) {
			return append(ns, n), len(ns) > 2, nil
		}, func(ns []int) []int { return ns }, 0)),
		"Sliding":   unbatch(stream.Sliding[int](2, 2)),
		"Conflate":  unbatch(stream.Conflate(list, add)),
		"Buffer":    stream.Buffer[int](1000, stream.OverflowFail),
		"Delay":     stream.Delay[int](1),
		"KeepAlive": stream.KeepAlive(time.Hour, func() int { return 0 }),
		"Prefix": stream.FlatMapPrefix(2, func(context.Context, []int) (stream.Flow[int, int], error) {
			return same, nil
		}),
		"ResultOf":    unbatch(stream.ResultOf(sink.Slice[int]())),
		"RestartFlow": stream.RestartFlow(100, same, func(in, out int) bool { return in == out }, nil),
		"RestartSink": unbatch(stream.RestartSink(3, sink.Slice[int](), nil)),
		"the last":    stream.Then(same, stream.Async[int](1)),
		"the first":   stream.Then(stream.Async[int](1), same),
	} {
		src := stream.Via2(count(100), number(), stream.Carry[int](flow))
		got, err := stream.Run(t.Context(), src, sink.Slice[numbered]())
		if err == nil || len(got) > 0 {
			t.Errorf("%s: %d elements, %v", name, len(got), err)
		}
	}
}

// A flow from outside the library is refused as soon as it holds an element back.
func TestCarryRefusesForeignFlows(t *testing.T) {
	onGoroutine := stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		ctx, cancel := context.WithCancelCause(ctx)
		ch, done := make(chan int), make(chan error, 1)
		go func() {
			defer close(ch)
			done <- src.Each(ctx, func(n int) error {
				select {
				case ch <- n:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
		}()
		for n := range ch {
			if err := emit(n); err != nil {
				cancel(err)
				return errors.Join(err, <-done)
			}
		}
		cancel(nil)
		return <-done
	})
	// late lags by one element.
	late := stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
		return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
			held, some := 0, false
			err := src.Each(ctx, func(n int) (err error) {
				if some {
					err = emit(held)
				}
				held, some = n, true
				return err
			})
			if err != nil {
				return err
			}
			return emit(held)
		})
	})
	first := stream.FlowFunc[int, int](
		func(src stream.Source[int]) stream.Source[int] { return stream.Concat(source.Of(-1), src) })
	for name, flow := range map[string]stream.Flow[int, int]{
		"on a goroutine": onGoroutine,
		"late":           late, "first": first,
	} {
		for _, pauses := range []time.Duration{0, time.Second} {
			synctest.Test(t, func(t *testing.T) {
				// The downstream is slow: a faster one may leave Carry no chance to see the
				// goroutine.
				src := stream.Via3(count(5), pause(pauses), number(), stream.Carry[int](flow))
				slow := sink.ForEach(func(context.Context, numbered) error { time.Sleep(time.Second); return nil })
				if _, err := stream.Run(t.Context(), src, slow); err == nil {
					t.Errorf("%s, with pauses of %v: no error", name, pauses)
				}
			})
		}
	}
}
