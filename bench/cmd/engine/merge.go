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

// merge runs two sources concurrently and merges their elements in order of arrival.
func merge(java pekko.Peer) report.Case {
	a, b := numbers[:len(numbers)/2], numbers[len(numbers)/2:]
	return java.Join(report.Case{
		Name: "merge", About: "two slices at once → merge → fold",
		Unit: "element", Units: len(numbers), Want: sum(numbers),
		Ours: report.Peer{Name: "millweir Merge", Run: func() (int64, error) {
			return ourSum(stream.Merge(source.Slice(a), source.Slice(b)))
		}},
		Peers: []report.Peer{
			{Name: "samber/ro Merge", Bar: report.Bar{Least: 3}, Run: func() (int64, error) {
				return roSum(ro.Merge(roOnGoroutine(a), roOnGoroutine(b)))
			}},
			{Name: "destel/rill Merge", Bar: report.Bar{Least: 3}, Run: func() (int64, error) {
				return rillSum(rill.Merge(rill.FromSlice(a, nil), rill.FromSlice(b, nil)))
			}},
			{Name: "reugn/go-streams Merge", Bar: report.Bar{Least: 3}, Run: func() (int64, error) {
				return goStreamsSum(flow.Merge(
					goStreamsFrom(a).Via(flow.NewPassThrough()), // it merges flows only
					goStreamsFrom(b).Via(flow.NewPassThrough()),
				))
			}},
			{Name: "channel", Run: func() (int64, error) { return mergeByChannel(a, b) }},
		},
	}, pekko.Job{Bar: report.Bar{Least: 3}})
}

func mergeByChannel(parts ...[]int) (int64, error) {
	out := make(chan int, ahead)
	var wg sync.WaitGroup
	for _, xs := range parts {
		wg.Go(func() {
			for _, v := range xs {
				out <- v
			}
		})
	}
	go func() {
		wg.Wait()
		close(out)
	}()
	return receive(out)
}
