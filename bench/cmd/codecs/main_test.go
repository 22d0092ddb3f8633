package main

import (
	"testing"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
)

// TestCases runs every competitor of every case once with little input. The cases themselves verify
// the check values, and decode the output with another library.
func TestCases(t *testing.T) {
	in, err := newInput(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	all, err := cases(in, pekko.Absent("in tests"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			r, err := report.Measure(c, report.Options{Rounds: 1, Target: time.Nanosecond})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Rows()) == 0 {
				t.Error("the case has no rows")
			}
		})
	}
}
