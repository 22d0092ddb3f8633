package main

import (
	"context"
	"time"

	"github.com/destel/rill"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
	"github.com/samber/ro"
)

// trips is the number of round trips of asyncIdle.
const trips = 5_000

// asyncIdle is an async boundary with a source that emits an element only after the consumer has
// received the last one. If a stage held back an element for a batch, the run would deadlock and
// fail.
func asyncIdle() report.Case {
	return report.Case{
		Name: "async-idle", About: "the same boundary, one element at a time: the source waits until it has arrived",
		Unit: "element", Units: trips, Want: sum(numbers[:trips]), By: report.Wall,
		Ours: report.Peer{Name: "millweir", Run: ourTrips},
		Peers: []report.Peer{
			{Name: "samber/ro ObserveOn", Run: roTrips},
			{Name: "destel/rill Buffer", Run: rillTrips},
			{Name: "channel", Run: channelTrips},
		},
	}
}

func ourTrips() (int64, error) {
	ctx, cancel := context.WithTimeout(background, 10*time.Second)
	defer cancel()
	arrived := make(chan struct{})
	src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for _, v := range numbers[:trips] {
			if err := emit(v); err != nil {
				return err
			}
			select {
			case <-arrived:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	total, err := stream.Run(ctx, stream.Via(src, stream.Async[int](ahead)), sink.Fold(0, func(sum, v int) int {
		arrived <- struct{}{}
		return sum + v
	}))
	return int64(total), err
}

func roTrips() (int64, error) {
	arrived := make(chan struct{})
	src := ro.NewUnsafeObservable(func(o ro.Observer[int]) ro.Teardown {
		for _, v := range numbers[:trips] {
			o.Next(v)
			<-arrived
		}
		o.Complete()
		return nil
	})
	return roSum(ro.Pipe2(src, ro.ObserveOn[int](ahead), ro.Map(func(v int) int {
		arrived <- struct{}{}
		return v
	})))
}

func rillTrips() (int64, error) {
	arrived := make(chan struct{})
	src := rill.Generate(func(send func(int), _ func(error)) {
		for _, v := range numbers[:trips] {
			send(v)
			<-arrived
		}
	})
	var total int64
	err := rill.ForEach(rill.Buffer(src, ahead), 1, func(v int) error {
		arrived <- struct{}{}
		total += int64(v)
		return nil
	})
	return total, err
}

func channelTrips() (int64, error) {
	arrived := make(chan struct{})
	out := make(chan int, ahead)
	go func() {
		defer close(out)
		for _, v := range numbers[:trips] {
			out <- v
			<-arrived
		}
	}()
	var total int64
	for v := range out {
		arrived <- struct{}{}
		total += int64(v)
	}
	return total, nil
}
