package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
)

// TestMain is also the server's process.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == serverArg {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		return
	}
	os.Exit(m.Run())
}

// TestCases runs every competitor of every case once with a small object.
func TestCases(t *testing.T) {
	s := &servers{}
	defer s.close()
	if err := s.start(1 << 20); err != nil {
		t.Fatal(err)
	}
	all, err := downloads(s, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if _, err := report.Measure(c, report.Options{Rounds: 1, Target: time.Nanosecond}); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}
