package main

import (
	"testing"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
)

// TestCases runs every competitor of every case once. Measure compares the check values.
func TestCases(t *testing.T) {
	for _, c := range cases(pekko.Absent("in tests"), 1<<20) {
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

func TestJSONLinesFillsItsSize(t *testing.T) {
	for _, n := range []int{100, 1 << 20, 5<<20 + 7} {
		if got := len(makeJSONLines(n)); got != n {
			t.Errorf("%d bytes, want %d", got, n)
		}
	}
}
