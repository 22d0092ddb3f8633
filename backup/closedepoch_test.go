package backup_test

import (
	"errors"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// An old epoch that is shredded, or is for another key, does not hinder backups in a new one.
func TestClosedEpoch(t *testing.T) {
	for _, shredded := range []bool{false, true} {
		for _, signed := range []bool{false, true} {
			old, now := newPerson(t), newPerson(t)
			keys := old.keys()
			if !signed {
				keys.Sign = nil
			}
			store := memstore.New(nil)
			r, err := backup.Init(t.Context(), store, keys, nil)
			if err != nil {
				t.Fatal(err)
			}
			if shredded {
				if err := r.Shred(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else {
				keys.Recipients = []age.Recipient{now.identity.Recipient()}
				keys.Identities = []age.Identity{now.identity}
			}
			if r, err = backup.Open(t.Context(), store, keys); err != nil {
				t.Fatal(err)
			}
			if err := r.NewEpoch(t.Context()); err != nil {
				t.Fatal(err)
			}
			d := newDeployment(t)
			d.fill(t, "shop", "orders", 0, 900, 250)
			job, err := r.Backup(t.Context(), d.client, small())
			if err != nil {
				t.Errorf("shredded %v, signed %v: %v", shredded, signed, err)
				continue
			}
			report, err := resumeOnly(t, r, d.client, job)
			if err != nil || sameAsServer(t.Context(), r, d, report.Run) != nil {
				t.Errorf("shredded %v, signed %v, resumed: %v", shredded, signed, err)
			}
			if signed {
				continue
			}
			stranger, err := backup.Open(t.Context(), store, backup.Keys{Identities: newPerson(t).keys().Identities})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stranger.Resume(t.Context(), d.client, report.Run, nil); !errors.Is(err, backup.ErrNoKey) &&
				!errors.Is(err, backup.ErrShredded) {
				t.Errorf("a stranger resumes: %v", err)
			}
		}
	}
}

// A backup that a prune deletes while backups are listed is left out.
func TestListDuringPrune(t *testing.T) {
	for _, suffix := range []string{"", ".sig"} {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 20, 10)
		r, store, me := repository(t)
		first, err := backUp(t.Context(), r, d, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backUp(t.Context(), r, d, nil); err != nil {
			t.Fatal(err)
		}
		key := "backups/" + first.Run + ".json"
		pruned := deleteBefore(t, store, key+suffix, key, key+".sig")
		if r, err = backup.Open(t.Context(), pruned, me.keys()); err != nil {
			t.Fatal(err)
		}
		found, err := stream.Run(t.Context(), r.List(), sink.Slice[backup.Manifest]())
		if err != nil || len(found) != 1 {
			t.Errorf("before %q: %d backups, %v", suffix, len(found), err)
		}
	}
}
