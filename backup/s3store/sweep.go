package s3store

import (
	"context"
	"strings"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink/s3sink"
)

// Sweep implements [backup.Sweeper] by [s3sink.AbortPending]: it aborts unfinished multipart uploads
// of objects, and of the probe of [Store.Check].
// An upload that is older than Before is aborted even if it is still in progress.
func (s *Store) Sweep(ctx context.Context, opts *backup.SweepOptions) (int64, error) {
	if s.invalid != nil {
		return 0, s.invalid
	}
	o := opts.Defaults()
	age := time.Since(o.Before)
	if age <= 0 {
		age = -1 // all
	}
	n, err := s3sink.AbortPending(ctx, s.client, s.bucket, s.prefix, &s3sink.AbortPendingOptions{
		OlderThan: age,
		DryRun:    o.DryRun,
		Select: func(u s3sink.PendingUpload) bool {
			return backup.CheckKey(s.key(u)) == nil || s.key(u) == probeKey
		},
		OnUpload: func(u s3sink.PendingUpload) {
			o.OnUnfinished(backup.Unfinished{Key: s.key(u), Size: -1, Modified: u.Began})
		},
	})
	return int64(n), err
}

// key returns the key of the object that an upload was to become.
func (s *Store) key(u s3sink.PendingUpload) string { return strings.TrimPrefix(u.Key, s.prefix) }
