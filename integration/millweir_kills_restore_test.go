package integration_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
)

// TestRestoreKills kills millweir restore (SIGKILL) at random times of its work, and before and after
// commands to the server. After each kill every collection is as it was, or complete. Run again, the
// restore makes the database equal to the source, and leaves nothing else.
func TestRestoreKills(t *testing.T) {
	t.Parallel()
	d := newRestoreDrill(t)
	n := sample(2, 17)
	t.Logf("| target | killed | kills | as before | some complete | complete | staged collections left " +
		"| ended before | equal after the next run |")
	t.Logf("|---|---|---|---|---|---|---|---|---|")
	phases := map[string]int{}
	for _, way := range restoreWays {
		commands := d.commands(t, way)
		for _, p := range d.points(n, commands) {
			d.kill(t, way, p)
		}
		for _, killed := range slices.Sorted(maps.Keys(d.rows)) {
			r := d.rows[killed]
			t.Logf("| %s | %s | %d | %d | %d | %d | %d | %d | %d |", way, killed, r.kills, r.before, r.some, r.complete,
				r.staged, r.ended, r.equal)
		}
		for phase, n := range d.phases {
			phases[phase] += n
		}
		d.rows, d.phases = map[string]*restoreRow{}, map[string]int{}
	}
	for _, phase := range slices.Sorted(maps.Keys(phases)) {
		t.Logf("killed at %s: %d", phase, phases[phase])
	}
}

// The targets of the restores.
const (
	absentTarget = "absent"
	otherTarget  = "with other documents, --replace"
)

var restoreWays = []string{absentTarget, otherTarget}

// restoreDrill restores a shop into a database again and again, through a proxy, and counts what
// disturbed restores leave.
type restoreDrill struct {
	*repository
	m      *servers.Mongo
	proxy  *wireProxy
	random *rand.Rand
	source *mongo.Database
	target *mongo.Database
	want   state
	whole  time.Duration // that an undisturbed restore takes

	rows   map[string]*restoreRow
	phases map[string]int
}

type restoreRow struct{ kills, ended, before, some, complete, staged, equal int }

func newRestoreDrill(t *testing.T) *restoreDrill {
	t.Helper()
	m := servers.Shared.SecantusDB(t)
	d := &restoreDrill{
		m: m, proxy: newWireProxy(t, m.Addr()), random: seeded(t), source: m.Database(t), target: m.Database(t),
		repository: inDirectory(t, newProgramKeys(t)), rows: map[string]*restoreRow{}, phases: map[string]int{},
	}
	shop(t, d.source, sample(512, 4<<10))
	d.run(t, []string{"MONGODB_URI=" + m.URI()}, "backup", "--signing-key", d.signingKey(),
		"--include", d.source.Name()).succeeded(t)
	d.want, _ = stateOf(t, d.source)
	return d
}

// prepare makes the target as it is before a restore.
func (d *restoreDrill) prepare(t testing.TB, way string) {
	t.Helper()
	if err := d.target.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if way == otherTarget {
		load(t, d.target.Collection("orders"), plain(t, 10, 10))
		load(t, d.target.Collection("people"), plain(t, 5, 10))
	}
}

// restore starts a restore by the server at uri.
func (d *restoreDrill) restore(t testing.TB, way, uri string) *child {
	t.Helper()
	args := []string{
		"--identity", d.identity(), "--trust", d.signingKey() + ".pub",
		"--rename", d.source.Name() + "=" + d.target.Name(),
	}
	if way == otherTarget {
		args = append(args, "--replace")
	}
	return d.start(t, []string{"MONGODB_URI=" + uri}, "restore", args...)
}

// commands returns how many commands an undisturbed restore sends.
func (d *restoreDrill) commands(t testing.TB, way string) int {
	t.Helper()
	d.prepare(t, way)
	d.proxy.hold(0, beforeRequest)
	began := time.Now()
	c := d.restore(t, way, d.proxy.uri())
	c.wait(t)
	c.succeeded(t)
	d.whole = time.Since(began)
	n, _ := d.proxy.progress()
	d.equal(t, "undisturbed")
	return n
}

// equal reports whether the target equals the source, and fails the test if it does not.
func (d *restoreDrill) equal(t testing.TB, what string) bool {
	t.Helper()
	got, staged := stateOf(t, d.target)
	if different := d.want.differs(got); len(different) > 0 || len(staged) > 0 {
		t.Errorf("%s: not equal to the source: %v; staged collections: %v", what, different, staged)
		return false
	}
	return true
}

// drillPoint is where a restore is disturbed: at a time, or at its n-th command.
type drillPoint struct {
	after time.Duration
	n     int
	at    moment
}

func (p drillPoint) String() string {
	if p.n == 0 {
		return "at a random time"
	}
	return strings.TrimSuffix(string(p.at), " it") + " a command"
}

// points returns n points of each kind. The commands are spread over all of the restore.
func (d *restoreDrill) points(n, commands int) (all []drillPoint) {
	for i := range n {
		all = append(all, drillPoint{after: time.Duration(d.random.Int64N(int64(d.whole)))})
		for _, at := range []moment{beforeRequest, afterReply} {
			all = append(all, drillPoint{n: 1 + (i*commands+d.random.IntN(commands))/n, at: at})
		}
	}
	return all
}

// reach waits until a program is at the point. It returns false if the program has ended before.
func (p drillPoint) reach(c *child, reached <-chan struct{}) bool {
	var passed <-chan time.Time
	if p.n == 0 {
		passed, reached = time.After(p.after), nil
	}
	select {
	case <-passed:
		return true
	case <-reached:
		return true
	case <-c.done:
		return false
	}
}

// kill kills a restore at a point, looks at what it left, and runs it again.
func (d *restoreDrill) kill(t *testing.T, way string, p drillPoint) {
	t.Helper()
	d.prepare(t, way)
	before, _ := stateOf(t, d.target)
	reached := d.proxy.hold(p.n, p.at)
	c := d.restore(t, way, d.proxy.uri())
	isKilled := p.reach(c, reached)
	_ = c.cmd.Process.Signal(syscall.SIGKILL)
	<-c.done
	_, last := d.proxy.progress()
	d.proxy.end()

	row := d.row(p.String())
	row.kills++
	what := fmt.Sprintf("killed %v (%d): %s", p, p.n, last)
	if isKilled {
		d.phases[phaseOf(p, last)]++
		d.look(t, row, what, before)
	} else {
		row.ended++
		if c.code() != 0 {
			t.Errorf("%s: the restore failed before it: %s", what, c.text())
		}
		d.equal(t, what+", and it had ended before") // before the next run would mend it
	}
	again := d.restore(t, way, d.m.URI())
	again.wait(t)
	if again.code() != 0 {
		t.Errorf("%s: the next run ended with %d: %s", what, again.code(), again.text())
	}
	if d.equal(t, what) {
		row.equal++
	}
}

// phaseOf names the phase of a kill by its command, or the last command before it.
func phaseOf(p drillPoint, last string) string {
	if last == "" {
		return "the repository, before the first command"
	}
	return last
}

func (d *restoreDrill) row(name string) *restoreRow {
	if d.rows[name] == nil {
		d.rows[name] = &restoreRow{}
	}
	return d.rows[name]
}

// look checks what can be seen in the target: each collection is as it was, or complete.
func (d *restoreDrill) look(t *testing.T, row *restoreRow, what string, before state) {
	t.Helper()
	got, staged := stateOf(t, d.target)
	complete := 0
	for name, text := range got {
		switch text {
		case d.want[name]:
			complete++
		case before[name]:
		default:
			t.Errorf("%s: the kill left %s with %s", what, name, text)
		}
	}
	for name := range before {
		if got[name] == "" {
			t.Errorf("%s: %s is gone", what, name)
		}
	}
	row.staged += len(staged)
	switch complete {
	case 0:
		row.before++
	case len(d.want):
		row.complete++
	default:
		row.some++
	}
}
