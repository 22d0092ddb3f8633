package main

import (
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
)

// starts is the number of pipelines that one run starts.
const starts = 100

// throughChannel is the smallest pipeline of goroutines: one sender and one receiver.
func throughChannel(xs []int) (total int64, _ error) {
	for v := range send(xs) {
		if v = addOne(v); keep(v) {
			total += int64(timesThree(v))
		}
	}
	return total, nil
}

// startUp builds and runs a pipeline for a single element.
func startUp(java pekko.Peer) report.Case {
	one := []int{1}
	each := func(run func([]int) (int64, error)) func() (int64, error) {
		return func() (total int64, _ error) {
			for range starts {
				n, err := run(one)
				if err != nil {
					return 0, err
				}
				total += n
			}
			return total, nil
		}
	}
	return java.Join(report.Case{
		Name: "start-up", About: "slice of one → map → filter → map → fold, built and run",
		Unit: "run", Units: starts, Want: starts * 3 * 2,
		Ours: report.Peer{Name: "millweir", Run: each(ourChain)},
		Peers: []report.Peer{
			{Name: "a goroutine and a channel", Run: each(throughChannel), Bar: report.Bar{Least: 1}},
			{Name: "samber/ro", Run: each(roChain)},
			{Name: "destel/rill", Run: each(rillChain)},
			{Name: "reugn/go-streams", Run: each(goStreamsChain)},
		},
	}, pekko.Job{})
}
