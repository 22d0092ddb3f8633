package backup_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
)

// pruneToOne deletes all backups but the newest.
func pruneToOne(t *testing.T, r *backup.Repository) error {
	t.Helper()
	_, err := r.Prune(t.Context(), backup.Retention{Last: 1}, &backup.PruneOptions{Unverified: true})
	return err
}

// twoBackups returns a repository with two backups, and their names.
func twoBackups(t *testing.T, store backup.Store) (r *backup.Repository, d deployment, me person, runs []string) {
	t.Helper()
	d = newDeployment(t)
	d.fill(t, "shop", "orders", 0, 900, 250)
	me = newPerson(t)
	r, err := backup.Init(t.Context(), store, me.keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		opts := small()
		opts.NoReuse = true
		report, err := backUp(t.Context(), r, d, opts)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, report.Run)
	}
	return r, d, me, runs
}

// A backup that the store does not let a prune delete stays as it was: it has no tombstone, and
// later backups can reuse it.
func TestPruneHeld(t *testing.T) {
	now := time.Now()
	store := memstore.New(&memstore.Options{Now: func() time.Time { return now }})
	r, d, _, runs := twoBackups(t, store)
	if err := store.Hold(t.Context(), "backups/"+runs[0]+".json", now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := pruneToOne(t, r); !errors.Is(err, backup.ErrHeld) {
			t.Fatal(err)
		}
		if gone := keysOf(t, store, "gone/"); len(gone) > 0 {
			t.Errorf("%q", gone)
		}
	}
	opts := small()
	opts.Parent = runs[0]
	if report, err := backUp(t.Context(), r, d, opts); err != nil || report.Counts.Reused == 0 {
		t.Errorf("%+v, %v", report.Counts, err)
	}
	now = now.Add(2 * time.Hour)
	if err := pruneToOne(t, r); err != nil {
		t.Error(err)
	}
	if gone := keysOf(t, store, "gone/"); len(gone) != 4 { // two, and their signatures
		t.Errorf("%q", gone)
	}
}

// A prune deletes all that it may, also if some backups are protected. The error is that of the
// protection.
func TestPruneWithHeld(t *testing.T) {
	now := time.Now()
	for _, held := range [][]int{{0}, {1}, {0, 1}} {
		store := memstore.New(&memstore.Options{Now: func() time.Time { return now }})
		r, d, _, names := twoBackups(t, store)
		if _, err := backUp(t.Context(), r, d, small()); err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(names)
		for _, n := range held {
			if err := store.Hold(t.Context(), "backups/"+names[n]+".json", now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			want = slices.DeleteFunc(want, func(run string) bool { return run == names[n] })
		}
		events := record(t, "prune")
		pruned, err := r.Prune(t.Context(), backup.Retention{Last: 1}, &backup.PruneOptions{
			Unverified: true, Progress: events.take,
		})
		if !errors.Is(err, backup.ErrHeld) || !slices.Equal(pruned.Deleted, want) ||
			events.kind[backup.BackupDeleted] != len(want) || events.kind[backup.Finished] != 0 {
			t.Errorf("held %v: %+v, %v, %v", held, pruned, events.kind, err)
		}
		if gone := keysOf(t, store, "gone/"); len(gone) != 2*len(want) {
			t.Errorf("held %v: %q", held, gone)
		}
	}
}

// A backup that a copy has brought back is like any other: when it is deleted again, its data stays
// until the grace has passed.
func TestCopyOfDeletedAgain(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	source, _, me, runs := twoBackups(t, memstore.New(nil))
	to := memstore.New(&memstore.Options{Now: clock})
	bring := func(run string) {
		t.Helper()
		view, err := backup.WithClock(source, clock).View(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Run(t.Context(), view.Copy(to, nil), 1); err != nil {
			t.Fatal(err)
		}
	}
	bring(runs[0])
	bring(runs[1])
	r, err := backup.Open(t.Context(), to, me.keys())
	if err != nil {
		t.Fatal(err)
	}
	r = backup.WithClock(r, clock)
	for _, days := range []int{20, 20} {
		if err := pruneToOne(t, r); err != nil {
			t.Fatal(err)
		}
		if swept, err := r.Sweep(t.Context(), nil); err != nil || swept.Objects > 0 {
			t.Errorf("before the grace has passed, a sweep deleted %d objects, %v", swept.Objects, err)
		}
		now = now.AddDate(0, 0, days)
		if swept, err := r.Sweep(t.Context(), nil); err != nil || swept.Objects == 0 {
			t.Errorf("after the grace, a sweep deleted %d objects, %v", swept.Objects, err)
		}
		bring(runs[0])
		if gone := keysOf(t, to, "gone/"); len(gone) > 0 {
			t.Errorf("%q", gone)
		}
		now = now.AddDate(0, 0, days)
	}
}
