package backup_test

import (
	"context"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var errKilled = storetest.ErrKilled

// killAt returns a store whose process is killed at its n-th change, before or after it.
func killAt(store backup.Store, n int, applied bool) backup.Store {
	moment := storetest.BeforeChange
	if applied {
		moment = storetest.AfterChange
	}
	faults := new(storetest.Faults)
	faults.KillAt(n, moment)
	return faults.Wrap(store)
}

// deleteBefore returns a store in which objects are deleted just before one is read.
func deleteBefore(t *testing.T, store backup.Store, read string, deleted ...string) backup.Store {
	t.Helper()
	faults := new(storetest.Faults)
	faults.Add(storetest.Fault{Op: "Get", Key: read, Before: func(ctx context.Context) error {
		_, err := stream.Run(ctx, source.Slice(deleted), store.Delete())
		return err
	}})
	return faults.Wrap(store)
}
