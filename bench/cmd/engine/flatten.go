package main

import (
	"slices"

	"github.com/destel/rill"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/reugn/go-streams/flow"
	"github.com/samber/ro"
)

// slicesOfTen has numbers in slices of 10.
var slicesOfTen = slices.Collect(slices.Chunk(numbers, 10))

// flatten splits slices into their elements.
func flatten(java pekko.Peer) report.Case {
	return java.Join(report.Case{
		Name: "flatten", About: "slices of 10 → their elements → fold",
		Unit: "element", Units: len(numbers), Want: sum(numbers),
		Ours: report.Peer{Name: "millweir FlatMap", Run: func() (int64, error) {
			return ourSum(stream.Via(source.Slice(slicesOfTen), stream.FlatMap(itself)))
		}},
		Peers: []report.Peer{
			{Name: "plain loop", Run: flattenByHand},
			{Name: "samber/ro Flatten", Bar: report.Bar{Least: 3}, Run: func() (int64, error) {
				return roSum(ro.Pipe1(ro.FromSlice(slicesOfTen), ro.Flatten[int]()))
			}},
			{Name: "destel/rill Unbatch", Bar: report.Bar{Least: 3}, Run: func() (int64, error) {
				return rillSum(rill.Unbatch(rill.FromSlice(slicesOfTen, nil)))
			}},
			{Name: "reugn/go-streams Flatten", Bar: report.Bar{Least: 3}, Run: func() (int64, error) {
				return goStreamsSum(goStreamsFrom(slicesOfTen).Via(flow.Flatten[int](1)))
			}},
		},
	}, pekko.Job{Bar: report.Bar{Least: 3}})
}

func itself(xs []int) []int { return xs }

func flattenByHand() (int64, error) {
	add := add
	var total int
	for _, xs := range slicesOfTen {
		for _, v := range xs {
			total = add(total, v)
		}
	}
	return int64(total), nil
}
