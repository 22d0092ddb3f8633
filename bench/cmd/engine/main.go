// Engine compares the operators of millweir with those of samber/ro, destel/rill, reugn/go-streams,
// sourcegraph/conc, the standard library, channels and loops written by hand, and Pekko Streams if
// Maven and Java are installed.
//
//	go run ./bench/cmd/engine [-quick] [-json] [-svg DIR] [-case REGEXP] [-rounds N]
//
// Each case has its own file with all competitors. Each competitor is written as its documentation
// shows, with its best settings and its cheapest sink. The description of a case applies to all of
// them, and a check value shows that all did the same work.
package main

import (
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
)

func main() {
	report.Suite{
		Command: "go run ./bench/cmd/engine",
		Cases: func(quick bool) ([]report.Case, error) {
			warm := 6 * time.Second
			if quick {
				warm = 800 * time.Millisecond
			}
			return cases(pekko.StartPeer(warm, makeJSONLines(framingBytes)), framingBytes), nil
		},
		Quick: report.Options{Rounds: 5, Target: 12 * time.Millisecond},
		Full:  report.Options{Rounds: 15, Target: 150 * time.Millisecond},
	}.Main()
}

// cases returns all cases, in the order of the report.
func cases(java pekko.Peer, framed int) []report.Case {
	return []report.Case{
		fusedChain(java),
		asyncBoundary(java),
		asyncMapped(),
		asyncIdle(),
		orderedMap(java),
		orderedMapWall(java),
		orderedMapNothing(java),
		batch(java),
		flatten(java),
		broadcast(java),
		merge(java),
		startUp(java),
		lines(java, framed),
		linesKept(java, framed),
		jsonObjects(java, framed),
		monitor(),
		monitorChunks(),
		cancelled(),
	}
}
