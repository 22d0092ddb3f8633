// Mongo compares mongosource with a loop over the driver's cursor, and mongosink with the driver's
// InsertMany. The server, mongotest, is another process, so that only the client's CPU time counts.
//
//	go run ./bench/cmd/mongo [-quick] [-json] [-svg DIR] [-case REGEXP] [-rounds N]
package main

import (
	"fmt"
	"os"

	"github.com/millweir/millweir/bench/internal/report"
)

func main() {
	if os.Getenv(roleEnv) == serverRole {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	report.Suite{
		Command: "go run ./bench/cmd/mongo",
		Cases: func(quick bool) ([]report.Case, error) {
			docs := 200_000
			if quick {
				docs = 20_000
			}
			in, err := start(docs)
			if err != nil {
				return nil, err
			}
			return cases(in), nil
		},
		Quick: report.Options{Rounds: 5, Target: 0},
		Full:  report.Options{Rounds: 11, Target: 0},
	}.Main()
}

// cases returns all cases, in the order of the report.
func cases(in *input) []report.Case {
	return []report.Case{
		read(in, "cookie"), read(in, "event"), read(in, "big"), wait(in),
		write(in, "cookie", 8), write(in, "event", 4),
	}
}
