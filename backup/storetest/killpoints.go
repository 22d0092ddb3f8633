package storetest

import (
	"fmt"
	"testing"

	"github.com/millweir/millweir/backup"
)

// KillPoints runs work with a new store for each moment at which its process can be killed: before
// and after each change that work makes to the store. After each run it calls check with what the
// killed process has left. Before that, it runs work once undisturbed, which must not fail.
//
//	storetest.KillPoints(t, open,
//		func(store backup.Store) error { return backUp(t.Context(), store) },
//		func(t *testing.T, left backup.Store) { … })
func KillPoints(
	t *testing.T, open func(*testing.T) backup.Store, work func(backup.Store) error,
	check func(t *testing.T, left backup.Store),
) {
	t.Helper()
	changes := 0
	t.Run("undisturbed", func(t *testing.T) {
		faults, store := new(Faults), open(t)
		if err := work(faults.Wrap(store)); err != nil {
			t.Fatal(err)
		}
		changes = faults.Changes()
		check(t, store)
	})
	for n := 1; n <= changes; n++ {
		for _, moment := range []Moment{BeforeChange, AfterChange} {
			t.Run(fmt.Sprintf("%v change %d", moment, n), func(t *testing.T) {
				faults, store := new(Faults), open(t)
				faults.KillAt(n, moment)
				_ = work(faults.Wrap(store)) // a killed process returns nothing
				check(t, store)
			})
		}
	}
}
