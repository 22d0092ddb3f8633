package main

import (
	"github.com/destel/rill"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/reugn/go-streams/flow"
	"github.com/samber/ro"
)

// fusedChain runs four stages without buffers between them.
func fusedChain(java pekko.Peer) report.Case {
	want, _ := chainByHand()
	return java.Join(report.Case{
		Name: "fused-chain", About: "slice → map → filter (3 of 4) → map → fold",
		Unit: "element", Units: len(numbers), Want: want,
		Ours:   report.Peer{Name: "millweir", Run: func() (int64, error) { return ourChain(numbers) }},
		Limits: []report.Limit{{Metric: report.Allocs, Max: 0.001}}, // a run allocates, an element does not
		Peers: []report.Peer{
			{Name: "plain loop, same functions", Run: chainByHand, Bar: report.Bar{Least: 1 / 3.0, Goal: 1 / 2.2}},
			{Name: "samber/ro", Run: func() (int64, error) { return roChain(numbers) }, Bar: report.Bar{Least: 9}},
			{Name: "destel/rill", Run: func() (int64, error) { return rillChain(numbers) }, Bar: report.Bar{Least: 40}},
			{
				Name: "reugn/go-streams", Run: func() (int64, error) { return goStreamsChain(numbers) },
				Bar: report.Bar{Least: 80},
			},
			{Name: "channel a stage", Run: chainOfChannels},
		},
	}, pekko.Job{Bar: report.Bar{Least: 6}})
}

func ourChain(xs []int) (int64, error) {
	return ourSum(stream.Via3(source.Slice(xs), stream.Map(addOne), stream.Filter(keep), stream.Map(timesThree)))
}

func chainByHand() (int64, error) {
	addOne, keep, timesThree, add := addOne, keep, timesThree, add
	var total int
	for _, v := range numbers {
		if v = addOne(v); keep(v) {
			total = add(total, timesThree(v))
		}
	}
	return int64(total), nil
}

func roChain(xs []int) (int64, error) {
	return roSum(ro.Pipe3(ro.FromSlice(xs), ro.Map(addOne), ro.Filter(keep), ro.Map(timesThree)))
}

func rillChain(xs []int) (int64, error) {
	from := rill.FromSlice(xs, nil)
	up := rill.Map(from, 1, func(v int) (int, error) { return addOne(v), nil })
	kept := rill.Filter(up, 1, func(v int) (bool, error) { return keep(v), nil })
	return rillSum(rill.Map(kept, 1, func(v int) (int, error) { return timesThree(v), nil }))
}

func goStreamsChain(xs []int) (int64, error) {
	return goStreamsSum(goStreamsFrom(xs).
		Via(flow.NewMap(addOne, 1)).
		Via(flow.NewFilter(keep, 1)).
		Via(flow.NewMap(timesThree, 1)))
}

func chainOfChannels() (int64, error) {
	up := stage(send(numbers), addOne)
	kept := make(chan int, ahead)
	go func() {
		defer close(kept)
		for v := range up {
			if keep(v) {
				kept <- v
			}
		}
	}()
	return receive(stage(kept, timesThree))
}
