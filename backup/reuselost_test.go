package backup_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// lose deletes an object, or leaves only its first bytes.
func lose(t *testing.T, store backup.Store, key string, left int) {
	t.Helper()
	parts, err := stream.Run(t.Context(), store.Get(key, nil), sink.Slice[[]byte]())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Run(t.Context(), source.Of(key), store.Delete()); err != nil {
		t.Fatal(err)
	}
	if left == 0 {
		return
	}
	body := slices.Concat(parts...)[:left]
	if _, err := stream.Run(t.Context(), source.Of(body), store.Put(key, nil)); err != nil {
		t.Fatal(err)
	}
}

// doUnits does all units of a job.
func doUnits(t *testing.T, job backup.Job) {
	t.Helper()
	units, err := job.Units(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if _, err := job.Do(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
}

// A collection whose objects in the parent are missing or cut is stored again. Others are not.
func TestReuseLost(t *testing.T) {
	for _, left := range []int{0, 100} {
		for n := range 4 { // an object of shop.orders, or that of the small collections
			d := newDeployment(t)
			d.fill(t, "shop", "orders", 0, 2000, 100)
			d.fill(t, "shop", "cookies", 0, 20, 10)
			d.fill(t, "shop", "other", 0, 20, 10)
			r, store, _ := repository(t)
			first, err := backUp(t.Context(), r, d, small())
			if err != nil {
				t.Fatal(err)
			}
			keys := keysOf(t, store, "data/"+first.Run)
			lose(t, store, keys[min(n*len(keys)/3, len(keys)-1)], left)
			again, err := backUp(t.Context(), r, d, small())
			if err != nil || again.Counts.Reused == 0 || again.Counts.Stored == 0 {
				t.Errorf("object %d of %d bytes: %+v, %v", n, left, again.Counts, err)
				continue
			}
			if err := sameAsServer(t.Context(), r, d, again.Run); err != nil {
				t.Errorf("object %d of %d bytes: %v", n, left, err)
			}
		}
	}
}

// An object that is lost after the plan fails the backup, which has no manifest then.
func TestReuseLostMeanwhile(t *testing.T) {
	for _, left := range []int{0, 100} {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 2000, 100)
		r, store, _ := repository(t)
		first, err := backUp(t.Context(), r, d, small())
		if err != nil {
			t.Fatal(err)
		}
		job, err := r.Backup(t.Context(), d.client, small())
		if err != nil {
			t.Fatal(err)
		}
		doUnits(t, job)
		before := keysOf(t, store, "backups/")
		lose(t, store, keysOf(t, store, "data/"+first.Run)[1], left)
		if _, err := job.Finish(t.Context(), nil); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%d bytes are left: %v", left, err)
		}
		for _, key := range keysOf(t, store, "backups/") {
			if !slices.Contains(before, key) && (key[len(key)-5:] == ".json" || key[len(key)-4:] == ".sig") {
				t.Errorf("%d bytes are left: %s was stored", left, key)
			}
		}
	}
}

// If an object cannot be protected because it is lost, its range is stored again.
func TestRetainLost(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 2000, 100)
	d.fill(t, "shop", "cookies", 0, 20, 10)
	r, store, _ := repository(t)
	first, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	opts := small()
	opts.RetainUntil = time.Now().Add(time.Hour)
	job, err := r.Backup(t.Context(), d.client, opts)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range keysOf(t, store, "data/"+first.Run) {
		if i%2 == 0 {
			lose(t, store, key, 0)
		}
	}
	report, err := backup.Run(t.Context(), job, 1)
	if err != nil || report.Counts.Stored == 0 || report.Counts.Reused == 0 {
		t.Fatalf("%+v, %v", report.Counts, err)
	}
	if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
		t.Error(err)
	}
}

// Only what a backup names is protected with it, and not what it reads and stores again: small
// segments that become one.
func TestRetainNamedOnly(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 2000, 400)
	d.fill(t, "shop", "cookies", 0, 20, 10)
	now := time.Now()
	store := memstore.New(&memstore.Options{Now: func() time.Time { return now }})
	r, err := backup.Init(t.Context(), store, newPerson(t).keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	opts := &backup.Options{SegmentBytes: 16 * small().SegmentBytes, RetainUntil: now.Add(time.Hour)}
	again, err := backUp(t.Context(), r, d, opts)
	if err != nil || again.Counts.Stored == 0 || again.Counts.Reused == 0 ||
		sameAsServer(t.Context(), r, d, again.Run) != nil {
		t.Fatalf("%+v, %v", again.Counts, err)
	}
	held := 0
	for _, key := range keysOf(t, store, "data/"+first.Run) {
		if _, err := stream.Run(t.Context(), source.Of(key), store.Delete()); errors.Is(err, backup.ErrHeld) {
			held++
		}
	}
	if held != 1 {
		t.Errorf("%d objects of the first backup are protected, and only that of the small collection is named", held)
	}
}
