package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// tombstone says that a backup was deleted on purpose. Its data stays until the grace has passed.
type tombstone struct {
	Kind       string    `json:"millweir"` // "gone"
	Format     int       `json:"format"`
	Repository string    `json:"repository"`
	Run        string    `json:"run"`
	Deleted    time.Time `json:"deleted"` // by the pruner's clock
}

const (
	tombstonesPrefix = "gone/"
	tombstoneKind    = "gone"
)

// bury stores the tombstone of a backup and then its signature, so that a repeat signs the
// tombstone that is there, whose time is an earlier one.
func (r *Repository) bury(ctx context.Context, run string) error {
	key, comment := tombstonesPrefix+run, tombstoneKind+" "+run
	content, err := json.Marshal(tombstone{
		tombstoneKind, format, r.id, run, r.now().UTC().Truncate(time.Second),
	})
	if err != nil {
		return err
	}
	if err := existing(put(ctx, r.store, key, append(content, '\n'))); err != nil {
		return err
	}
	if content, err = get(ctx, r.store, key); err != nil {
		return err
	}
	var found tombstone
	if err := unmarshal(content, &found); err != nil || found.Kind != tombstoneKind || found.Repository != r.id ||
		found.Run != run {
		return failed(key, damaged("it is no tombstone of the backup"))
	}
	if err := existing(r.putSignature(ctx, key, content, comment)); err != nil {
		return err
	}
	return r.checkSigned(ctx, key, comment)
}

// tombstones returns when the backups were deleted, by the store's clock.
func (r *Repository) tombstones(ctx context.Context) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	_, err := stream.Run(ctx, r.store.List(tombstonesPrefix), sink.ForEach(func(_ context.Context, o Object) error {
		if run := strings.TrimPrefix(o.Key, tombstonesPrefix); isName(run) {
			all[run] = o.Modified
		}
		return nil
	}))
	return all, err
}

// unbury deletes the tombstone of a backup that exists, its signature first: a signature that is
// left would not be that of a later tombstone.
func (r *Repository) unbury(ctx context.Context, run string) error {
	key := tombstonesPrefix + run
	if _, err := get(ctx, r.store, key); err != nil {
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	err := r.delete(ctx, []string{key + signatureSuffix})
	if err == nil {
		err = r.delete(ctx, []string{key})
	}
	if err != nil {
		return fmt.Errorf("delete the tombstone of a backup that stays: %w", err)
	}
	return nil
}

// unburyIfPresent is unbury for a backup that another process may be deleting.
func (r *Repository) unburyIfPresent(ctx context.Context, run string) error {
	present := func() (bool, error) {
		_, err := get(ctx, r.store, manifestKey(run))
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	if found, err := present(); err != nil || !found {
		return err
	}
	if err := r.unbury(ctx, run); err != nil {
		return err
	}
	found, err := present()
	if err == nil && !found {
		err = r.bury(ctx, run)
	}
	return err
}
