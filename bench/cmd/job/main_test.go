package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/bench/internal/childtest"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// TestMain lets the test's own binary act as the programs that the command starts.
func TestMain(m *testing.M) { childtest.Main(m, runProgram) }

// testServers are the servers for tests, which run in this process.
type testServers struct {
	mongo *mongotest.Server
	s3    *s3test.Server
}

func start(t *testing.T) testServers {
	t.Helper()
	s := testServers{mongotest.NewServer(), s3test.New(nil)}
	t.Cleanup(s.mongo.Close)
	t.Cleanup(s.s3.Close)
	childtest.SetEnv(t)
	return s
}

// run runs the command with a fifth of a MB, and returns its rows.
func (s testServers) run(t *testing.T, args ...string) ([]report.Row, error) {
	t.Helper()
	var out bytes.Buffer
	args = append([]string{
		"-quick", "-rounds", "1", "-json", "-size", "0.2",
		"-mongo", s.mongo.URI(), "-s3", s.s3.URL,
	}, args...)
	err := run(t.Context(), args, &out, io.Discard)
	var rows []report.Row
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	for d.More() {
		var row report.Row
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows, err
}

// peer returns a command that runs this binary as one of the programs.
func peer(t *testing.T, role string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return child.RoleEnv + "=" + role + " '" + self + "'"
}

// TestRows runs everything once. The command verifies each run. Missed bars are ignored, because
// the test uses little data.
func TestRows(t *testing.T) {
	s := start(t)
	rows, err := s.run(t, "-peer", peer(t, "tuned"))
	if err != nil && !errors.Is(err, report.ErrMissed) {
		t.Fatal(err)
	}
	var want []string
	for _, c := range []string{"backup-default", "backup-fast", "restore"} {
		for _, suffix := range []string{"", "-wall", "-rss", "-stored"} {
			for _, p := range []string{"competent", "tuned", "peer"} {
				want = append(want, c+suffix+" "+p)
			}
		}
		want = append(want, c+"-rss limit 110 MiB")
	}
	for _, c := range []string{"backup-growth", "restore-growth"} {
		want = append(want, c+" millweir, 0.4 MB", c+" limit 110 MiB")
		for _, suffix := range []string{"-cpu", "-wall", "-stored"} {
			want = append(want, c+suffix+" millweir, 0.4 MB")
		}
	}
	for _, c := range []string{"backup", "restore"} {
		want = append(want, c+"-cores limit 5 %")
		memory, fused := c+"-in-memory", " millweir without goroutines"
		want = append(want, memory+fused, memory+" limit 0.6", memory+"-cpu"+fused, memory+"-wall"+fused)
	}
	want = append(want, "large-document limit 260 MiB")
	var got []string
	for _, row := range rows {
		got = append(got, row.Row+" "+row.Peer)
		if row.Ours <= 0 || row.Theirs <= 0 || row.Ratio <= 0 || row.Unit == "" {
			t.Errorf("nothing was measured: %+v", row)
		}
		if strings.HasSuffix(row.Row, "-rss") && (row.Ours < 5 || row.Ours > 1000) {
			t.Errorf("%.1f MiB is not the memory of a process: %+v", row.Ours, row)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the rows are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if names := s.s3.Count("DeleteObject"); names == 0 {
		t.Error("the objects were not removed")
	}
	if dropped := len(s.mongo.Commands("dropDatabase")); dropped != 1 {
		t.Errorf("%d databases were dropped, want 1", dropped)
	}
}

// TestVerified checks that the command fails if a program does not do all of its work, or if an
// argument is wrong.
func TestVerified(t *testing.T) {
	for name, c := range map[string]struct {
		fault func(testServers)
		args  []string
	}{
		"no object": {nil, []string{"-case", "backup-fast", "-peer", "true"}},
		"no documents": {nil, []string{
			"-case", "restore$",
			"-peer", `[ "$JOB_DIRECTION" = restore ] || ` + peer(t, "tuned"),
		}},
		"an object that is cut": {cutObjects, []string{"-case", "backup-fast"}},
		"a failing program":     {failingInserts, []string{"-case", "restore$"}},
		"no such level":         {nil, []string{"-level", "9"}},
		"no such shape":         {nil, []string{"-shape", "round"}},
		"a size below 0":        {nil, []string{"-size", "-1"}},
		"no size":               {nil, []string{"-size", "0"}},
		"less than a byte":      {nil, []string{"-size", "1e-7"}},
		"a size of no number":   {nil, []string{"-size", "NaN"}},
		"a size without end":    {nil, []string{"-size", "Inf"}},
		"no such case":          {nil, []string{"-case", "backup_fast"}},
		"a stray argument":      {nil, []string{"-case", "backup-fast", "fast"}},
		"rounds below 1":        {nil, []string{"-case", "backup-fast", "-rounds", "-3"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			if c.fault != nil {
				c.fault(s)
			}
			if _, err := s.run(t, c.args...); err == nil || errors.Is(err, report.ErrMissed) {
				t.Errorf("it ended with %v", err)
			} else {
				t.Log(err)
			}
		})
	}
}

// cutObjects makes the S3 server cut the end off every object that it returns.
func cutObjects(s testServers) {
	s.s3.Fault(s3test.Fault{Op: "GetObject", Times: -1, After: s3test.Shorten(1000)})
}

// failingInserts makes the insert after the source's fail.
func failingInserts(s testServers) {
	s.mongo.Inject(mongotest.Fault{Command: "insert", Nth: 2, Code: 13, Text: "no"})
}

func TestAnotherShape(t *testing.T) {
	if _, err := start(t).run(t, "-shape", "big", "-case", "backup-fast", "-level", "fast"); err != nil &&
		!errors.Is(err, report.ErrMissed) {
		t.Error(err)
	}
}

func TestDigestTellsDocumentsApart(t *testing.T) {
	of := func(records ...string) (d digest) {
		for _, r := range records {
			d.add([]byte(r))
		}
		return d
	}
	want := of("a", "b", "c")
	for name, c := range map[string]struct {
		got  digest
		same bool
	}{
		"another order": {of("c", "a", "b"), true},
		"one less":      {of("a", "b"), false},
		"one twice":     {of("a", "b", "b"), false},
		"one more":      {of("a", "b", "c", "c"), false},
		"another":       {of("a", "b", "d"), false},
	} {
		if err := c.got.compare(name, want); (err == nil) != c.same {
			t.Errorf("%s: %v", name, err)
		}
	}
}
