package backup

import (
	"testing"
	"time"
)

// A reader finds the new envelopes if a rekey deletes the old ones after the reader has listed
// them.
func TestRekeyDuringRead(t *testing.T) {
	r, store := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 2))
	hooked := &hookedStore{memStore: store, prefix: epochsPrefix, after: func() {
		if err := r.Rekey(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	reader := *r
	reader.store = hooked
	readWhole(t, &reader, run)
	if has(store, envelopeKey(view(t, r, run).manifest.Epoch, 0)) {
		t.Error("the old envelope was not deleted")
	}
}
