package main

import (
	"sync"

	"github.com/destel/rill"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/reugn/go-streams/flow"
	"github.com/samber/ro"
)

// broadcast sends every element through two branches and merges their outputs.
func broadcast(java pekko.Peer) report.Case {
	return java.Join(report.Case{
		Name: "broadcast", About: "slice → to two maps at once → merge → fold",
		Unit: "element", Units: len(numbers), Want: 4*sum(numbers) + int64(len(numbers)),
		Ours: report.Peer{Name: "millweir Broadcast", Run: func() (int64, error) {
			return ourSum(stream.Via(source.Slice(numbers),
				stream.Broadcast(stream.Map(addOne), stream.Map(timesThree))))
		}},
		Peers: []report.Peer{
			{Name: "samber/ro Connectable, Merge", Run: roBroadcast, Bar: report.Bar{Least: 3}},
			{Name: "destel/rill Map, Merge", Run: rillBroadcast, Bar: report.Bar{Least: 3}},
			{Name: "reugn/go-streams FanOut, Merge", Run: goStreamsBroadcast, Bar: report.Bar{Least: 3}},
			{Name: "channels", Run: channelBroadcast},
		},
	}, pekko.Job{Bar: report.Bar{Least: 3}})
}

// roBroadcast runs on one goroutine: a connectable observable begins when both branches have
// subscribed.
func roBroadcast() (total int64, failed error) {
	shared := ro.Connectable(ro.FromSlice(numbers))
	ro.Merge(ro.Pipe1(shared, ro.Map(addOne)), ro.Pipe1(shared, ro.Map(timesThree))).Subscribe(ro.NewObserver(
		func(v int) { total = int64(add(int(total), v)) },
		func(err error) { failed = err },
		func() {},
	))
	shared.Connect()
	return total, failed
}

// rillBroadcast copies by hand, because rill has no broadcast.
func rillBroadcast() (int64, error) {
	a, b := make(chan rill.Try[int], ahead), make(chan rill.Try[int], ahead)
	go func() {
		defer close(a)
		defer close(b)
		for v := range rill.FromSlice(numbers, nil) {
			a <- v
			b <- v
		}
	}()
	return rillSum(rill.Merge(
		rill.Map(a, 1, func(v int) (int, error) { return addOne(v), nil }),
		rill.Map(b, 1, func(v int) (int, error) { return timesThree(v), nil }),
	))
}

func goStreamsBroadcast() (int64, error) {
	fan := flow.FanOut(goStreamsFrom(numbers), 2)
	return goStreamsSum(flow.Merge(fan[0].Via(flow.NewMap(addOne, 1)), fan[1].Via(flow.NewMap(timesThree, 1))))
}

func channelBroadcast() (int64, error) {
	a, b, out := make(chan int, ahead), make(chan int, ahead), make(chan int, ahead)
	go func() {
		defer close(a)
		defer close(b)
		for _, v := range numbers {
			a <- v
			b <- v
		}
	}()
	var wg sync.WaitGroup
	branch := func(in <-chan int, f func(int) int) {
		wg.Go(func() {
			for v := range in {
				out <- f(v)
			}
		})
	}
	branch(a, addOne)
	branch(b, timesThree)
	go func() {
		wg.Wait()
		close(out)
	}()
	return receive(out)
}
