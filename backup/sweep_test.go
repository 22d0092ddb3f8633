package backup

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// leave stores an object that no backup names.
func leave(t *testing.T, store Store, key string) {
	t.Helper()
	if _, err := stream.Run(t.Context(), source.Of([]byte("x")), store.Put(key, nil)); err != nil {
		t.Fatal(err)
	}
}

// has reports whether the store has objects with the prefix.
func has(store *memStore, prefix string) bool { return len(store.keys(prefix)) > 0 }

// A store without backups may be one that does not show them: its data is not deleted unasked.
func TestSweepWithoutBackups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := makeRepository(t)
		run := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2, 2))
		for _, key := range store.keys("backups/") {
			delete(store.objects, key)
		}
		leave(t, store, "jobs/"+run+"/plan.jsonl.gz.age")
		before := len(store.keys(""))
		if _, err := r.Sweep(t.Context(), nil); err != nil {
			t.Error("nothing would be deleted:", err)
		}
		time.Sleep(8 * day)
		s, err := r.Sweep(t.Context(), nil)
		if !errors.Is(err, ErrNoBackups) || stream.ClassOf(err) != stream.Fatal || len(store.keys("")) != before {
			t.Errorf("%+v, %v", s, err)
		}
		if _, err := r.Sweep(t.Context(), &SweepRepositoryOptions{WithoutBackups: true}); err != nil ||
			has(store, "data/") || has(store, "jobs/") {
			t.Errorf("left %q, %v", store.keys(""), err)
		}
	})
}

// A sweep deletes what failed runs left when the grace has passed, and not before.
func TestSweepLeftovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := makeRepository(t)
		run := newName(time.Now())
		left := []string{
			"data/" + run + "/0-0-aa.jsonl.gz.age", "jobs/" + run + "/plan.jsonl.gz.age",
			"backups/" + run + "/0.jsonl.gz.age", "backups/" + run + "/objects-aa.jsonl.gz",
			"backups/" + run + ".json.sig",
		}
		strangers := []string{"data/readme", "backups/notes.txt", "other/" + run, "keys/" + run + "/0.age"}
		for _, key := range append(left, strangers...) {
			leave(t, store, key)
		}
		good := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2, 2))
		before := len(store.keys(""))
		time.Sleep(7 * day)
		if s, err := r.Sweep(t.Context(), nil); err != nil || s.Objects != 0 || len(store.keys("")) != before {
			t.Fatalf("within the grace: %+v, %v", s, err)
		}
		time.Sleep(time.Second)
		var told []string
		opts := &SweepRepositoryOptions{DryRun: true, OnObject: func(o Object) { told = append(told, o.Key) }}
		if s, err := r.Sweep(t.Context(), opts); err != nil || s.Objects != 5 || len(store.keys("")) != before {
			t.Fatalf("a dry run: %+v, %v", s, err)
		}
		if s, err := r.Sweep(t.Context(), nil); err != nil || s.Objects != 5 || len(told) != 5 {
			t.Fatalf("%+v after %q, %v", s, told, err)
		}
		for _, key := range left {
			if has(store, key) {
				t.Errorf("%s is left", key)
			}
		}
		for _, key := range strangers {
			if !has(store, key) {
				t.Errorf("%s was deleted", key)
			}
		}
		readWhole(t, r, good)
	})
}

// The data of a deleted backup stays for the grace after its deletion, and data that another backup
// names stays for good.
func TestSweepDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := makeRepository(t)
		old := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
		lasting := makeBackup(t, r, time.Now(), plainCollection(t, "db", "d", 2))
		time.Sleep(30 * day)
		young := reuse(t, r, lasting)
		readWhole(t, r, young)
		if _, err := r.Prune(t.Context(), Retention{Last: 1}, nil); err != nil {
			t.Fatal(err)
		}
		sweepNow := func() {
			t.Helper()
			if _, err := r.Sweep(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			readWhole(t, r, young)
		}
		time.Sleep(7 * day)
		sweepNow()
		if !has(store, "data/"+old) || !has(store, "backups/"+old+"/") {
			t.Error("the data was deleted within the grace")
		}
		time.Sleep(time.Second)
		sweepNow()
		if has(store, "data/"+old) || has(store, "backups/"+old) || has(store, "backups/"+lasting) {
			t.Errorf("left: %s", strings.Join(store.keys(""), " "))
		}
		if !has(store, "data/"+lasting) || !has(store, "gone/"+old) {
			t.Error("too much was deleted")
		}
	})
}

// A list that is damaged, missing, or another backup's stops the sweep before the first deletion.
func TestSweepDamagedList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := makeRepository(t)
		leave(t, store, "data/"+newName(time.Now())+"/0-0-aa.jsonl.gz.age")
		run := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
		other := makeBackup(t, r, time.Now(), plainCollection(t, "db", "d", 2))
		time.Sleep(8 * day)
		list := func(run string) string { return objectListKey(run, view(t, r, run).manifest.Objects) }
		key := list(run)
		for name, change := range map[string]func(*memStore){
			"cut":     func(s *memStore) { s.objects[key] = s.objects[key][:len(s.objects[key])-9] },
			"missing": func(s *memStore) { delete(s.objects, key) },
			"swapped": func(s *memStore) { s.objects[key] = s.objects[list(other)] },
			"manifest": func(s *memStore) {
				s.objects[manifestKey(run)] = s.objects[manifestKey(other)]
			},
		} {
			damagedStore := store.clone()
			change(damagedStore)
			copied := *r
			copied.store = damagedStore
			before := len(damagedStore.keys(""))
			if s, err := copied.Sweep(t.Context(), nil); err == nil || s.Objects > 0 ||
				len(damagedStore.keys("")) != before {
				t.Errorf("%s: %+v, %v", name, s, err)
			}
		}
	})
}

// reuse makes a backup that names the segments of another one.
func reuse(t *testing.T, r *Repository, run string) string {
	t.Helper()
	old := view(t, r, run)
	m := old.Manifest()
	m.Run, m.Parent, m.Began = newName(time.Now()), run, time.Now().UTC()
	recipients, err := r.recordRecipients(mustRecipient(t, r))
	if err != nil {
		t.Fatal(err)
	}
	m.Collections = append([]CollectionEntry{}, m.Collections...)
	list := objectList{}
	for n := range m.Collections {
		var head *catalogHead
		var rows []Segment
		if err := old.rows(n).Each(t.Context(), func(row catalogRow) error {
			if row.head != nil {
				head = row.head
				return nil
			}
			list.add(row.segment.Object, row.segment.Offset+row.segment.Length)
			rows = append(rows, *row.segment)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if m.Collections[n].Catalog, err = r.putCatalog(t.Context(), m.Run, n, &m.Collections[n], recipients, head,
			rows); err != nil {
			t.Fatal(err)
		}
	}
	if m.Objects, err = r.putObjects(t.Context(), m.Run, list); err == nil {
		err = r.putManifest(t.Context(), &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.Run
}
