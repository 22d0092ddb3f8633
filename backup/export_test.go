package backup

import (
	"context"
	"time"

	"github.com/millweir/millweir/stream"
)

// WithClock returns r with a clock of its own, as on another machine.
func WithClock(r *Repository, clock func() time.Time) *Repository {
	other := *r
	other.clock = clock
	return &other
}

// KeysOf returns the keys of all objects that a backup needs, except for its manifest.
func KeysOf(ctx context.Context, v *View) (keys []string, _ error) {
	m := v.manifest
	keys = append(keys, objectListKey(m.Run, m.Objects))
	for n := range m.Collections {
		keys = append(keys, v.repo.catalogKey(m.Run, n, m.Collections[n].Catalog))
	}
	for o, err := range stream.All(ctx, v.repo.objects(m)) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// The units of a test must not depend on how fast the server answers.
func init() { unmeasured = true }
