package dirstore

import (
	"context"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/unfinished"
)

// Examine implements [backup.Examiner]. It reports the result of [Store.Check] and the unfinished
// files.
func (s *Store) Examine(ctx context.Context, found func(backup.Finding)) error {
	err := s.Check(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	found(backup.Finding{Name: "writing", Text: "a file was stored, not replaced, read, listed and deleted", Err: err})
	found(backup.Finding{Name: "object lock", Text: "a directory has none: backups cannot be protected from deletion"})
	text, err := unfinished.Examine(ctx, s)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	found(backup.Finding{Name: "files", Text: text, Err: err})
	return nil
}

var _ backup.Examiner = (*Store)(nil)
