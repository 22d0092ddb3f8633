// Package hostile runs tables of hostile inputs: bombs, false sizes, malformed replies. Each row
// runs in its own process. So its peak memory does not depend on the other rows, and an input that
// kills the process fails one row, not the table.
//
// Under the race detector, which has its own memory, all rows run in the test's process: the
// detector would make each process start slowly.
//
// With -v a table prints a line of Markdown for each row: the input, the outcome, the time and the
// peak memory. These lines are the table in docs/reliability.md.
package hostile

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/millweir/millweir/stream"
)

// Row is a hostile input and the required outcome.
type Row struct {
	// Name describes the input in a few words. It is unique in its table.
	Name string
	// Run gives the input to the library, and returns the library's error. It prepares everything
	// that it needs, because it may run in its own process. Its context ends after five minutes.
	Run func(t *testing.T, ctx context.Context) error
	// Want reports whether Run may end with err. The default accepts every error, but not success.
	Want func(err error) bool
	// MaxMemory is the limit of the process's peak memory in bytes. The default is 128 MiB. It is
	// not checked under the race detector and on systems that do not report the peak.
	MaxMemory int64
}

const (
	defaultMemory = 128 << 20
	limit         = 5 * time.Minute // for one row, on a busy machine
	maxText       = 8 << 10         // bytes of an error's text, which may quote a server only in part
)

// The environment of a row's process.
const (
	rowVariable    = "MILLWEIR_HOSTILE_ROW"
	resultVariable = "MILLWEIR_HOSTILE_RESULT"
)

// Is accepts the errors that are target.
func Is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// As accepts the errors that wrap an E.
func As[E error]() func(error) bool {
	return func(err error) bool {
		_, ok := errors.AsType[E](err)
		return ok
	}
}

// Class accepts the errors of a class.
func Class(class stream.Class) func(error) bool {
	return func(err error) bool { return err != nil && stream.ClassOf(err) == class }
}

// All accepts the errors that every function of wants accepts.
func All(wants ...func(error) bool) func(error) bool {
	return func(err error) bool {
		return !slices.ContainsFunc(wants, func(want func(error) bool) bool { return !want(err) })
	}
}

// Success accepts only a nil error: the library must tolerate or skip the input.
func Success(err error) bool { return err == nil }

// result is the report of a row's process.
type result struct {
	OK      bool
	Outcome string
	Text    int  // length of the error's text
	Raw     bool // the text has a character that needs escaping
	Took    time.Duration
	Peak    int64 // bytes; 0 if the system does not report it
}

// Table runs each row as a subtest of t. t must be the test function itself, which must not use
// much memory before it calls Table.
func Table(t *testing.T, rows []Row) {
	t.Helper()
	if name := os.Getenv(rowVariable); name != "" {
		for _, row := range rows {
			if row.Name == name {
				row.run(t).write(t)
			}
		}
		return
	}
	seen := map[string]bool{}
	for _, row := range rows {
		if seen[row.Name] {
			t.Fatalf("two rows are named %q", row.Name)
		}
		seen[row.Name] = true
		t.Run(row.Name, func(t *testing.T) {
			if raceEnabled {
				row.report(t, row.run(t))
			} else {
				row.check(t)
			}
		})
	}
}

// run runs row in this process.
func (row Row) run(t *testing.T) result {
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit,
		errors.New("hostile: the row did not end within its time"))
	defer cancel()
	want := row.Want
	if want == nil {
		want = func(err error) bool { return err != nil }
	}
	start := time.Now()
	err := row.Run(t, ctx)
	r := result{Took: time.Since(start), Peak: peakMemory(), OK: want(err) && ctx.Err() == nil, Outcome: "success"}
	if err != nil {
		r.Outcome, r.Text = stream.ClassOf(err).String()+": "+oneLine(err.Error()), len(err.Error())
		r.Raw = strings.ContainsFunc(err.Error(), needsEscape)
	}
	return r
}

// write writes r to the file that the parent process reads.
func (r result) write(t *testing.T) {
	text, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(os.Getenv(resultVariable), text, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// check runs row in a new process, and reports the problems of its result.
func (row Row) check(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	top, _, _ := strings.Cut(t.Name(), "/")
	file := filepath.Join(t.TempDir(), "result")
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.run=^"+regexp.QuoteMeta(top)+"$", "-test.count=1",
		"-test.timeout="+(2*limit).String()) // a row in an endless loop ends even if this process is killed
	cmd.Env = append(os.Environ(), rowVariable+"="+row.Name, resultVariable+"="+file)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	ran := cmd.Run()
	text, err := os.ReadFile(file)
	var r result
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil || ran != nil {
		t.Fatalf("the process of the row ended with %v, its result with %v:\n%.4000s", ran, err, output.Bytes())
	}
	row.report(t, r)
}

// report prints the row's line of the table, and the problems of its result.
func (row Row) report(t *testing.T, r result) {
	t.Helper()
	t.Logf("| %s | %s | %v | %d MiB |", row.Name, r.Outcome, r.Took.Round(time.Millisecond), r.Peak>>20)
	for _, problem := range row.problems(r) {
		t.Error(problem)
	}
}

// problems returns the deviations of r from the requirements of row.
func (row Row) problems(r result) []string {
	var all []string
	if !r.OK {
		all = append(all, "the outcome is not the one that is wanted: "+r.Outcome)
	}
	if r.Text > maxText {
		all = append(all, fmt.Sprintf("the error's text has %d bytes", r.Text))
	}
	if r.Raw {
		all = append(all, "the error's text is not escaped: "+r.Outcome)
	}
	if bound := cmp.Or(row.MaxMemory, defaultMemory); r.Peak > bound && !raceEnabled {
		all = append(all, fmt.Sprintf("the process took %d MiB, and may take %d", r.Peak>>20, bound>>20))
	}
	return all
}

// needsEscape reports whether r, in an error's text, could control a terminal. A newline is
// allowed, because errors.Join adds it.
func needsEscape(r rune) bool { return r != '\n' && (r == utf8.RuneError || !unicode.IsPrint(r)) }

// oneLine returns text as one cell of a table.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 120 {
		text = string(r[:120]) + "…"
	}
	text = fmt.Sprintf("%q", text)
	return strings.NewReplacer(`\"`, `"`, "|", `\|`).Replace(text[1 : len(text)-1])
}

// peakMemory returns the peak resident memory of this process in bytes, or 0 if the system does not
// report it.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, found := strings.Cut(string(status), "VmHWM:")
	if !found {
		return 0
	}
	var kib int64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return 0
	}
	return kib << 10
}
