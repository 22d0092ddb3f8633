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
	"errors"
	"fmt"
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
			return cases(startJVM(warm), framingBytes), nil
		},
		Quick: report.Options{Rounds: 5, Target: 12 * time.Millisecond},
		Full:  report.Options{Rounds: 15, Target: 150 * time.Millisecond},
	}.Main()
}

// cases returns all cases, in the order of the report.
func cases(jvm jvm, framed int) []report.Case {
	return []report.Case{
		fusedChain(jvm),
		asyncBoundary(jvm),
		asyncMapped(),
		asyncIdle(),
		orderedMap(jvm),
		orderedMapWall(jvm),
		orderedMapNothing(jvm),
		batch(jvm),
		flatten(jvm),
		broadcast(jvm),
		merge(jvm),
		startUp(jvm),
		lines(jvm, framed),
		linesKept(jvm, framed),
		jsonObjects(jvm, framed),
		monitor(),
		monitorChunks(),
		cancelled(),
	}
}

// jvm is Pekko Streams, or the reason why it is missing.
type jvm struct {
	*pekko.JVM
	absent string
}

func startJVM(warm time.Duration) jvm {
	p, err := pekko.Start(warm, makeJSONLines(framingBytes))
	switch {
	case errors.Is(err, pekko.ErrMissing):
		return jvm{absent: fmt.Sprintf("Pekko Streams, for %v", err)}
	case err != nil:
		return jvm{absent: fmt.Sprintf("Pekko Streams, which failed: %v", err)}
	}
	return jvm{JVM: p}
}

// join adds Pekko Streams to the peers of c. Its job has the name of the case and the argument arg.
func (j jvm) join(c report.Case, arg int, bar report.Bar) report.Case {
	if j.JVM == nil {
		c.Absent = append(c.Absent, j.absent)
		return c
	}
	c.Peers = append(c.Peers, report.Peer{Name: "Pekko Streams", Work: j.Work(c.Name, c.Units, arg, c.Want), Bar: bar})
	return c
}
