package backup_test

import (
	"errors"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/storetest"
)

// A process lists the objects of a unit, and another one stores more of them and their receipts before
// it lists those, or the other way round. Neither is damage.
func TestUnitTwiceAtOnce(t *testing.T) {
	for _, finish := range []bool{false, true} {
		for _, prefix := range []string{"data/", "jobs/"} {
			d := newDeployment(t)
			d.fill(t, "shop", "orders", 0, 900, 250)
			_, store, me := repository(t)
			faults := new(storetest.Faults)
			slow, err := backup.Open(t.Context(), faults.Wrap(store), me.keys())
			if err != nil {
				t.Fatal(err)
			}
			fast, err := backup.Open(t.Context(), store, me.keys())
			if err != nil {
				t.Fatal(err)
			}
			job, err := slow.Backup(t.Context(), d.client, small())
			if err != nil {
				t.Fatal(err)
			}
			units, err := job.Units(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, run, _ := cutName(units[0].Job)
			other, err := fast.Resume(t.Context(), d.client, run, nil)
			if err != nil {
				t.Fatal(err)
			}
			faults.Add(storetest.Fault{Op: "List", Key: prefix + run + "/0-", After: func(err error) error {
				_, doErr := other.Do(t.Context(), units[0])
				return errors.Join(err, doErr)
			}})
			if finish {
				_, err = job.Finish(t.Context(), nil)
				if errors.Is(err, backup.ErrIncomplete) {
					err = nil
				}
			} else {
				_, err = job.Do(t.Context(), units[0])
			}
			if err != nil {
				t.Errorf("while %s is listed, finish %v: %v", prefix, finish, err)
			}
			if _, err := other.Do(t.Context(), units[0]); err != nil {
				t.Fatal(err)
			}
			report, err := job.Finish(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := sameAsServer(t.Context(), slow, d, report.Run); err != nil {
				t.Error(err)
			}
		}
	}
}
