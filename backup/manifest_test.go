package backup

import (
	"errors"
	"testing"
	"time"
)

// A manifest that no reader would accept is not stored, nor is its signature.
func TestPutManifestChecks(t *testing.T) {
	r, _ := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 3))
	good := view(t, r, run).Manifest()
	for name, change := range map[string]func(m *Manifest){
		"repository": func(m *Manifest) { m.Repository = "another" },
		"not UTF-8":  func(m *Manifest) { m.Collections[0].Collection = "bad\xff" },
		"negative":   func(m *Manifest) { m.Collections[0].Bytes = -1 },
		"twice":      func(m *Manifest) { m.Collections = append(m.Collections, m.Collections[0]) },
	} {
		m := good
		m.Collections = append([]CollectionEntry(nil), good.Collections...)
		m.Run = newName(time.Now())
		change(&m)
		if err := r.putManifest(t.Context(), &m); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := get(t.Context(), r.store, manifestKey(m.Run)+signatureSuffix); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: a signature was stored: %v", name, err)
		}
	}
}
