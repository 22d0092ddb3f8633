// Scale measures what an element costs when there is much more of something: keys, sources,
// consumers, callers, calls. Each case runs at n, 10 n and 100 n or so; the largest is compared
// with the smaller ones. A ratio of 1 means that the cost is flat.
//
//	go run ./bench/cmd/scale [-quick] [-json] [-svg DIR] [-case REGEXP] [-rounds N]
package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/millweir/millweir/bench/internal/report"
)

func main() {
	if len(os.Args) > 2 {
		switch role := os.Args[1]; role {
		case serverRole, backupsRole, tenantsRole:
			if err := play(context.Background(), role, os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	report.Suite{
		Command: "go run ./bench/cmd/scale",
		Cases: func(quick bool) ([]report.Case, error) {
			if quick {
				return cases(quickly), nil
			}
			return cases(fully), nil
		},
		Quick: report.Options{Rounds: 1},
		Full:  report.Options{Rounds: 7},
	}.Main()
}

// effort is the share of the elements of a full measurement.
type effort float64

const (
	fully   effort = 1
	quickly effort = 0.1
	briefly effort = 0.001 // in a test
)

// of returns the number of elements, at least one for each of n.
func (e effort) of(elements, n int) int { return max(int(float64(elements)*float64(e)), n) }

// sizes returns the sizes of a case. A test has only small ones.
func (e effort) sizes(all ...int) []int {
	if e == briefly {
		return []int{3, 10, 30}
	}
	return all
}

// cases returns all cases, in the order of the report. Those that start processes come first: a new
// process begins with the peak memory of the one that starts it.
func cases(e effort) []report.Case {
	return slices.Concat(
		[]report.Case{startup(e), backups(e), tenants(e)},
		groupBy(e), []report.Case{mergeIdle(e)}, mergeSorted(e), mergeSequence(e), broadcastHub(e),
		[]report.Case{
			partitionHub(e),
			throttleRate(e), limiterShared(e), limiterCancelled(e), budgetShared(e), budgetRuns(e),
			mapParallel(e), sliding(e),
		},
	)
}
