package streamtest_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// defect is a stage that breaks one rule of the contract, and the expected report.
type defect struct {
	name  string
	test  func(t *testing.T) // runs the suite over it
	check string             // the check that must fail; others may fail too
	alone bool               // no other check fails
	says  string             // regular expression for the check's report
}

// defects returns all defects. Each kind has its own file.
func defects() []defect {
	var all []defect
	all = append(all, brokenEmits()...)
	all = append(all, brokenErrors()...)
	all = append(all, brokenEnds()...)
	all = append(all, brokenReuse()...)
	all = append(all, brokenOwners()...)
	all = append(all, brokenSources()...)
	all = append(all, brokenSinks()...)
	all = append(all, brokenWaits()...)
	all = append(all, brokenForeigns()...)
	all = append(all, brokenRemains()...)
	all = append(all, optionsLeftOut()...)
	return all
}

const inChild = "MILLWEIR_STREAMTEST_DEFECTS"

// TestDefectiveStages runs the suite over broken stages, so it fails. TestDefectsAreCaught runs it
// in a separate process.
func TestDefectiveStages(t *testing.T) {
	onlyInChild(t)
	for _, d := range defects() {
		t.Run(d.name, d.test)
	}
}

func TestDefectsAreCaught(t *testing.T) {
	said := runDefective(t)
	for _, d := range defects() {
		t.Run(d.name, func(t *testing.T) {
			name := "TestDefectiveStages/" + title(d) + "/" + d.check
			text, failed := said[name]
			if !failed {
				t.Errorf("the check %s did not fail", d.check)
				for other, text := range said {
					if strings.HasPrefix(other, "TestDefectiveStages/"+title(d)+"/") {
						t.Logf("but %s did:\n%s", other, text)
					}
				}
				return
			}
			for other := range said {
				check, ours := strings.CutPrefix(other, "TestDefectiveStages/"+title(d)+"/")
				if found := withoutRaces(said[other]); d.alone && ours && check != d.check && found != "" {
					t.Errorf("the check %s failed, too:\n%s", check, found)
				}
			}
			if !regexp.MustCompile(d.says).MatchString(text) {
				t.Errorf("the check %s failed with\n%s\nwhich does not match %s", d.check, text, d.says)
			}
		})
	}
}

// child runs, in a separate process, a test that is meant to fail.
func child(t *testing.T, test string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.timeout=15m")
	cmd.Env = append(os.Environ(), inChild+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("%s passed:\n%s", test, out)
	}
	return out, err
}

// onlyInChild skips a test that is meant to fail, except in the process that child starts.
func onlyInChild(t *testing.T) {
	t.Helper()
	if os.Getenv(inChild) == "" {
		t.Skip("run in a process of its own by another test: it is meant to fail")
	}
}

// raceLine matches the line that the testing package adds to a test if the race detector found a
// race.
var raceLine = regexp.MustCompile(`(?m)^.*: race detected during execution of test\n`)

// withoutRaces returns the output of the checks themselves. A stage that is broken on purpose may
// race in any check.
func withoutRaces(said string) string { return raceLine.ReplaceAllString(said, "") }

// title is the defect's name as the testing package writes it.
func title(d defect) string { return strings.ReplaceAll(d.name, " ", "_") }

// runDefective runs the broken stages and returns the output of each check that failed.
func runDefective(t *testing.T) map[string]string {
	t.Helper()
	out, err := child(t, "TestDefectiveStages")
	said := map[string]string{}
	failed := regexp.MustCompile(`^\s*--- (FAIL|PASS|SKIP): (\S+)`)
	name, finished := "", false
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		line := lines.Text()
		finished = finished || line == "FAIL"
		if m := failed.FindStringSubmatch(line); m != nil {
			name = m[2]
			said[name] = ""
		} else if name != "" {
			said[name] += line + "\n"
		}
	}
	if !finished {
		t.Fatalf("the process with the broken stages did not come to its end: %v\n%s", err, out)
	}
	return said
}

// TestStrayPanic tests a stage that calls its upstream on a bare goroutine, so no test can catch a
// panic there. TestStrayPanicIsExplained runs it.
func TestStrayPanic(t *testing.T) {
	onlyInChild(t)
	intFlow(apart{bare: true}.each)(t)
}

// TestHeldMutex tests a stage that holds a mutex during its run. A goroutine that waits for a mutex
// stops the clock of a bubble. TestHeldMutexIsExplained runs it.
func TestHeldMutex(t *testing.T) {
	onlyInChild(t)
	streamtest.SetAlarm(3 * time.Second)
	streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
		var mu sync.Mutex
		return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
			mu.Lock()
			defer mu.Unlock()
			return src.Each(ctx, emit)
		})
	}})
}

func TestHeldMutexIsExplained(t *testing.T) {
	out, _ := child(t, "TestHeldMutex")
	if !bytes.Contains(out, []byte("waits for a mutex")) || !bytes.Contains(out, []byte("RunAtOnce")) {
		t.Errorf("it is not said what the check waits for:\n%s", out)
	}
}

func TestStrayPanicIsExplained(t *testing.T) {
	out, _ := child(t, "TestStrayPanic")
	if !bytes.Contains(out, []byte("rule 10")) || !bytes.Contains(out, []byte("without stream.Group")) {
		t.Errorf("it is not said what the panic means:\n%s", out)
	}
}
