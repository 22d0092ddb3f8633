package backup_test

import (
	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/storetest"
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
