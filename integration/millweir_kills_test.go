package integration_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/integration/servers"
)

// TestBackupKills kills millweir backup (SIGKILL) at random times of its work, and before and after
// every request to the store. After each kill millweir list shows nothing new, or a backup that is
// whole. The next run succeeds: --resume goes on, or a new backup. At the end a sweep leaves the backups
// and nothing else. Requests to a directory cannot be held: package backup kills before and after each
// change in the process of its test.
func TestBackupKills(t *testing.T) {
	t.Run("directory", func(t *testing.T) {
		t.Parallel()
		k := newBackupKills(t, func(t testing.TB, keys string) *repository { return inDirectory(t, keys) })
		k.randomTimes(t, sample(4, 100))
		k.end(t)
	})
	t.Run("S3", func(t *testing.T) {
		t.Parallel()
		s := servers.Shared.Versitygw(t)
		k := newBackupKills(t, func(t testing.TB, keys string) *repository { return inBucket(t, keys, s) })
		k.requests = newRequestProxy(t, s.Addr())
		k.randomTimes(t, sample(1, 100))
		k.everyRequest(t, sample(1, 0))
		k.end(t)
	})
}

// backupKills counts what kills of millweir backup left. Every few kills it begins another
// repository.
type backupKills struct {
	*repository
	db        *mongo.Database
	uri       string
	documents int64
	keys      string
	newRepo   func(t testing.TB, keys string) *repository
	requests  *requestProxy // between the program and S3; nil without one
	random    *rand.Rand
	kills     int // all

	listed []string        // the backups of the repository
	known  map[string]bool // its runs

	rows map[string]*killRow
}

// killRow is a row of the table.
type killRow struct {
	kills  int
	phases map[string]int
	next   map[string]int
}

func newBackupKills(t *testing.T, makeRepository func(t testing.TB, keys string) *repository) *backupKills {
	t.Helper()
	m := servers.Shared.SecantusDB(t)
	k := &backupKills{
		db: m.Database(t), uri: m.URI(), keys: newProgramKeys(t), newRepo: makeRepository, random: seeded(t),
		rows: map[string]*killRow{},
	}
	k.documents = shop(t, k.db, sample(512, 10<<10)) // 10 MiB are uploaded in parts
	k.begin(t)
	return k
}

// begin makes a new repository with a backup.
func (k *backupKills) begin(t *testing.T) {
	t.Helper()
	k.repository = k.newRepo(t, k.keys)
	k.must(t, nil)
}

// must makes a backup to its end.
func (k *backupKills) must(t *testing.T, env []string, more ...string) {
	t.Helper()
	k.run(t, append(env, k.mongo()...), "backup", k.flags(more...)...).succeeded(t)
	k.listed, k.known = names(k.list(t)), map[string]bool{}
	_ = k.phase(t) // all runs are known
}

func (k *backupKills) mongo() []string { return []string{"MONGODB_URI=" + k.uri} }

// flags returns the flags of a backup, and more.
func (k *backupKills) flags(more ...string) []string {
	return append([]string{"--signing-key", k.signingKey(), "--include", k.db.Name()}, more...)
}

// randomTimes kills n backups at random times of their work.
func (k *backupKills) randomTimes(t *testing.T, n int) {
	t.Helper()
	change(t, k.db, k.random)
	began := time.Now()
	k.must(t, nil, "--no-reuse")
	whole := time.Since(began)
	for range n {
		after := time.Duration(k.random.Int64N(int64(whole)))
		k.kill(t, "at a random time", func(c *child) bool {
			select {
			case <-time.After(after):
				return true
			case <-c.done:
				return false
			}
		}, nil)
	}
}

// everyRequest kills backups before and after every request to the store. If few is not 0, it kills at
// that number of requests.
func (k *backupKills) everyRequest(t *testing.T, few int) {
	t.Helper()
	env := servers.Env(k.requests.URL)
	change(t, k.db, k.random)
	k.requests.hold(0, beforeRequest)
	k.must(t, env)
	requests, _ := k.requests.progress()
	t.Logf("a backup sends %d requests", requests)
	var points []int
	for n := range requests {
		points = append(points, n+1)
	}
	if few > 0 {
		k.random.Shuffle(requests, func(i, j int) { points[i], points[j] = points[j], points[i] })
		points = points[:few]
	}
	for _, n := range points {
		for _, at := range []moment{beforeRequest, afterReply} {
			reached := k.requests.hold(n, at)
			k.kill(t, string(at[:len(at)-3])+" a request", func(c *child) bool {
				select {
				case <-reached:
					return true
				case <-c.done:
					return false
				}
			}, env)
		}
	}
}

// kill kills a backup when a function returns true, looks at what it left, and makes the next one.
func (k *backupKills) kill(t *testing.T, way string, reached func(*child) bool, env []string) {
	t.Helper()
	const killsOfRepository = 20
	if k.kills++; k.kills%killsOfRepository == 0 {
		k.cleanUp(t)
		k.begin(t)
	}
	change(t, k.db, k.random)
	var more []string
	if k.kills%3 == 0 {
		more = []string{"--no-reuse"}
	}
	c := k.start(t, append(env, k.mongo()...), "backup", k.flags(more...)...)
	isKilled := reached(c)
	_ = c.cmd.Process.Signal(syscall.SIGKILL)
	<-c.done
	if k.requests != nil {
		k.requests.end()
	}
	row := k.row(way)
	row.kills++
	what := fmt.Sprintf("kill %d, %s", k.kills, way)
	phase := "ended before"
	if isKilled {
		phase = k.look(t, what)
	} else if c.code() != 0 {
		t.Errorf("%s: the backup failed before it: %s", what, c.text())
	}
	row.phases[phase]++
	row.next[k.next(t, what, c)]++
}

func (k *backupKills) row(way string) *killRow {
	if k.rows[way] == nil {
		k.rows[way] = &killRow{phases: map[string]int{}, next: map[string]int{}}
	}
	return k.rows[way]
}

// look checks what is listed after a kill. It returns the phase in which the kill was.
func (k *backupKills) look(t *testing.T, what string) (phase string) {
	t.Helper()
	listed := k.list(t)
	if len(listed) > len(k.listed)+1 || !slices.Equal(names(listed)[:len(k.listed)], k.listed) {
		t.Errorf("%s: %v are listed, after %v", what, names(listed), k.listed)
	}
	if len(listed) > len(k.listed) {
		m := listed[len(listed)-1]
		if n := m.Documents(); n != k.documents {
			t.Errorf("%s: the backup %s has %d documents, want %d", what, m.Run, n, k.documents)
		}
		k.read(t, m.Run)
		k.listed, k.known[m.Run] = append(k.listed, m.Run), true
		return "committed"
	}
	return k.phase(t)
}

// phase returns how far the newest run came, by what it stored.
func (k *backupKills) phase(t *testing.T) string {
	t.Helper()
	stored, runs := map[string]bool{}, map[string]bool{}
	for _, key := range k.objects(t) {
		folder, name, _ := strings.Cut(key, "/")
		run, name, _ := strings.Cut(name, "/")
		switch {
		case folder == "keys" || k.known[run] || name == "":
		case folder == "jobs" && !strings.HasPrefix(name, "plan."):
			stored["receipts"] = true
		default:
			stored[folder] = true
		}
		runs[run] = true
	}
	maps.Copy(k.known, runs)
	switch {
	case stored["backups"]:
		return "catalogs"
	case stored["receipts"]:
		return "receipts"
	case stored["data"]:
		return "data"
	case stored["jobs"]:
		return "plan"
	}
	return "nothing"
}

// begun finds the name of a run in what its backup wrote.
var begun = regexp.MustCompile(`began the backup (\S+):`)

// next makes the next backup: it resumes the one that was killed, or begins another one. It returns
// what that did.
func (k *backupKills) next(t *testing.T, what string, killed *child) (did string) {
	t.Helper()
	args := k.flags()
	run := begun.FindStringSubmatch(killed.stderr.String())
	resumes := run != nil && k.random.IntN(2) == 0
	if resumes {
		args = []string{"--signing-key", k.signingKey(), "--resume", run[1]}
	}
	c := k.repository.run(t, k.mongo(), "backup", append(args, "--json")...)
	var report backup.Report
	if err := json.Unmarshal(c.stdout.Bytes(), &report); c.code() != 0 || err != nil {
		t.Errorf("%s: the next run ended with %d: %s (%v)", what, c.code(), c.text(), err)
		return "failed"
	}
	wasListed := slices.Contains(k.listed, report.Run)
	listed := k.list(t)
	k.listed, k.known[report.Run] = names(listed), true
	m := listed[len(listed)-1]
	if m.Run != report.Run || m.Documents() != k.documents {
		t.Errorf("%s: after the next run, %s, the backup %s with %d documents is listed", what, report.Run, m.Run,
			m.Documents())
	}
	switch {
	case resumes && m.Run != run[1]:
		t.Errorf("%s: --resume %s made %s", what, run[1], m.Run)
	case resumes && wasListed:
		return "was complete"
	case resumes:
		return "resumed"
	case report.Counts.Reused == 0:
		t.Errorf("%s: the next backup reused nothing", what)
	}
	return "reused"
}

// cleanUp sweeps the repository, and reads its backups.
func (k *backupKills) cleanUp(t *testing.T) {
	t.Helper()
	swept := k.cleaned(t)
	t.Logf("swept %d objects and %d unfinished ones; %d backups are whole", swept.Objects, swept.Unfinished,
		len(k.list(t)))
}

var backupPhases = []string{"nothing", "plan", "data", "receipts", "catalogs", "committed", "ended before"}

// end sweeps the last repository and logs the table.
func (k *backupKills) end(t *testing.T) {
	t.Helper()
	k.cleanUp(t)
	t.Logf("| killed | kills | %s | next: resumed | was complete | reused |", strings.Join(backupPhases, " | "))
	t.Logf("|---|---|%s---|---|---|", strings.Repeat("---|", len(backupPhases)))
	for _, way := range slices.Sorted(maps.Keys(k.rows)) {
		row := k.rows[way]
		line := fmt.Sprintf("| %s | %d |", way, row.kills)
		for _, phase := range backupPhases {
			line += fmt.Sprintf(" %d |", row.phases[phase])
		}
		t.Logf("%s %d | %d | %d |", line, row.next["resumed"], row.next["was complete"], row.next["reused"])
	}
}
