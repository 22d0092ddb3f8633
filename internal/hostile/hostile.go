// Package hostile runs the tables of hostile inputs: bombs, lies, malformed replies. Each row runs
// in a process of its own, so that its peak memory is its own, and so that an input that kills the
// process fails one row and not the table.
//
// With -v a table prints a line a row, in Markdown: the input, how the run ended, its time and its
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

// Row is a hostile input and what must become of it.
type Row struct {
	// Name says what the input is, in a few words. It is unique in its table.
	Name string
	// Run has the library meet the input, and returns how that ended. It prepares what it needs: it
	// runs in a process of its own. Its context ends after a minute.
	Run func(t *testing.T, ctx context.Context) error
	// Want reports whether Run may end with err. The default accepts every error and refuses
	// success.
	Want func(err error) bool
	// MaxMemory is how many bytes of memory the process may have at its peak. The default is 128
	// MiB. Nothing is checked under the race detector, and on systems that cannot tell.
	MaxMemory int64
}

const (
	defaultMemory = 128 << 20
	limit         = time.Minute // for one row; a row that needs more hangs
	maxText       = 8 << 10     // bytes of an error's text; what a server sends is not repeated without an end
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

// As accepts the errors that have an E among their causes.
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

// All accepts what each of wants does.
func All(wants ...func(error) bool) func(error) bool {
	return func(err error) bool {
		return !slices.ContainsFunc(wants, func(want func(error) bool) bool { return !want(err) })
	}
}

// Success accepts no error: the input is odd, not hostile, or what is wanted is that it is passed
// over.
func Success(err error) bool { return err == nil }

// result is what the process of a row reports.
type result struct {
	OK      bool
	Outcome string
	Text    int  // the length of the error's text
	Raw     bool // whether it has a character that a terminal may obey
	Took    time.Duration
	Peak    int64 // bytes; 0 if the system cannot tell
}

// Table runs each row as a subtest of t, which must be a test function itself and do nothing before
// that costs memory.
func Table(t *testing.T, rows []Row) {
	t.Helper()
	if name := os.Getenv(rowVariable); name != "" {
		for _, row := range rows {
			if row.Name == name {
				runRow(t, row)
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
		t.Run(row.Name, func(t *testing.T) { row.check(t) })
	}
}

// runRow runs row in its own process, and writes what came of it.
func runRow(t *testing.T, row Row) {
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
	text, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(os.Getenv(resultVariable), text, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// check runs row in a process of its own, and compares what came of it with what was wanted.
func (row Row) check(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	top, _, _ := strings.Cut(t.Name(), "/")
	file := filepath.Join(t.TempDir(), "result")
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.run=^"+regexp.QuoteMeta(top)+"$", "-test.count=1")
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
	t.Logf("| %s | %s | %v | %d MiB |", row.Name, r.Outcome, r.Took.Round(time.Millisecond), r.Peak>>20)
	for _, problem := range row.problems(r) {
		t.Error(problem)
	}
}

// problems says what is wrong with the result of row.
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

// needsEscape reports whether r, in an error's text, may do more to a terminal than be shown.
// errors.Join makes lines.
func needsEscape(r rune) bool { return r != '\n' && (r == utf8.RuneError || !unicode.IsPrint(r)) }

// oneLine returns text in one line of a table.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 120 {
		text = string(r[:120]) + "…"
	}
	text = fmt.Sprintf("%q", text)
	return strings.NewReplacer(`\"`, `"`, "|", `\|`).Replace(text[1 : len(text)-1])
}

// peakMemory returns the most resident memory that this process had, in bytes, and 0 if the system cannot
// tell.
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
