package backup_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// inBackup returns the _ids of a collection in a backup.
func inBackup(t *testing.T, r *backup.Repository, run, db, coll string) (ids []float64) {
	t.Helper()
	view, err := r.View(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Run(t.Context(), view.Documents(mongosource.Namespace{Database: db, Collection: coll}, nil),
		sink.ForEach(func(_ context.Context, doc bson.Raw) error {
			id, _ := doc.Lookup("_id").AsFloat64OK()
			ids = append(ids, id)
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// While documents are written, an instant backup has those of one time. One by ranges has each
// range as it was at one time. The manifest says what was reached.
func TestConsistency(t *testing.T) {
	for _, level := range []mongosource.Consistency{mongosource.Fuzzy, mongosource.PerRange, mongosource.Instant} {
		d := newDeployment(t)
		d.fill(t, "shop", "a", 0, 900, 250)
		d.fill(t, "shop", "b", 0, 900, 250)
		r, _, _ := repository(t)
		opts := small()
		opts.Consistency = level
		opts.Progress = func(e backup.Event) {
			if e.Kind == backup.SegmentStored {
				for _, coll := range []string{"a", "b"} { // anywhere in the collections
					d.Add("shop", coll, mustRaw(bson.D{{Key: "_id", Value: float64(100*e.Counts.Segments) + 0.5}}))
				}
			}
		}
		job, err := r.Backup(t.Context(), d.client, opts)
		if err != nil {
			t.Fatal(err)
		}
		report, err := backup.Run(t.Context(), job, 1)
		if err != nil {
			t.Fatal(err)
		}
		view, err := r.View(t.Context(), report.Run)
		if err != nil {
			t.Fatal(err)
		}
		m := view.Manifest()
		if m.First.T == 0 || m.Last.T < m.First.T || level == mongosource.Instant && m.First != m.Last {
			t.Errorf("%v: read between %v and %v", level, m.First, m.Last)
		}
		a, b := inBackup(t, r, report.Run, "shop", "a"), inBackup(t, r, report.Run, "shop", "b")
		switch level {
		case mongosource.Instant:
			if report.Consistency != "instant" || len(a) != 900 || len(b) != 900 {
				t.Errorf("%s: %d and %d documents", report.Consistency, len(a), len(b))
			}
		default:
			if report.Consistency != "per range" || len(a) != 900 || len(b) == 900 {
				t.Errorf("%s: %d and %d documents", report.Consistency, len(a), len(b))
			}
		}
		if slices.Contains(report.Weaker, "the consistency is per range") != (level != mongosource.Instant) {
			t.Errorf("weaker: %q", report.Weaker)
		}
	}
}

// A server without snapshots is read fuzzily, if that is accepted.
func TestNoSnapshots(t *testing.T) {
	for _, level := range []mongosource.Consistency{mongosource.Fuzzy, mongosource.PerRange, mongosource.Instant} {
		d := newDeployment(t)
		d.IgnoreSnapshots(true)
		d.fill(t, "shop", "a", 0, 10, 10)
		r, store, _ := repository(t)
		opts := small()
		opts.Consistency = level
		report, err := backUp(t.Context(), r, d, opts)
		if level == mongosource.Fuzzy {
			if err != nil || report.Consistency != "fuzzy" {
				t.Errorf("%s, %v", report.Consistency, err)
			}
			view, err := r.View(t.Context(), report.Run)
			if err != nil || view.Manifest().First.T == 0 || view.Manifest().Last.T == 0 {
				t.Errorf("%+v, %v", view.Manifest(), err)
			}
			continue
		}
		if !errors.Is(err, mongosource.ErrNoSnapshot) || len(keysOf(t, store, "jobs/")) > 0 {
			t.Errorf("%v: %v", level, err)
		}
	}
}

// If the server forgets the time of a snapshot, the rest of a range is read at a later one, except
// for an instant.
func TestSnapshotForgotten(t *testing.T) {
	for _, level := range []mongosource.Consistency{mongosource.PerRange, mongosource.Instant} {
		d := newDeployment(t)
		d.fill(t, "shop", "a", 0, 3000, 6000)
		r, _, _ := repository(t)
		opts := &backup.Options{SegmentBytes: 1 << 20}
		opts.Consistency = level
		forgotten := false
		opts.Progress = func(e backup.Event) {
			if e.Kind == backup.SegmentStored && !forgotten {
				forgotten = true
				d.ForgetSnapshots()
			}
		}
		report, err := backUp(t.Context(), r, d, opts)
		switch {
		case level == mongosource.Instant && !errors.Is(err, mongosource.ErrSnapshotTooOld):
			t.Errorf("instant: %v", err)
		case level == mongosource.PerRange && err != nil:
			t.Errorf("per range: %v", err)
		case err == nil:
			if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
				t.Error(err)
			}
		}
	}
}

// A capped collection cannot be read at one time, which is an error if that is asked for.
func TestCappedConsistency(t *testing.T) {
	d := someOfEach(t)
	r, _, _ := repository(t)
	opts := small()
	opts.Consistency = mongosource.PerRange
	if _, err := backUp(t.Context(), r, d, opts); stream.ClassOf(err) != stream.Fatal {
		t.Error(err)
	}
	opts.Select.Exclude = []string{"crm.log"}
	if report, err := backUp(t.Context(), r, d, opts); err != nil || report.Consistency != "per range" {
		t.Errorf("%s, %v", report.Consistency, err)
	}
}

func mustRaw(d bson.D) bson.Raw {
	doc, err := bson.Marshal(d)
	if err != nil {
		panic(err)
	}
	return doc
}
