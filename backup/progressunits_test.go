package backup_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
)

// A job that is resumed knows its units, and counts those that were done before.
func TestProgressOfResume(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 3000, 400)
	d.fill(t, "shop", "cookies", 0, 20, 10)
	r, _, _ := repository(t)
	job, err := r.Backup(t.Context(), d.client, small())
	if err != nil {
		t.Fatal(err)
	}
	units, err := job.Units(t.Context())
	if err != nil || len(units) < 2 {
		t.Fatal(units, err)
	}
	if _, err := job.Do(t.Context(), units[0]); err != nil {
		t.Fatal(err)
	}
	run := strings.TrimPrefix(units[0].Job, "backup ")
	events := record(t, "backup")
	resumed, err := r.Resume(t.Context(), d.client, run, &backup.Options{Progress: events.take})
	if err == nil {
		_, err = backup.Run(t.Context(), resumed, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.all {
		if e.Total.Units != len(units) || e.Units > 0 && e.Share == 0 {
			t.Errorf("%d units: %+v", len(units), e)
		}
	}
	if last := events.all[len(events.all)-1]; last.Units != len(units) || last.Kind != backup.Finished {
		t.Errorf("%d units: %+v", len(units), last)
	}
}

// A view has no documents: the share of a backup with one is that of the bytes.
func TestProgressWithView(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 3000, 400)
	command := bson.D{
		{Key: "create", Value: "seen"}, {Key: "viewOn", Value: "orders"}, {Key: "pipeline", Value: bson.A{}},
	}
	if err := d.client.Database("shop").RunCommand(t.Context(), command).Err(); err != nil {
		t.Fatal(err)
	}
	r, _, _ := repository(t)
	events := record(t, "backup")
	opts := small()
	opts.Progress = events.take
	if _, err := backUp(t.Context(), r, d, opts); err != nil {
		t.Fatal(err)
	}
	before := 0.0 // the share when the first unit was done
	for _, e := range events.all {
		if e.Total.Bytes == 0 {
			t.Fatalf("%+v", e)
		}
		if e.Units == 0 {
			before = e.Share
		}
	}
	if before == 0 {
		t.Error("the share is 0 until the first unit is done")
	}
}

// A unit that is done again counts once.
func TestProgressOfRepeatedUnits(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 2000, 400)
	r, _, _ := repository(t)
	made := record(t, "backup")
	opts := small()
	opts.Progress = made.take
	job, err := r.Backup(t.Context(), d.client, opts)
	if err != nil {
		t.Fatal(err)
	}
	doUnits(t, job)
	doUnits(t, job)
	report, err := backup.Run(t.Context(), job, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, bytes := report.Counts.Documents, report.Counts.Bytes
	made.ended(n, bytes)
	v, err := r.View(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	verified := record(t, "verify")
	verify := v.Verify(backup.Read, &backup.VerifyOptions{Progress: verified.take})
	doUnits(t, verify)
	if _, err := backup.Run(t.Context(), verify, 1); err != nil {
		t.Fatal(err)
	}
	verified.ended(n, bytes)
	restored := record(t, "restore")
	restore := v.Restore(d.client, &backup.RestoreOptions{
		Progress: restored.take, Renames: []backup.RenameRule{{From: "shop", To: "back"}},
	})
	doUnits(t, restore)
	if _, err := backup.Run(t.Context(), restore, 1); err != nil {
		t.Fatal(err)
	}
	restored.ended(n, bytes)
}
