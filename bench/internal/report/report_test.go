package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
)

var quickly = report.Options{Rounds: 3, Target: time.Nanosecond}

// fixed returns work whose rounds cost the given CPU times per unit, on any machine.
func fixed(units int, costs ...time.Duration) report.Work {
	round := -1 // the first call warms up
	return func(reps int) (report.Sample, error) {
		cost := costs[0]
		if round++; round > 0 {
			cost = costs[(round-1)%len(costs)]
		}
		n := time.Duration(reps * units)
		return report.Sample{Units: reps * units, CPU: cost * n, Wall: 2 * cost * n, Allocs: int64(reps)}, nil
	}
}

// theCase has 10 units. Ours costs 10 ns a unit; a base of 4 ns is subtracted.
func theCase() report.Case {
	base := report.Peer{Name: "base", Work: fixed(10, 4)}
	return report.Case{
		Name: "chain", About: "a case", Unit: "element", Units: 10, Want: 7,
		Ours: report.Peer{Name: "ours", Work: fixed(10, 10), Base: &base},
		Peers: []report.Peer{
			{Name: "a", Work: fixed(10, 22, 28, 34), Base: &base, Bar: report.Bar{Least: 4, Goal: 5}},
			{Name: "b", Work: fixed(10, 15)},
		},
		Limits: []report.Limit{{Metric: report.Wall, Max: 10}, {Max: 12, Goal: 3}, {Metric: report.Allocs, Max: 0.05}},
	}
}

// wantRows compares the rows of r with want, and returns them.
func wantRows(t *testing.T, r *report.Result, want []report.Row) []report.Row {
	t.Helper()
	rows := r.Rows()
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(rows), len(want))
	}
	for i, row := range rows {
		if row != want[i] {
			t.Errorf("row %d:\n got %+v\nwant %+v", i, row, want[i])
		}
	}
	return rows
}

func TestRows(t *testing.T) {
	r, err := report.Measure(theCase(), quickly)
	if err != nil {
		t.Fatal(err)
	}
	want := []report.Row{
		{
			Row: "chain", Peer: "a", Ours: 6, Theirs: 24, Unit: "ns/element cpu",
			Ratio: 4, Min: 3, Max: 5, Bar: 4, Goal: 5,
		},
		{Row: "chain", Peer: "b", Ours: 6, Theirs: 15, Unit: "ns/element cpu", Ratio: 2.5, Min: 2.5, Max: 2.5},
		{
			Row: "chain-wall", Peer: "limit 10ns", Ours: 20, Theirs: 10, Unit: "ns/element wall",
			Ratio: 0.5, Min: 0.5, Max: 0.5, Bar: 1,
		},
		{
			Row: "chain", Peer: "limit 12ns", Ours: 6, Theirs: 12, Unit: "ns/element cpu",
			Ratio: 2, Min: 2, Max: 2, Bar: 1, Goal: 4,
		},
		{
			Row: "chain-allocs", Peer: "limit 0.05", Ours: 0.1, Theirs: 0.05, Unit: "allocs/element",
			Ratio: 0.5, Min: 0.5, Max: 0.5, Bar: 1,
		},
	}
	for i, row := range wantRows(t, r, want) {
		if missed := i == 2 || i == 4; row.Missed() != missed {
			t.Errorf("row %d: missed is %v", i, !missed)
		}
	}
}

func TestMeasureFillsTheTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spent time.Duration
		c := theCase()
		c.Limits, c.Peers = nil, nil
		c.Ours = report.Peer{Name: "ours", Run: func() (int64, error) {
			time.Sleep(100 * time.Microsecond)
			spent += 100 * time.Microsecond
			return 7, nil
		}}
		if _, err := report.Measure(c, report.Options{Rounds: 2, Target: 20 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		if spent < 40*time.Millisecond || spent > 2*time.Second {
			t.Errorf("it ran for %v in 2 rounds of 20 ms", spent)
		}
	})
}

func TestMeasureFails(t *testing.T) {
	broken := errors.New("broken")
	for name, run := range map[string]func() (int64, error){
		"a wrong check value": func() (int64, error) { return 6, nil },
		"an error":            func() (int64, error) { return 7, broken },
	} {
		t.Run(name, func(t *testing.T) {
			c := theCase()
			c.Peers = append(c.Peers, report.Peer{Name: "bad", Run: run})
			if _, err := report.Measure(c, quickly); err == nil {
				t.Error("no error")
			}
			c.Peers[2] = report.Peer{
				Name: "good", Run: func() (int64, error) { return 7, nil },
				Base: &report.Peer{Name: "bad", Run: run},
			}
			if _, err := report.Measure(c, quickly); err == nil {
				t.Error("no error of a base")
			}
		})
	}
	c := theCase()
	c.Peers = append(c.Peers, report.Peer{Name: "idle", Work: fixed(0, 10)})
	if _, err := report.Measure(c, quickly); err == nil {
		t.Error("no error of a peer that does nothing")
	}
}

func suite(cases ...report.Case) report.Suite {
	return report.Suite{
		Command: "bench", Quick: quickly, Full: quickly,
		Cases: func(bool) ([]report.Case, error) { return cases, nil },
	}
}

func runSuite(s report.Suite, args ...string) (string, error) {
	var out bytes.Buffer
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	err := s.Run(flags, args, &out, io.Discard)
	return out.String(), err
}

func TestSuiteStatus(t *testing.T) {
	held := theCase()
	held.Limits = nil
	if out, err := runSuite(suite(held)); err != nil {
		t.Errorf("all bars hold: %v\n%s", err, out)
	}
	if _, err := runSuite(suite(held, theCase())); !errors.Is(err, report.ErrMissed) {
		t.Errorf("two bars do not hold: %v", err)
	}
	for name, args := range map[string][]string{
		"a bad expression":  {"-case", "("},
		"no case is chosen": {"-case", "no such"},
		"a stray argument":  {"-case", "chain", "chian"},
		"no rounds":         {"-rounds", "0"},
		"fewer rounds":      {"-rounds", "-3"},
	} {
		if out, err := runSuite(suite(held), args...); err == nil || errors.Is(err, report.ErrMissed) ||
			strings.Contains(out, "held") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	other := theCase()
	other.Name = "other"
	if out, err := runSuite(suite(held, other), "-case", "^chain$", "-rounds", "1"); err != nil ||
		strings.Contains(out, "other") {
		t.Errorf("one case is chosen: %v\n%s", err, out)
	}
}

// TestMissed compares ratios with their bars, NaN and infinity included.
func TestMissed(t *testing.T) {
	for _, c := range []struct {
		ratio, bar float64
		missed     bool
	}{
		{1, 0, false},
		{math.NaN(), 0, false},
		{3.99, 4, true},
		{4, 4, false},
		{math.Inf(1), 4, false},
		{math.NaN(), 4, true},
	} {
		if got := (report.Row{Ratio: c.ratio, Bar: c.bar}).Missed(); got != c.missed {
			t.Errorf("%v of at least %v: missed is %v", c.ratio, c.bar, got)
		}
	}
}

func TestSuiteTable(t *testing.T) {
	c := theCase()
	c.Absent = []string{"Pekko Streams, for a reason"}
	out, _ := runSuite(suite(c), "-quick")
	for _, want := range []string{
		"bench -quick\n", "4.00 ×", "3.00 – 5.00", "≥ 1.00", "MISSED",
		"left out: Pekko Streams, for a reason", "2 of 4 bars held",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the table:\n%s", want, out)
		}
	}
}

func TestSuiteJSON(t *testing.T) {
	out, _ := runSuite(suite(theCase()), "-json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines, want one a row:\n%s", len(lines), out)
	}
	const first = `{"row":"chain","peer":"a","ours":6,"theirs":24,"unit":"ns/element cpu",` +
		`"ratio":4,"min":3,"max":5,"bar":4,"goal":5}`
	if lines[0] != first {
		t.Errorf("got  %s\nwant %s", lines[0], first)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestSuiteCharts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "charts")
	if _, err := runSuite(suite(theCase()), "-svg", dir); !errors.Is(err, report.ErrMissed) {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "chain.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "ours", "24.0 (18.0 – 30.0)", "ns/element cpu"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("%q is not in the chart", want)
		}
	}
}
