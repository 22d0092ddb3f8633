package backup_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A sweep deletes all that it may, also if some objects are protected, and counts and reports what the
// store has acknowledged. The error is that of the protection.
func TestSweepHeld(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "cookies", 0, 20, 10)
	now := time.Now()
	for _, held := range [][]int{nil, {0}, {1999}, {3, 4, 1200}} {
		stored := now.AddDate(0, -1, 0)
		store := memstore.New(&memstore.Options{Now: func() time.Time { return stored }})
		r, err := backup.Init(t.Context(), store, newPerson(t).keys(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backUp(t.Context(), r, d, small()); err != nil {
			t.Fatal(err)
		}
		const objects = 2000 // two batches
		for i := range objects {
			var o backup.PutOptions
			for _, n := range held {
				if n == i {
					o.RetainUntil = now.Add(time.Hour)
				}
			}
			key := fmt.Sprintf("data/20010101t000000z-0000000000000000/0-0-%016d.jsonl.gz.age", i)
			if _, err := stream.Run(t.Context(), source.Of([]byte("x")), store.Put(key, &o)); err != nil {
				t.Fatal(err)
			}
		}
		stored = now
		for _, dryRun := range []bool{true, false} {
			want := int64(objects)
			if !dryRun {
				want -= int64(len(held))
			}
			events := record(t, "sweep")
			told := int64(0)
			swept, err := r.Sweep(t.Context(), &backup.SweepRepositoryOptions{
				DryRun: dryRun, Progress: events.take, OnObject: func(backup.Object) { told++ },
			})
			if failed := !dryRun && len(held) > 0; errors.Is(err, backup.ErrHeld) != failed || (err != nil) != failed ||
				(events.kind[backup.Finished] == 0) != failed {
				t.Errorf("held %v, dry run %v: %v, %v", held, dryRun, err, events.kind)
			}
			reported := int64(0)
			if n := len(events.all); n > 0 {
				reported = events.all[n-1].Counts.Objects
			}
			if swept.Objects != want || swept.Bytes != want || told != want || !dryRun && reported != want ||
				dryRun && (reported != 0 || events.kind[backup.ObjectsDeleted] != 0) {
				t.Errorf("held %v, dry run %v: %+v, %d told, %d reported", held, dryRun, swept, told, reported)
			}
		}
		if left := len(keysOf(t, store, "data/2001")); left != len(held) {
			t.Errorf("held %v: %d objects are left", held, left)
		}
	}
}

// What a sweep could not delete is not counted.
func TestSweepCountsAcknowledged(t *testing.T) {
	store := &failingDelete{Store: memstore.New(&memstore.Options{
		Now: func() time.Time { return time.Now().AddDate(0, -1, 0) },
	})}
	r, err := backup.Init(t.Context(), store, newPerson(t).keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := newDeployment(t)
	d.fill(t, "shop", "cookies", 0, 20, 10)
	if _, err := backUp(t.Context(), r, d, small()); err != nil {
		t.Fatal(err)
	}
	putObject(t, store, "data/20010101t000000z-0000000000000000/0-0-0000000000000000.jsonl.gz.age")
	swept, err := r.Sweep(t.Context(), &backup.SweepRepositoryOptions{
		OnObject: func(o backup.Object) { t.Errorf("%s was not deleted", o.Key) },
	})
	if !errors.Is(err, errDelete) || swept != (backup.Swept{}) {
		t.Errorf("%+v, %v", swept, err)
	}
}

var errDelete = errors.New("it is not deleted")

// failingDelete takes keys and deletes nothing.
type failingDelete struct{ backup.Store }

func (s *failingDelete) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (int64, error) {
		err := src.Each(ctx, func(string) error { return nil })
		return 0, errors.Join(err, errDelete)
	})
}
