package backup

import (
	"context"
	"time"
)

// WithClock returns r with a clock of its own, as on another machine.
func WithClock(r *Repository, clock func() time.Time) *Repository {
	other := *r
	other.clock = clock
	return &other
}

// KeysOf returns the keys of all objects that a backup needs, except for its manifest.
func KeysOf(ctx context.Context, v *View) (keys []string, _ error) {
	err := v.repo.eachKey(ctx, v.manifest, func(key string) { keys = append(keys, key) })
	return keys, err
}

// The units of a test must not depend on how fast the server answers.
func init() { unmeasured = true }
