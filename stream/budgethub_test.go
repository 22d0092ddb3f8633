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
	return sink.Defer(func(context.Context) (stream.Sink[int, int64], error) { return s, nil })
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
