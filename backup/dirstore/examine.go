package dirstore

import (
	"context"
	"fmt"
	"time"

	"github.com/millweir/millweir/backup"
)

// Examine implements [backup.Examiner]. It reports the result of [Store.Check] and the unfinished files.
func (s *Store) Examine(ctx context.Context, found func(backup.Finding)) error {
	err := s.Check(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	found(backup.Finding{Name: "writing", Text: "a file was stored, not replaced, read, listed and deleted", Err: err})
	found(backup.Finding{Name: "object lock", Text: "a directory has none: backups cannot be protected from deletion"})
	oldest := time.Now()
	n, err := s.Sweep(ctx, &backup.SweepOptions{
		Before: time.Now().Add(time.Hour), DryRun: true, OnUnfinished: func(u backup.Unfinished) {
			if u.Modified.Before(oldest) {
				oldest = u.Modified
			}
		},
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	text := "none is unfinished"
	if n > 0 {
		text = fmt.Sprintf("%d unfinished, the oldest from %s: what is older than a week, sweep removes", n,
			oldest.UTC().Format(time.RFC3339))
	}
	found(backup.Finding{Name: "files", Text: text, Err: err})
	return nil
}

var _ backup.Examiner = (*Store)(nil)
