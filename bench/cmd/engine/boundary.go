package main

import (
	"context"

	"github.com/destel/rill"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/reugn/go-streams/flow"
	"github.com/samber/ro"
)

// asyncBoundary runs a source on one goroutine and a fold on another, with 64 elements between
// them.
func asyncBoundary(java pekko.Peer) report.Case {
	return java.Join(report.Case{
		Name: "async-boundary", About: "slice → async, 64 elements ahead → fold",
		Unit: "element", Units: len(numbers), Want: sum(numbers),
		Ours: report.Peer{Name: "millweir", Run: func() (int64, error) {
			return ourSum(stream.Via(source.Slice(numbers), stream.Async[int](ahead)))
		}},
		Peers: []report.Peer{
			{Name: "samber/ro ObserveOn", Bar: report.Bar{Least: 6}, Run: func() (int64, error) {
				return roSum(ro.Pipe1(ro.FromSlice(numbers), ro.ObserveOn[int](ahead)))
			}},
			{Name: "destel/rill Buffer", Bar: report.Bar{Least: 12}, Run: func() (int64, error) {
				return rillSum(rill.Buffer(rill.FromSlice(numbers, nil), ahead))
			}},
			{Name: "reugn/go-streams PassThrough", Run: func() (int64, error) {
				return goStreamsSum(goStreamsFrom(numbers).Via(flow.NewPassThrough()))
			}},
			{Name: "channel", Run: func() (int64, error) { return receive(send(numbers)) }},
			{Name: "channel, select with a context", Run: selectingChannel},
		},
	}, pekko.Job{Bar: report.Bar{Least: 15}})
}

// asyncMapped is asyncBoundary for a source whose elements come one by one from a function.
func asyncMapped() report.Case {
	return report.Case{
		Name: "async-mapped", About: "slice → map → async, 64 elements ahead → fold",
		Unit: "element", Units: len(numbers), Want: sum(numbers) + int64(len(numbers)),
		Ours: report.Peer{Name: "millweir", Run: func() (int64, error) {
			return ourSum(stream.Via2(source.Slice(numbers), stream.Map(addOne), stream.Async[int](ahead)))
		}},
		Peers: []report.Peer{
			{Name: "samber/ro ObserveOn", Run: func() (int64, error) {
				return roSum(ro.Pipe2(ro.FromSlice(numbers), ro.Map(addOne), ro.ObserveOn[int](ahead)))
			}},
			{Name: "destel/rill Map, Buffer", Run: func() (int64, error) {
				return rillSum(rill.Buffer(rill.Map(rill.FromSlice(numbers, nil), 1,
					func(v int) (int, error) { return addOne(v), nil }), ahead))
			}},
			{Name: "channel", Run: func() (int64, error) {
				out := make(chan int, ahead)
				go func() {
					defer close(out)
					for _, v := range numbers {
						out <- addOne(v)
					}
				}()
				return receive(out)
			}},
		},
	}
}

// selectingChannel is a channel with a sender that can be cancelled, as ours can.
func selectingChannel() (int64, error) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	out := make(chan int, ahead)
	go func() {
		defer close(out)
		for _, v := range numbers {
			select {
			case out <- v:
			case <-ctx.Done():
				return
			}
		}
	}()
	return receive(out)
}
