// Engine measures the operators of millweir beside those of other libraries: samber/ro,
// destel/rill, reugn/go-streams, sourcegraph/conc, the standard library, channels and loops written
// by hand, and, where Maven and Java are installed, Pekko Streams.
//
//	go run ./bench/cmd/engine [-quick] [-json] [-svg DIR] [-case REGEXP] [-rounds N]
//
// A case lies in a file of its own, the competitors side by side. Each is written as its
// documentation shows, with the settings that served it best; what it folds into is the cheapest
// sink that it has. What is said of a case holds for all of them, and a check value shows that all
// did the same.
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

// jvm is Pekko Streams, or why it is not there.
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

// join adds Pekko Streams to the peers of c, with the job of the same name; arg is the job's
// argument.
func (j jvm) join(c report.Case, arg int, bar report.Bar) report.Case {
	if j.JVM == nil {
		c.Absent = append(c.Absent, j.absent)
		return c
	}
	c.Peers = append(c.Peers, report.Peer{Name: "Pekko Streams", Work: j.Work(c.Name, c.Units, arg, c.Want), Bar: bar})
	return c
}
