package stream_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// lateSink returns a sink that its run opens with the first element.
func lateSink(s stream.Sink[int, int64]) stream.Sink[int, int64] {
	return sink.Lazy(func(context.Context, int) (stream.Sink[int, int64], error) { return s, nil })
}

// A producer that holds bytes and waits at its hub for a consumer does not keep them from a run that
// reads the hub only after it has got its own.
func TestBudgetOfAHubReadLater(t *testing.T) {
	for name, others := range map[string]int{"alone": 0, "after other runs": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTill(t, 10)
				hub := stream.NewBroadcastHub[int](1)
				producer := stream.Go(l.ctx, stream.Via(count(20), needing(eight)), hub)
				synctest.Wait()
				l.used(8)
				var runs []*stream.Running[int64]
				for range others {
					runs = append(runs, stream.Go(l.ctx, stream.Via(count(3), needing(eight)), sink.Discard[int]()))
				}
				first := stream.Via(count(3), needing(eight))
				runs = append(runs, stream.Go(l.ctx, stream.Concat(first, hub.Source()), sink.Discard[int]()))
				l.wait(append(runs, producer)...)
				l.used(0)
			})
		})
	}
}

// The producer of a hub may wait for a late consumer through a run between them.
func TestBudgetOfHubsInARowReadLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		one, two := stream.NewMergeHub[int](), stream.NewBroadcastHub[int](1)
		middle := stream.Go(l.ctx, one, two)
		producer := stream.Go(l.ctx, stream.Via(count(20), needing(eight)), one.Sink())
		synctest.Wait()
		l.used(8)
		first := stream.Via(count(3), needing(eight))
		reader := stream.Go(l.ctx, stream.Concat(first, two.Source()), sink.Discard[int]())
		l.wait(producer)
		one.Close()
		l.wait(middle, reader)
		l.used(0)
	})
}

// A consumer that holds bytes and waits at its hub for a producer does not keep them from a run that
// fills the hub only after it has got its own.
func TestBudgetOfAHubFilledLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		hub := stream.NewMergeHub[int]()
		consumer := stream.Go(l.ctx, stream.Via(hub, needing(eight)), sink.Discard[int]())
		for range 3 {
			producer := stream.Go(l.ctx, stream.Via(count(3), needing(eight)), lateSink(hub.Sink()))
			l.wait(producer)
			l.used(8)
		}
		hub.Close()
		l.wait(consumer)
		l.used(0)
	})
}

// While another run holds bytes that it will give back, a run waits for them, although a hub has no
// consumer.
func TestBudgetOfAHubWithoutConsumersIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		hub := stream.NewBroadcastHub[int](1)
		producer := stream.Go(l.ctx, stream.Via(count(20), needing(stream.Need{Stage: "test", Min: 2})), hub)
		synctest.Wait()
		other, next := l.run(8, 0), l.run(8, 0)
		l.take("other", other, 8)
		l.take("next", next, 8)
		l.served("other")
		l.used(10)
		other.Close()
		l.served("next")
		reader := stream.Go(l.ctx, hub.Source(), sink.Discard[int]())
		l.wait(producer, reader)
		next.Close()
		l.used(0)
	})
}

// A run waits at two hubs for the runs on their other sides. One of these holds all bytes when it
// joins its hub, so the other one must get its own.
func TestBudgetOfTwoHubsJoinedLater(t *testing.T) {
	late := func(l *till, src stream.Source[int], s stream.Sink[int, int64]) *stream.Running[int64] {
		return stream.Go(l.ctx, stream.Via(src, keeping(stream.Need{Stage: "test", Min: 60})), s)
	}
	t.Run("readers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newTill(t, 100)
			one, two := stream.NewBroadcastHub[int](1), stream.NewBroadcastHub[int](1)
			producer := stream.Go(l.ctx, stream.Via(count(20), stream.AlsoTo(two)), one)
			first, join := held(3)
			holds := late(l, stream.Concat(first, two.Source()), sink.Discard[int]())
			synctest.Wait()
			waits := late(l, stream.Concat(count(3), one.Source()), sink.Discard[int]())
			synctest.Wait()
			l.used(60)
			join()
			l.wait(producer, holds, waits)
			l.used(0)
		})
	})
	t.Run("writers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newTill(t, 100)
			one, two := stream.NewMergeHub[int](), stream.NewMergeHub[int]()
			ahead := stream.Via(stream.Concat(count(1), one), stream.Async[int](1)) // waits at one early
			both := stream.Zip(stream.Concat(count(1), two), ahead)
			consumer := stream.Go(l.ctx, both, sink.Discard[stream.Pair[int, int]]())
			first, join := held(3)
			rest := stream.Into(stream.Skip[int](3), lateSink(two.Sink()))
			holds := late(l, stream.Concat(first, count(3)), rest)
			synctest.Wait()
			waits := late(l, count(3), lateSink(one.Sink()))
			synctest.Wait()
			l.used(60)
			join()
			l.wait(holds, waits)
			one.Close()
			two.Close()
			l.wait(consumer)
			l.used(0)
		})
	})
}

// keeping returns a flow that takes what it needs with its first element, and keeps it.
func keeping(need stream.Need) stream.Flow[int, int] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		a := stream.OpenAccount(ctx, need)
		defer a.Close()
		wanted := need.Min
		return src.Each(ctx, func(n int) error {
			if err := a.Acquire(ctx, wanted); err != nil {
				return err
			}
			wanted = 0
			return emit(n)
		})
	})
}

// held returns a source of n elements that ends when end is called.
func held(n int) (src stream.Source[int], end func()) {
	ended := make(chan struct{})
	return stream.Concat(count(n), stream.SourceFunc[int](func(context.Context, func(int) error) error {
		<-ended
		return nil
	})), func() { close(ended) }
}
