package main

import (
	"os"
	"testing"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
)

// TestMain also runs the server's process.
func TestMain(m *testing.M) {
	if os.Getenv(roleEnv) == serverRole {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestCases runs every competitor of every case once with few documents.
func TestCases(t *testing.T) {
	in, err := start(2000)
	if err != nil {
		t.Fatal(err)
	}
	defer in.stdin.Close()
	for _, c := range cases(in) {
		t.Run(c.Name, func(t *testing.T) {
			c.Rounds = 1
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
