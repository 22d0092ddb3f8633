package backup_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// someOfEach returns a deployment that needs units of all kinds.
func someOfEach(t *testing.T) deployment {
	t.Helper()
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 900, 250)
	d.fill(t, "shop", "cookies", 0, 3, 10)
	d.fill(t, "crm", "people", 0, 9, 10)
	command := bson.D{{Key: "create", Value: "log"}, {Key: "capped", Value: true}, {Key: "size", Value: 1 << 20}}
	if err := d.client.Database("crm").RunCommand(t.Context(), command).Err(); err != nil {
		t.Fatal(err)
	}
	d.fill(t, "crm", "log", 0, 600, 250)
	return d
}

// keysOf returns the keys of a store that begin with a prefix.
func keysOf(t *testing.T, store backup.Store, prefix string) (keys []string) {
	t.Helper()
	objects, err := stream.Run(t.Context(), store.List(prefix), sink.Slice[backup.Object]())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		keys = append(keys, o.Key)
	}
	return keys
}

// plannedRun returns the name of the only run that has a plan, or "".
func plannedRun(t *testing.T, store backup.Store) string {
	t.Helper()
	for _, key := range keysOf(t, store, "jobs/") {
		if strings.HasPrefix(path.Base(key), "plan") {
			return path.Base(path.Dir(key))
		}
	}
	return ""
}

// nothingOrAll checks that the repository has no backup, or one that is whole.
func nothingOrAll(t *testing.T, r *backup.Repository, d deployment) {
	t.Helper()
	found, err := stream.Run(t.Context(), r.List(), sink.Slice[backup.Manifest]())
	if err != nil {
		t.Error(err)
	}
	for _, m := range found {
		if err := sameAsServer(t.Context(), r, d, m.Run); err != nil {
			t.Errorf("the backup %s: %v", m.Run, err)
		}
	}
}

// A backup that is killed at any change of the store left nothing, or a whole backup. It is resumed:
// each range whose receipt is stored is not stored again.
func TestBackupKilled(t *testing.T) {
	d := someOfEach(t)
	finished := false
	for n := 1; !finished; n += step(2) {
		for _, applied := range []bool{false, true} {
			_, store, me := repository(t)
			killed, err := backup.Open(t.Context(), killAt(store, n, applied), me.keys())
			if err != nil {
				t.Fatal(err)
			}
			_, err = backUp(t.Context(), killed, d, small())
			finished = err == nil
			if err != nil && !errors.Is(err, errKilled) {
				t.Fatalf("killed at change %d: %v", n, err)
			}
			name := fmt.Sprintf("killed at change %d, applied %v", n, applied)
			r, err := backup.Open(t.Context(), store, me.keys())
			if err != nil {
				t.Fatal(err)
			}
			nothingOrAll(t, r, d)
			if plannedRun(t, store) != "" {
				resumed(t, name, r, store, d)
			}
		}
	}
}

// resumed resumes the run of a repository, and checks what it has stored.
func resumed(t *testing.T, name string, r *backup.Repository, store backup.Store, d deployment) {
	t.Helper()
	run := plannedRun(t, store)
	ranges := len(keysOf(t, store, "jobs/"+run+"/0-")) // receipts of the first unit, a range
	before := len(keysOf(t, store, "data/"+run+"/0-"))
	job, err := r.Resume(t.Context(), d.client, run, nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	report, err := backup.Run(t.Context(), job, 2)
	if err != nil {
		t.Fatalf("%s, resumed: %v", name, err)
	}
	if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
		t.Errorf("%s, resumed: %v", name, err)
	}
	all := len(keysOf(t, store, "jobs/"+run+"/0-"))
	if stored := len(keysOf(t, store, "data/"+run+"/0-")) - before; stored != all-ranges {
		t.Errorf("%s: %d of %d segments had receipts, and %d were stored again", name, ranges, all, stored)
	}
	again, err := backup.Run(t.Context(), job, 1)
	if err != nil || again.Counts != report.Counts {
		t.Errorf("%s, done again: %+v, %v", name, again.Counts, err)
	}
}

// A backup that is canceled at any command of the server left nothing, or a whole backup.
func TestBackupCanceled(t *testing.T) {
	for _, command := range []string{"find", "getMore", "listCollections", "listIndexes", "aggregate"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			d := someOfEach(t)
			for n, finished := 1, false; !finished; n += step(7) {
				r, store, _ := repository(t)
				ctx, cancel := context.WithCancel(t.Context())
				d.Inject(mongotest.Fault{Command: command, Nth: n, If: canceling(n, cancel)})
				_, err := backUp(ctx, r, d, small())
				d.Heal()
				finished = err == nil
				cancel()
				nothingOrAll(t, r, d)
				if run := plannedRun(t, store); run != "" && !finished {
					resumed(t, fmt.Sprintf("canceled at %s %d", command, n), r, store, d)
				}
			}
		})
	}
}

// canceling returns a condition that never holds. It cancels at the n-th call.
func canceling(n int, cancel func()) func(mongotest.Command) bool {
	seen := 0
	return func(mongotest.Command) bool {
		if seen++; seen == n {
			cancel()
		}
		return false
	}
}

// A failure of any command that passes does no harm.
func TestBackupFaults(t *testing.T) {
	d := someOfEach(t)
	for _, command := range []string{"find", "getMore", "listCollections"} {
		for n := 1; n < 12; n += step(4) {
			d.Inject(mongotest.Fault{Command: command, Nth: n, Code: 11602})
			r, _, _ := repository(t)
			report, err := backUp(t.Context(), r, d, &backup.Options{
				SegmentBytes: 64 << 10, Select: backup.Select{Include: []string{"shop"}},
			})
			d.Heal()
			if err != nil {
				t.Errorf("%s %d: %v", command, n, err)
			} else if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
				t.Errorf("%s %d: %v", command, n, err)
			}
		}
	}
}

// Processes that do the same run at the same time do no harm, and make one backup.
func TestBackupTwice(t *testing.T) {
	d := someOfEach(t)
	r, store, me := repository(t)
	if _, err := r.Backup(t.Context(), d.client, small()); err != nil {
		t.Fatal(err)
	}
	run := plannedRun(t, store)
	var together sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		other, err := backup.Open(t.Context(), store, me.keys())
		if err != nil {
			t.Fatal(err)
		}
		together.Go(func() {
			var job backup.Job
			if job, errs[i] = other.Resume(t.Context(), d.client, run, nil); errs[i] == nil {
				_, errs[i] = backup.Run(t.Context(), job, 2)
			}
		})
	}
	together.Wait()
	nothingOrAll(t, r, d)
	if errs[0] != nil && errs[1] != nil && errs[2] != nil {
		t.Error(errors.Join(errs...))
	}
	if err := sameAsServer(t.Context(), r, d, run); err != nil {
		t.Error(err)
	}
}

// A collection that is dropped, or created again, while a run is interrupted fails it, unless it may
// be missing.
func TestBackupChangedCollection(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		for _, name := range []string{"orders", "cookies"} {
			d := someOfEach(t)
			store := memstore.New(nil)
			me := newPerson(t)
			r, err := backup.Init(t.Context(), store, me.keys(), nil)
			if err != nil {
				t.Fatal(err)
			}
			opts := small()
			opts.AllowMissing = allowed
			job, err := r.Backup(t.Context(), d.client, opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.client.Database("shop").Collection(name).Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.fill(t, "shop", name, 0, 3, 10)
			report, err := backup.Run(t.Context(), job, 2)
			switch {
			case !allowed:
				if err == nil {
					t.Errorf("%s: created again, and the backup was made", name)
				}
				nothingOrAll(t, r, d)
			case err != nil || report.Counts.Collections != 3:
				t.Errorf("%s: %d collections, %v", name, report.Counts.Collections, err)
			case sameAsServer(t.Context(), r, d, report.Run) != nil ||
				!strings.Contains(fmt.Sprint(report.Weaker), name):
				t.Errorf("%s: left out: %q", name, report.Weaker)
			}
		}
	}
}

// A drain lets no unit end early: a scan that is cut short would look like a smaller collection.
func TestBackupDrained(t *testing.T) {
	d := someOfEach(t)
	r, _, _ := repository(t)
	var report backup.Report
	drained := stream.SourceFunc[int](func(ctx context.Context, _ func(int) error) error {
		<-stream.Draining(ctx)
		job, err := r.Backup(ctx, d.client, small())
		if err != nil {
			return err
		}
		if _, err := backup.Run(ctx, job, 1); !errors.Is(err, backup.ErrIncomplete) {
			t.Errorf("a drained run: %v", err)
		}
		units, err := job.Units(ctx)
		if err != nil {
			return err
		}
		for _, u := range units {
			if _, err := job.Do(ctx, u); err != nil {
				return err
			}
		}
		report, err = job.Finish(ctx, nil)
		return err
	})
	running := stream.Go(t.Context(), drained, sink.Discard[int]())
	running.Drain()
	if _, err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := sameAsServer(t.Context(), r, d, report.Run); err != nil || report.Counts.Collections != 4 {
		t.Errorf("%+v, %v", report.Counts, err)
	}
}
