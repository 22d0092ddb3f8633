package main

import "github.com/millweir/millweir/bench/internal/report"

// starts is how many runs are started in one.
const starts = 100

// startUp is a pipeline built and run for a single element.
func startUp(jvm jvm) report.Case {
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
	return jvm.join(report.Case{
		Name: "start-up", About: "slice of one → map → filter → map → fold, built and run",
		Unit: "run", Units: starts, Want: starts * 3 * 2,
		Ours:   report.Peer{Name: "millweir", Run: each(ourChain)},
		Limits: []report.Limit{{Max: 1000, Goal: 200}},
		Peers: []report.Peer{
			{Name: "samber/ro", Run: each(roChain)},
			{Name: "destel/rill", Run: each(rillChain)},
			{Name: "reugn/go-streams", Run: each(goStreamsChain)},
		},
	}, 0, report.Bar{})
}
