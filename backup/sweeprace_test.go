package backup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// hookedStore calls a function once, after the n-th list of a prefix, from 0 on.
type hookedStore struct {
	*memStore
	prefix string
	n      int64
	lists  atomic.Int64 // that ended
	after  func()
}

func (s *hookedStore) List(prefix string) stream.Source[Object] {
	list := s.memStore.List(prefix)
	return stream.SourceFunc[Object](func(ctx context.Context, emit func(Object) error) error {
		err := list.Each(ctx, emit)
		if prefix == s.prefix && s.lists.Add(1) == s.n+1 {
			s.after()
		}
		return err
	})
}

// A backup that is pruned while a sweep looks keeps its data for the grace.
func TestSweepDuringPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, list := range []struct {
			prefix string
			n      int64
		}{{tombstonesPrefix, 0}, {backupsPrefix, 0}, {tombstonesPrefix, 1}} {
			r, store := makeRepository(t)
			old := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
			time.Sleep(8 * day)
			young := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
			readWhole(t, r, young)
			sweeper := *r
			sweeper.store = &hookedStore{memStore: store, prefix: list.prefix, n: list.n, after: func() {
				if _, err := r.Prune(t.Context(), Retention{Last: 1}, nil); err != nil {
					t.Error(err)
				}
			}}
			if _, err := sweeper.Sweep(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if !has(store, "data/"+old) || !has(store, "backups/"+old+"/") || !has(store, "gone/"+old) {
				t.Errorf("pruned after list %d of %s: %s", list.n, list.prefix, store.keys(""))
			}
		}
	})
}

// A deleted backup that a copy brings back while a sweep looks keeps its data.
func TestSweepDuringCopyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, list := range []struct {
			prefix string
			n      int64
		}{{tombstonesPrefix, 0}, {backupsPrefix, 0}, {tombstonesPrefix, 1}} {
			r, _ := makeRepository(t)
			old := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
			time.Sleep(day)
			young := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
			copied := *r
			to := newMemStore()
			bring := func(run string) {
				if _, err := Run(t.Context(), view(t, r, run).Copy(to, nil), 1); err != nil {
					t.Error(err)
				}
			}
			bring(old)
			bring(young)
			time.Sleep(30 * day)
			copied.store = to
			if _, err := copied.Prune(t.Context(), Retention{Last: 1}, &PruneOptions{Unverified: true}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(day)
			copied.store = &hookedStore{memStore: to, prefix: list.prefix, n: list.n, after: func() { bring(old) }}
			if s, err := copied.Sweep(t.Context(), nil); err != nil || s.Objects > 0 {
				t.Errorf("brought back after list %d of %s: %+v, %v", list.n, list.prefix, s, err)
			}
			copied.store = to
			if has(to, tombstonesPrefix) || !slices.Contains(runs(t, &copied), old) {
				t.Errorf("it is not back: %s", to.keys(""))
				continue
			}
			readWhole(t, &copied, old)
		}
	})
}

// A sweep of the store to which an old backup is copied leaves what the copy has stored.
func TestSweepDuringCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := makeRepository(t)
		run := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
		time.Sleep(30 * day)
		to := newMemStore()
		job := view(t, r, run).Copy(to, nil)
		units, err := job.Units(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := job.Do(t.Context(), units[0])
		if err != nil {
			t.Fatal(err)
		}
		copied := *r
		copied.store = to
		if s, err := copied.Sweep(t.Context(), nil); err != nil || s.Objects != 0 {
			t.Errorf("%+v, %v", s, err)
		}
		time.Sleep(8 * day) // longer than a copy may take
		sweepsAll(t, &copied)
		if _, err := job.Finish(t.Context(), []Receipt{receipt}); !errors.Is(err, ErrNotFound) ||
			has(to, manifestKey(run)) {
			t.Errorf("a backup without its data: %v", err)
		}
		if _, err := Run(t.Context(), job, 1); err != nil {
			t.Error(err)
		}
	})
}

// A copy that lacks an object, or has a cut one, gets no manifest.
func TestCopyChecksTarget(t *testing.T) {
	for name, change := range map[string]func(*memStore, string){
		"missing": func(s *memStore, key string) { delete(s.objects, key) },
		"cut":     func(s *memStore, key string) { s.objects[key] = s.objects[key][:len(s.objects[key])-1] },
	} {
		for _, prefix := range []string{"data/", "backups/"} {
			r, _ := makeRepository(t)
			run := makeBackup(t, r, time.Now(), manyCollections(t)...)
			to := newMemStore()
			leave(t, to, "x")
			delete(to.objects, "x")
			job := view(t, r, run).Copy(to, nil)
			units, err := job.Units(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			receipts, err := doAll(t, job, units)
			if err != nil {
				t.Fatal(err)
			}
			keys := to.keys(prefix)
			change(to, keys[len(keys)/2])
			if _, err := job.Finish(t.Context(), receipts); err == nil || has(to, manifestKey(run)) {
				t.Errorf("%s %s: %v", name, keys[0], err)
			}
		}
	}
}

func doAll(t *testing.T, job Job, units []Unit) (receipts []Receipt, err error) {
	t.Helper()
	err = source.Slice(units).Each(t.Context(), func(u Unit) error {
		receipt, err := job.Do(t.Context(), u)
		receipts = append(receipts, receipt)
		return err
	})
	return receipts, err
}

// A tombstone has a signature that matches, also after a kill between the two.
func TestTombstoneSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := makeRepository(t)
		old := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
		time.Sleep(day)
		readWhole(t, r, makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2)))
		key := tombstonesPrefix + old
		for n := 1; n <= 4; n++ {
			victim := *r
			copied := store.clone()
			victim.store = killedAt(copied, n, true)
			_, _ = victim.Prune(t.Context(), Retention{Last: 1}, nil)
			time.Sleep(time.Minute)
			victim.store = copied
			if _, err := victim.Prune(t.Context(), Retention{Last: 1}, nil); err != nil {
				t.Fatal(err)
			}
			content, err := victim.getSigned(t.Context(), key, "gone "+old)
			if err != nil || !strings.HasSuffix(string(content), "\n") {
				t.Errorf("killed at %d: %q, %v", n, content, err)
			}
		}
		forged := *r
		copied := store.clone()
		copied.objects[key] = []byte("{}")
		forged.store = copied
		if _, err := forged.Prune(t.Context(), Retention{Last: 1}, nil); !errors.Is(err, ErrDamaged) ||
			!has(copied, manifestKey(old)) {
			t.Errorf("another tombstone is there: %v", err)
		}
	})
}

// A copy does not use what a copy has left that was killed long ago: a sweep that has begun before the
// manifest deletes it after.
func TestSweepDeletesOldCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := makeRepository(t)
		run := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2), plainCollection(t, "db", "d", 2))
		to := newMemStore()
		job := view(t, r, run).Copy(to, nil)
		units, err := job.Units(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := job.Do(t.Context(), units[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * day)
		copied := *r
		copied.store = &hookedStore{memStore: to, prefix: tombstonesPrefix, n: 1, after: func() {
			if _, err := Run(t.Context(), job, 1); !errors.Is(err, ErrTooOld) || has(to, manifestKey(run)) {
				t.Errorf("before the deletion: %v", err)
			}
		}}
		sweepsAll(t, &copied)
		copied.store = to
		for range 2 { // the second finds all of it there
			if _, err := Run(t.Context(), job, 1); err != nil {
				t.Error(err)
			}
			readWhole(t, &copied, run)
			time.Sleep(8 * day)
		}
		if s, err := copied.Sweep(t.Context(), nil); err != nil || s.Objects > 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// sweepsAll sweeps a repository without a backup, and finds something to delete.
func sweepsAll(t *testing.T, r *Repository) {
	t.Helper()
	s, err := r.Sweep(t.Context(), &SweepRepositoryOptions{WithoutBackups: true})
	if err != nil || s.Objects == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
