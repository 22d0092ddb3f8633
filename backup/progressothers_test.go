package backup_test

import (
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// A comparison and a prune report the same events.
func TestProgressOfOthers(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 2000, 400)
	r, _, _ := repository(t)
	first, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	d.replace(t, "shop", "orders", 1990, 20, 401)
	second, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	a, errA := r.View(t.Context(), first.Run)
	b, errB := r.View(t.Context(), second.Run)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	events := record(t, "diff")
	found, err := stream.Run(t.Context(), a.Diff(b, &backup.DiffOptions{Progress: events.take}),
		sink.Slice[backup.Difference]())
	if err != nil || len(found) != 20 {
		t.Fatal(len(found), err)
	}
	events.ended(first.Counts.Documents+second.Counts.Documents, first.Counts.Bytes+second.Counts.Bytes,
		backup.SegmentProven, backup.UnitDone)

	pruned := record(t, "prune")
	if _, err := r.Prune(t.Context(), backup.Retention{Last: 1}, &backup.PruneOptions{
		Unverified: true, Progress: pruned.take,
	}); err != nil {
		t.Fatal(err)
	}
	pruned.ended(0, 0, backup.BackupDeleted)
}

// A dry run deletes nothing, and reports no deletion. A prune that has nothing to delete reports
// its end.
func TestProgressOfDryRuns(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "cookies", 0, 20, 10)
	r, _, _ := repository(t)
	for range 2 {
		if _, err := backUp(t.Context(), r, d, small()); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range []struct {
		last   int
		dryRun bool
		want   int
	}{{1, true, 0}, {2, false, 0}, {1, false, 1}} {
		pruned := record(t, "prune")
		if _, err := r.Prune(t.Context(), backup.Retention{Last: o.last}, &backup.PruneOptions{
			DryRun: o.dryRun, Unverified: true, Progress: pruned.take,
		}); err != nil {
			t.Fatal(err)
		}
		if pruned.kind[backup.BackupDeleted] != o.want || pruned.kind[backup.Finished] != 1 ||
			len(pruned.all) != o.want+1 {
			t.Errorf("%+v: %v", o, pruned.kind)
		}
	}
}
