package backup_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// replace replaces the documents of a collection with _ids from first on by n others.
func (d deployment) replace(t *testing.T, db, coll string, first, n, size int) {
	t.Helper()
	_, err := d.client.Database(db).Collection(coll).DeleteMany(t.Context(),
		bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: first}}}})
	if err != nil {
		t.Fatal(err)
	}
	d.fill(t, db, coll, first, n, size)
}

// A backup stores only what has changed since the one before it.
func TestReuse(t *testing.T) {
	d := newDeployment(t)
	const documents = 5000
	d.fill(t, "shop", "orders", 0, documents, 400)
	d.fill(t, "shop", "cookies", 0, 20, 10)
	d.fill(t, "shop", "other", 0, 20, 10)
	r, store, _ := repository(t)
	first, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	again, err := backUp(t.Context(), r, d, small())
	if err != nil || again.Counts.Stored != 0 || again.Counts.Reused != first.Counts.Stored {
		t.Errorf("nothing has changed: %+v after %+v, %v", again.Counts, first.Counts, err)
	}
	if keys := keysOf(t, store, "data/"+again.Run); len(keys) > 0 {
		t.Errorf("%d objects", len(keys))
	}
	if err := sameAsServer(t.Context(), r, d, again.Run); err != nil {
		t.Error(err)
	}

	d.replace(t, "shop", "orders", documents-documents/100, documents/100, 401)
	changed, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	if share := float64(changed.Counts.Stored) / float64(first.Counts.Stored); share > 0.1 || share == 0 {
		t.Errorf("1 %% has changed, and %.1f %% was stored", 100*share)
	}
	t.Logf("1 %% has changed, stored %d of %d bytes", changed.Counts.Stored, first.Counts.Stored)
	if err := sameAsServer(t.Context(), r, d, changed.Run); err != nil {
		t.Error(err)
	}

	d.fill(t, "shop", "orders", documents, 500, 400) // after the last segment
	d.fill(t, "shop", "cookies", 20, 1, 10)          // in a bundle
	grown, err := backUp(t.Context(), r, d, small())
	if err != nil || grown.Counts.Stored > first.Counts.Stored/5 || sameAsServer(t.Context(), r, d, grown.Run) != nil {
		t.Errorf("%+v, %v", grown.Counts, err)
	}

	opts := small()
	opts.NoReuse = true
	all, err := backUp(t.Context(), r, d, opts)
	if err != nil || all.Counts.Reused != 0 || sameAsServer(t.Context(), r, d, all.Run) != nil {
		t.Errorf("%+v, %v", all.Counts, err)
	}
}

// Segments are not named again if they are not of this collection, this epoch or this encoding, or if
// the backup was deleted.
func TestNoReuse(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, r *backup.Repository, s backup.Store, d deployment,
		run string, o *backup.Options){
		"encoding": func(_ *testing.T, _ *backup.Repository, _ backup.Store, _ deployment, _ string,
			o *backup.Options,
		) {
			o.Encoding = backup.BSONZstd
		},
		"epoch": func(t *testing.T, r *backup.Repository, _ backup.Store, _ deployment, _ string, _ *backup.Options) {
			if err := r.NewEpoch(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"created again": func(t *testing.T, _ *backup.Repository, _ backup.Store, d deployment, _ string,
			_ *backup.Options,
		) {
			if err := d.client.Database("shop").Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.fill(t, "shop", "orders", 0, 2000, 100)
		},
		"deleted": func(t *testing.T, _ *backup.Repository, s backup.Store, _ deployment, run string,
			_ *backup.Options,
		) {
			putObject(t, s, "gone/"+run)
		},
	} {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 2000, 100)
		r, store, _ := repository(t)
		first, err := backUp(t.Context(), r, d, small())
		if err != nil {
			t.Fatal(err)
		}
		opts := small()
		change(t, r, store, d, first.Run, opts)
		again, err := backUp(t.Context(), r, d, opts)
		if err != nil || again.Counts.Reused > 0 {
			t.Errorf("%s: %+v, %v", name, again.Counts, err)
		} else if err := sameAsServer(t.Context(), r, d, again.Run); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A run whose parent is deleted meanwhile makes no backup.
func TestParentDeleted(t *testing.T) {
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
	units, err := job.Units(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if _, err := job.Do(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	putObject(t, store, "gone/"+first.Run)
	if _, err := job.Finish(t.Context(), nil); !errors.Is(err, backup.ErrDeleted) {
		t.Error(err)
	}
	if keys := keysOf(t, store, "backups/"); len(keys) != 4 { // of the first: catalog, list, signature, manifest
		t.Errorf("%q", keys)
	}
}

// A backup that reuses segments is killed at any change, and resumed.
func TestReuseKilled(t *testing.T) {
	for n, finished := 1, false; !finished; n += step(3) {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 3000, 100)
		d.fill(t, "shop", "cookies", 0, 20, 10)
		r, store, me := repository(t)
		first, err := backUp(t.Context(), r, d, small())
		if err != nil {
			t.Fatal(err)
		}
		d.replace(t, "shop", "orders", 1500, 1600, 160) // more than the segments of the first can have
		killed, err := backup.Open(t.Context(), killAt(store, n, n%2 == 0), me.keys())
		if err != nil {
			t.Fatal(err)
		}
		job, err := killed.Backup(t.Context(), d.client, small())
		run := ""
		if err == nil {
			units, err := job.Units(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, run, _ = cutName(units[0].Job)
			_, err = backup.Run(t.Context(), job, 1)
			finished = err == nil
		}
		if run == "" {
			continue
		}
		again, err := r.Resume(t.Context(), d.client, run, nil)
		if err != nil {
			t.Fatalf("killed at change %d: %v", n, err)
		}
		report, err := backup.Run(t.Context(), again, 1)
		if err != nil {
			t.Fatalf("killed at change %d, resumed: %v", n, err)
		}
		if err := sameAsServer(t.Context(), r, d, run); err != nil {
			t.Errorf("killed at change %d, resumed: %v", n, err)
		}
		if report.Counts.Reused == 0 || report.Counts.Reused == first.Counts.Stored {
			t.Errorf("killed at change %d: %+v", n, report.Counts)
		}
	}
}

// Many small collections need few objects and requests.
func TestManyCollections(t *testing.T) {
	d := newDeployment(t)
	collections := 2000 / step(10)
	for i := range collections {
		d.fill(t, fmt.Sprint("db", i%20), fmt.Sprint("c", i), 0, 3, 20)
	}
	r, store, _ := repository(t)
	began := time.Now()
	report, err := backUp(t.Context(), r, d, nil)
	if err != nil || report.Counts.Collections != int64(collections) {
		t.Fatal(report.Counts, err)
	}
	objects, requests := map[string]int{}, map[string]int{}
	for _, prefix := range []string{"data/", "jobs/", "backups/"} {
		objects[prefix] = len(keysOf(t, store, prefix))
	}
	for _, c := range d.Commands() {
		requests[c.Name]++
	}
	t.Logf("%v: objects %v, requests %v", time.Since(began), objects, requests)
	if objects["data/"] > 10 || objects["backups/"] != collections+3 || objects["jobs/"] > 20 {
		t.Errorf("objects: %v", objects)
	}
	if n := len(d.Commands(mongotestCommands...)); n > 15*collections {
		t.Errorf("%d requests", n)
	}
}

var mongotestCommands = []string{"find", "getMore", "listCollections", "listIndexes", "aggregate", "hello"}

// cutName returns the two words of the name of a job.
func cutName(job string) (kind, run string, ok bool) { return strings.Cut(job, " ") }

// putObject stores an object with some content.
func putObject(t *testing.T, store backup.Store, key string) {
	t.Helper()
	if _, err := stream.Run(t.Context(), source.Of([]byte("x")), store.Put(key, nil)); err != nil {
		t.Fatal(err)
	}
}
