package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millweir/millweir/integration/servers"
)

// stopTable counts how programs ended after SIGTERM.
type stopTable struct {
	name    string
	stops   int
	codes   map[int]int
	phases  map[string]int
	slowest time.Duration
}

// stopLimit is the time in which a stopped program must end. On a busy machine it can take longer, so
// that only one that hangs fails the test.
const stopLimit = 5 * time.Second

// stop sends SIGTERM to a program and waits for its end. held is what holds an exchange of it, or nil.
func (s *stopTable) stop(t *testing.T, c *child, held *gate) {
	t.Helper()
	began := time.Now()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	if held != nil {
		held.release(true)
	}
	c.wait(t)
	took := time.Since(began)
	s.stops++
	s.codes[c.code()]++
	s.slowest = max(s.slowest, took)
	if took > stopLimit {
		t.Logf("%s: it took %v to stop: %s", s.name, took, c.last())
	}
}

// notBegun is the exit code of a program that the signal ended before its first line of code.
const notBegun = -1

// ended checks the exit code of a stopped program: 143, 0 if it was done, or 3 if it says so.
func (s *stopTable) ended(t *testing.T, what string, c *child) {
	t.Helper()
	stopped := c.code() == 143 && strings.Contains(c.last(), "stopped by SIGTERM")
	if c.code() == notBegun && c.text() == "" {
		stopped = true
	}
	unclear := c.code() == 3 && (strings.Contains(c.text(), "may have") || strings.Contains(c.text(), "unknown"))
	if !stopped && !unclear && c.code() != 0 {
		t.Errorf("%s: exit code %d: %s", what, c.code(), c.text())
	}
}

func (s *stopTable) log(t *testing.T) {
	t.Helper()
	t.Logf("| %s | %d | %d | %d | %d | %d | %v |", s.name, s.stops, s.codes[143], s.codes[0], s.codes[3],
		s.codes[notBegun], s.slowest.Round(time.Millisecond))
	t.Logf("%s: stopped at %v", s.name, s.phases)
}

func newStopTable(name string) *stopTable {
	return &stopTable{name: name, codes: map[int]int{}, phases: map[string]int{}}
}

// TestBackupStops stops millweir backup (SIGTERM) at random times of its work, and at requests to the
// store. It ends soon, and leaves no unfinished object. No backup is listed, unless it says that this may
// be so.
func TestBackupStops(t *testing.T) {
	t.Parallel()
	k := newBackupKills(t, func(t testing.TB, keys string) *repository { return inDirectory(t, keys) })
	k.stopAll(t, newStopTable("backup to a directory"), sample(2, 13), nil)
	s := servers.Shared.Versitygw(t)
	k.newRepo = func(t testing.TB, keys string) *repository { return inBucket(t, keys, s) }
	k.requests = newRequestProxy(t, s.Addr())
	k.begin(t)
	k.stopAll(t, newStopTable("backup to S3"), sample(2, 13), servers.Env(k.requests.URL))
}

// stopAll stops n backups, at times or at requests.
func (k *backupKills) stopAll(t *testing.T, table *stopTable, n int, env []string) {
	t.Helper()
	change(t, k.db, k.random)
	if k.requests != nil {
		k.requests.hold(0, beforeRequest)
	}
	began := time.Now()
	k.must(t, env, "--no-reuse")
	whole, requests := time.Since(began), 0
	if k.requests != nil {
		requests, _ = k.requests.progress()
	}
	for i := range n {
		p := drillPoint{after: time.Duration(k.random.Int64N(int64(whole)))}
		if k.requests != nil {
			p = drillPoint{
				n:  1 + (i*requests+k.random.IntN(requests))/n,
				at: []moment{beforeRequest, afterReply}[i%2],
			}
		}
		k.stopOnce(t, table, p, env)
	}
	k.cleanUp(t)
	table.log(t)
}

func (k *backupKills) stopOnce(t *testing.T, table *stopTable, p drillPoint, env []string) {
	t.Helper()
	change(t, k.db, k.random)
	var held *gate
	var reached <-chan struct{}
	if k.requests != nil {
		held = k.requests.gate
		reached = held.hold(p.n, p.at)
	}
	c := k.start(t, append(env, k.mongo()...), "backup", k.flags("--no-reuse")...)
	p.reach(c, reached)
	table.stop(t, c, held)
	what := fmt.Sprintf("%s, %v (%d, %v)", table.name, p, p.n, p.after)
	table.ended(t, what, c)
	if left := k.unfinished(t); len(left) > 0 && c.code() != 3 {
		t.Errorf("%s: exit code %d, and %v are left: %s", what, c.code(), left, c.last())
	}
	listed := names(k.list(t))
	mayBe := c.code() == 0 || strings.Contains(c.last(), "may have been made")
	switch isNew := len(listed) > len(k.listed); {
	case isNew && !mayBe:
		t.Errorf("%s: exit code %d, and %v is listed: %s", what, c.code(), listed[len(k.listed):], c.last())
	case !isNew && c.code() == 0:
		t.Errorf("%s: a success, and nothing is listed", what)
	case isNew:
		k.read(t, listed[len(listed)-1])
		table.phases["committed"]++
	default:
		table.phases[k.phase(t)]++
	}
	if !slices.Equal(listed[:len(k.listed)], k.listed) {
		t.Errorf("%s: %v are listed, after %v", what, listed, k.listed)
	}
	k.listed = listed
	_ = k.phase(t)
}

// TestRestoreStops stops millweir restore (SIGTERM) at random times of its work, and at commands to
// the server. It ends soon, and leaves no prepared collection. What is visible is as it was, or
// complete.
func TestRestoreStops(t *testing.T) {
	t.Parallel()
	d := newRestoreDrill(t)
	table := newStopTable("restore")
	for _, way := range restoreWays {
		for i, p := range d.points(sample(1, 5), d.commands(t, way)) {
			if i%15 < 13 {
				d.stop(t, table, way, p)
			}
		}
	}
	table.log(t)
}

func (d *restoreDrill) stop(t *testing.T, table *stopTable, way string, p drillPoint) {
	t.Helper()
	d.prepare(t, way)
	before, _ := stateOf(t, d.target)
	reached := d.proxy.hold(p.n, p.at)
	c := d.restore(t, way, d.proxy.uri())
	p.reach(c, reached)
	_, last := d.proxy.progress()
	table.stop(t, c, d.proxy.gate)
	d.proxy.end()
	table.phases[phaseOf(p, last)]++
	what := fmt.Sprintf("stopped %v (%d, %v): %s", p, p.n, p.after, last)
	table.ended(t, what, c)
	row := &restoreRow{}
	d.look(t, row, what, before)
	if row.staged > 0 && c.code() != 3 && !strings.Contains(c.last(), "could not be removed") {
		_, staged := stateOf(t, d.target)
		t.Errorf("%s: %v are left: %s", what, staged, c.last())
	}
	if row.before == 0 && strings.Contains(c.last(), "nothing is visible") {
		t.Errorf("%s: a part is visible: %s", what, c.last())
	}
	if c.code() == 0 {
		d.equal(t, what+", and it ended with a success") // before the next run would mend it
	}
	again := d.restore(t, way, d.m.URI())
	again.wait(t)
	if again.code() != 0 {
		t.Errorf("%s: the next run ended with %d: %s", what, again.code(), again.text())
	}
	d.equal(t, what)
}
