// Package unfinished describes what killed processes have begun in a store.
package unfinished

import (
	"context"
	"fmt"
	"time"

	"github.com/millweir/millweir/backup"
)

// Examine returns the text of a [backup.Finding]: how many unfinished objects the store has, and
// when the oldest was begun. It removes none.
func Examine(ctx context.Context, store backup.Sweeper) (text string, err error) {
	oldest := time.Now()
	n, err := store.Sweep(ctx, &backup.SweepOptions{
		Before: time.Now().Add(time.Hour), DryRun: true, OnUnfinished: func(u backup.Unfinished) {
			if u.Modified.Before(oldest) {
				oldest = u.Modified
			}
		},
	})
	switch {
	case err != nil:
		return "", err
	case n == 0:
		return "none is unfinished", nil
	}
	return fmt.Sprintf("%d unfinished, the oldest from %s: what is older than a week, sweep removes", n,
		oldest.UTC().Format(time.RFC3339)), nil
}
