package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
)

// process returns the work of a process that uses mib MiB of memory and stores half of what it
// reads. It counts its calls in calls.
func process(calls *int, mib int64) report.Work {
	return func(int) (report.Sample, error) {
		*calls++
		return report.Sample{
			Units: 100, CPU: time.Duration(mib * 100), Wall: 100,
			Allocs: -1, RSS: mib << 20, Stored: 50,
		}, nil
	}
}

func processes(calls *int) report.Case {
	return report.Case{
		Name: "job", About: "processes", Unit: "byte", Cold: true, Rounds: 2,
		Also:   []report.Metric{report.RSS, report.Stored},
		Ours:   report.Peer{Name: "ours", Work: process(calls, 20)},
		Peers:  []report.Peer{{Name: "a", Work: process(calls, 50), Bar: report.Bar{Least: 2}}},
		Limits: []report.Limit{{Metric: report.RSS, Max: 25}},
	}
}

func TestProcesses(t *testing.T) {
	var calls int
	r, err := report.Measure(processes(&calls), quickly)
	if err != nil {
		t.Fatal(err)
	}
	if calls != 4 {
		t.Errorf("%d runs, want 2 of each: the case has its own rounds, and nothing is warmed up", calls)
	}
	want := []report.Row{
		{Row: "job", Peer: "a", Ours: 20, Theirs: 50, Unit: "ns/byte cpu", Ratio: 2.5, Min: 2.5, Max: 2.5, Bar: 2},
		{
			Row: "job-rss", Peer: "limit 25 MiB", Ours: 20, Theirs: 25, Unit: "MiB rss",
			Ratio: 1.25, Min: 1.25, Max: 1.25, Bar: 1,
		},
		{Row: "job-rss", Peer: "a", Ours: 20, Theirs: 50, Unit: "MiB rss", Ratio: 2.5, Min: 2.5, Max: 2.5},
		{Row: "job-stored", Peer: "a", Ours: 0.5, Theirs: 0.5, Unit: "bytes/byte stored", Ratio: 1, Min: 1, Max: 1},
	}
	wantRows(t, r, want)
}

func TestProcessesTable(t *testing.T) {
	var calls int
	out, err := runSuite(suite(processes(&calls)))
	if err != nil {
		t.Fatal(err)
	}
	out = strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"ns/byte cpu rss stored ratio", "ours 20.0 20.0 0.50 a 50.0",
		"ours rss, limit 25 MiB", "2 of 2 bars held",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the table:\n%s", want, out)
		}
	}
}
