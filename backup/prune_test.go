package backup

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

const day = 24 * time.Hour

// runs returns the names of the backups, the oldest first.
func runs(t *testing.T, r *Repository) (names []string) {
	t.Helper()
	all, err := stream.Run(t.Context(), r.List(), sink.Slice[Manifest]())
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		names = append(names, all[i].Run)
	}
	return names
}

// readWhole verifies a backup, which leaves a proof.
func readWhole(t *testing.T, r *Repository, run string) {
	t.Helper()
	if _, err := Run(t.Context(), view(t, r, run).Verify(Read, nil), 2); err != nil {
		t.Fatal(err)
	}
}

// A prune deletes what no rule keeps, and only after a proof that the newest backup can be read.
func TestPrune(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := makeRepository(t)
		var made []string
		for range 4 {
			made = append(made, makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 3)))
			time.Sleep(day)
		}
		lastTwo := Retention{Last: 2}
		if _, err := r.Prune(t.Context(), lastTwo, nil); !errors.Is(err, ErrUnverified) || len(runs(t, r)) != 4 {
			t.Fatalf("without a proof: %v", err)
		}
		if _, err := Run(t.Context(), view(t, r, made[3]).Verify(Present, nil), 1); err != nil {
			t.Fatal(err)
		}
		readWhole(t, r, made[2])
		damaged := "data/" + made[3]
		for key, body := range store.objects {
			if strings.HasPrefix(key, damaged) {
				store.objects[key] = body[:len(body)-1]
				if _, err := Run(t.Context(), view(t, r, made[3]).Verify(Read, nil), 1); !errors.Is(err, ErrDamaged) {
					t.Fatal(err)
				}
				store.objects[key] = body
			}
		}
		time.Sleep(time.Minute)
		if _, err := r.Prune(t.Context(), lastTwo, nil); !errors.Is(err, ErrUnverified) {
			t.Fatalf("with proofs of less, or of another: %v", err)
		}
		readWhole(t, r, made[3])
		for _, opts := range []*PruneOptions{{DryRun: true}, nil, nil} { // the third has nothing to do
			before := runs(t, r)
			result, err := r.Prune(t.Context(), lastTwo, opts)
			if err != nil || len(result.Weaker) > 0 {
				t.Fatal(result, err)
			}
			want := slices.DeleteFunc(before, func(run string) bool { return slices.Contains(made[2:], run) })
			if !slices.Equal(result.Deleted, want) {
				t.Errorf("it deleted %q, want %q", result.Deleted, want)
			}
		}
		if left := runs(t, r); !slices.Equal(left, made[2:]) {
			t.Errorf("%q are left", left)
		}
		for _, run := range made[2:] {
			readWhole(t, r, run)
		}
		if n := len(store.keys("gone/")); n != 4 { // and signatures
			t.Errorf("%d tombstones", n)
		}
	})
}

// A protected backup stays, and the last one too.
func TestPruneKeeps(t *testing.T) {
	now := time.Now()
	backups := []Manifest{{Run: "1", Retain: now.Add(time.Hour)}, {Run: "2", Retain: now.Add(-time.Hour)}, {Run: "3"}}
	kept, doomed := keep(Retention{Within: time.Nanosecond}, backups, now)
	if len(kept) != 2 || kept[0].Run != "3" || kept[1].Run != "1" || len(doomed) != 1 {
		t.Errorf("kept %v", kept)
	}
	if kept, doomed = keep(Retention{}, backups, now); len(kept) != 3 || len(doomed) != 0 {
		t.Errorf("without a rule: kept %v", kept)
	}
}

// A prune and a sweep that are killed at any change leave a repository whose backups can be read, and
// can be repeated.
func TestPruneKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := makeRepository(t)
		shared := plainCollection(t, "db", "c", 3)
		old := makeBackup(t, r, time.Now(), shared)
		time.Sleep(8 * day)
		young := makeBackup(t, r, time.Now(), shared)
		readWhole(t, r, young)
		for _, applied := range []bool{false, true} {
			for n := 1; ; n++ {
				copied := *r
				victim := store.clone()
				copied.store = killedAt(victim, n, applied)
				_, err := copied.Prune(t.Context(), Retention{Last: 1}, nil)
				finished := err == nil
				copied.store = victim
				for _, run := range runs(t, &copied) {
					readWhole(t, &copied, run)
				}
				if _, err := copied.Prune(t.Context(), Retention{Last: 1}, nil); err != nil {
					t.Fatalf("killed at %d, repeated: %v", n, err)
				}
				time.Sleep(8 * day)
				copied.store = killedAt(victim, n, applied)
				_, err = copied.Sweep(t.Context(), nil)
				finished = finished && err == nil
				copied.store = victim
				if _, err := copied.Sweep(t.Context(), nil); err != nil {
					t.Fatalf("killed at %d, repeated: %v", n, err)
				}
				if left := victim.keys("data/" + old); len(left) > 0 {
					t.Errorf("killed at %d: %q are left", n, left)
				}
				readWhole(t, &copied, young)
				if finished {
					break
				}
			}
		}
	})
}
