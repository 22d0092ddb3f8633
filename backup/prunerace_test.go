package backup

import (
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
)

// deletingStore calls a function once, before the first deletion.
type deletingStore struct {
	*memStore
	once   sync.Once
	before func()
}

func (s *deletingStore) Delete() stream.Sink[string, int64] {
	s.once.Do(s.before)
	return s.memStore.Delete()
}

// A backup whose tombstone another process deletes while it is pruned has one in the end: a copy that
// brought the backup back, or a prune that could not delete it, saw the manifest still there.
func TestPruneDuringUnbury(t *testing.T) {
	r, store := makeRepository(t)
	old := makeBackup(t, r, time.Now().Add(-8*day), plainCollection(t, "db", "c", 2))
	makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
	pruner := *r
	pruner.store = &deletingStore{memStore: store, before: func() {
		if err := r.unburyIfPresent(t.Context(), old); err != nil || has(store, tombstonesPrefix) {
			t.Errorf("%q, %v", store.keys(tombstonesPrefix), err)
		}
	}}
	if _, err := pruner.Prune(t.Context(), Retention{Last: 1}, &PruneOptions{Unverified: true}); err != nil {
		t.Fatal(err)
	}
	if has(store, manifestKey(old)) {
		t.Errorf("it was not deleted: %q", store.keys(backupsPrefix))
	}
	key := tombstonesPrefix + old
	if _, err := r.getSigned(t.Context(), key, tombstoneKind+" "+old); err != nil {
		t.Errorf("its tombstone: %v", err)
	}
}
