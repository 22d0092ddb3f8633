package main

import (
	"os"
	"testing"

	"github.com/millweir/millweir/bench/internal/report"
)

// TestMain also runs the processes of the budget.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && (os.Args[1] == serverRole || os.Args[1] == backupsRole || os.Args[1] == tenantsRole) {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestCases runs every size of every case once with few elements.
func TestCases(t *testing.T) {
	for _, c := range cases(briefly) {
		t.Run(c.Name, func(t *testing.T) {
			r, err := report.Measure(c, report.Options{Rounds: 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Rows()) == 0 {
				t.Error("the case has no rows")
			}
		})
	}
}
