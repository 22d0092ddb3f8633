package backup

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/millweir/millweir/stream"
)

// A copy is a repository of its own, which can be verified, and gets other keys.
func TestCopy(t *testing.T) {
	r, store := makeRepository(t)
	run := makeBackup(t, r, time.Now(), manyCollections(t)...)
	v := view(t, r, run)
	to := newMemStore()
	for i := range 2 {
		report, err := Run(t.Context(), v.Copy(to, nil), 3)
		if err != nil {
			t.Fatal(err)
		}
		if report.Counts.Documents != 24 || report.Counts.Segments != partSegments+3 ||
			(report.Counts.Stored == 0) != (i > 0) {
			t.Errorf("%+v", report.Counts)
		}
		if !maps.EqualFunc(to.objects, store.objects, bytes.Equal) {
			t.Errorf("the copy has %d objects, want %d", len(to.objects), len(store.objects))
		}
	}
	copied, err := Open(t.Context(), to, r.keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), view(t, copied, "").Verify(Read, nil), 2); err != nil {
		t.Error(err)
	}
	other := testKeys(t)
	copied.keys.Recipients = other.Recipients
	if err := copied.Rekey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), v.Copy(to, nil), 1); err != nil { // does not bring the old keys back
		t.Error(err)
	}
	for name, test := range map[string]struct {
		identities []age.Identity
		want       error
	}{"new": {other.Identities, nil}, "old": {r.keys.Identities, ErrNoKey}} {
		reader, err := Open(t.Context(), to, Keys{Identities: test.identities})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), view(t, reader, "").Verify(Read, &VerifyOptions{NoProof: true}),
			1); !errors.Is(err, test.want) {
			t.Errorf("the %s keys: %v", name, err)
		}
	}
}

// Damage is not copied, and the copy is no backup then.
func TestCopyDamaged(t *testing.T) {
	r, store := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 5, 5))
	key := store.keys("data/")[0]
	good := store.objects[key]
	for name, change := range map[string]func(from, to *memStore){
		"source":              func(from, _ *memStore) { from.objects[key] = flipped(good, len(good)-9, 1) },
		"source is short":     func(from, _ *memStore) { from.objects[key] = good[:len(good)-1] },
		"target has another":  func(_, to *memStore) { to.objects[key] = flipped(good, 30, 1) },
		"other catalog there": func(_, to *memStore) { to.objects[store.keys("backups/" + run + "/0")[0]] = good },
	} {
		from, to := store.clone(), newMemStore()
		damagedView := view(t, &Repository{store: from, keys: r.keys, id: r.id}, run)
		job := damagedView.Copy(to, nil)
		if _, err := job.Units(t.Context()); err != nil {
			t.Fatal(err)
		}
		change(from, to)
		if _, err := Run(t.Context(), job, 1); stream.ClassOf(err) != stream.Data {
			t.Errorf("%s: %v", name, err)
		}
		if len(to.keys("backups/"+run+".")) > 0 {
			t.Errorf("%s: the copy has a manifest", name)
		}
	}
}

// Only an empty store, or a copy, gets a copy.
func TestCopyRefuses(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 5))
	_, other := makeRepository(t)
	foreign := newMemStore()
	foreign.objects["x"] = []byte("x")
	for name, to := range map[string]*memStore{"another repository": other, "other objects": foreign} {
		before := slices.Clone(to.keys(""))
		if _, err := Run(t.Context(), view(t, r, "").Copy(to, nil), 1); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(before, to.keys("")) {
			t.Errorf("%s was changed", name)
		}
	}
}

// A copy fails if the keys were shredded in either store. It does not bring them back.
func TestCopyShredded(t *testing.T) {
	r, store := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 5))
	copied := newMemStore()
	if _, err := Run(t.Context(), view(t, r, "").Copy(copied, nil), 1); err != nil {
		t.Fatal(err)
	}
	envelopes := func(s *memStore) (keys []string) {
		for _, key := range s.keys(epochsPrefix) {
			if strings.HasSuffix(key, envelopeSuffix) {
				keys = append(keys, key)
			}
		}
		return keys
	}
	for _, key := range envelopes(copied) {
		delete(copied.objects, key)
	}
	_, err := Run(t.Context(), view(t, r, "").Copy(copied, nil), 1)
	if !errors.Is(err, ErrShredded) || !isOfTarget(err) || len(envelopes(copied)) > 0 {
		t.Errorf("the copy was shredded: %v", err)
	}
	empty := newMemStore()
	for _, key := range envelopes(store) {
		delete(store.objects, key)
	}
	_, err = Run(t.Context(), view(t, r, "").Copy(empty, nil), 1)
	if !errors.Is(err, ErrShredded) || isOfTarget(err) || len(empty.keys("")) > 0 {
		t.Errorf("the repository was shredded: %v; the target has %q", err, empty.keys(""))
	}
}

// A copy that was killed after any object is no backup, and goes on.
func TestCopyKilled(t *testing.T) {
	r, store := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 5, 5),
		plainCollection(t, "shop", "orders", 5))
	v := view(t, r, run)
	for n := 0; ; n++ {
		to := &limitedStore{memStore: newMemStore(), left: n}
		_, err := Run(t.Context(), v.Copy(to, nil), 1)
		if err == nil {
			break
		}
		if to.objects[manifestKey(run)] != nil {
			t.Fatalf("a manifest after %d objects", n)
		}
		to.left = 1000
		if _, err := Run(t.Context(), v.Copy(to, nil), 1); err != nil {
			t.Fatalf("killed after %d objects, and run again: %v", n, err)
		}
		if !maps.EqualFunc(to.objects, store.objects, bytes.Equal) {
			t.Errorf("killed after %d objects, and run again: %d objects", n, len(to.objects))
		}
	}
}

// limitedStore stores a number of objects, and then fails.
type limitedStore struct {
	*memStore
	left int
}

func (s *limitedStore) Put(key string, opts *PutOptions) stream.Sink[[]byte, Object] {
	if s.left--; s.left < 0 {
		return stream.SinkFunc[[]byte, Object](func(context.Context, stream.Source[[]byte]) (Object, error) {
			return Object{}, errShort
		})
	}
	return s.memStore.Put(key, opts)
}
