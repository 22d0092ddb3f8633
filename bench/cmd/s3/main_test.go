package main

import (
	"os"
	"testing"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
)

// TestMain is also the server's process.
func TestMain(m *testing.M) {
	if playRole(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// TestCases runs every competitor of every case once with a small object.
func TestCases(t *testing.T) {
	s := &servers{}
	defer s.close()
	all, err := s.casesOf(20 << 20) // several parts
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if _, err := report.Measure(c, report.Options{Rounds: 1, Target: time.Nanosecond}); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}
