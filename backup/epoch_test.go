package backup_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// The newest epoch has the last name, also if two begin in the same second.
func TestEpochsInOrder(t *testing.T) {
	me := newPerson(t)
	store := dirstore.New(t.TempDir(), nil)
	r, err := backup.Init(t.Context(), store, me.keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for range 10 {
		objects, err := stream.Run(t.Context(), store.List("keys/"), sink.Slice[backup.Object]())
		if err != nil {
			t.Fatal(err)
		}
		newest := objects[len(objects)-1].Key
		if newest <= last {
			t.Fatalf("the newest epoch is %s, after %s", newest, last)
		}
		seen := slices.IndexFunc(objects, func(o backup.Object) bool { return o.Key == last })
		if last != "" && seen < 0 {
			t.Fatalf("%s is gone", last)
		}
		last = newest
		if err := r.NewEpoch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Who verifies signatures, or has a signed repository, makes no keys without a signature.
func TestCannotSign(t *testing.T) {
	me := newPerson(t)
	unsigned := me.keys()
	unsigned.Sign = nil
	trusting := unsigned
	trusting.Trust = []signing.PublicKey{me.sign.Public()}
	store := dirstore.New(t.TempDir(), nil)
	if _, err := backup.Init(t.Context(), store, trusting, nil); !errors.Is(err, backup.ErrCannotSign) {
		t.Errorf("Init: %v", err)
	}
	if _, err := backup.Init(t.Context(), store, me.keys(), nil); err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]backup.Keys{"no key": unsigned, "a trusted key": trusting} {
		r, err := backup.Open(t.Context(), store, keys)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.NewEpoch(t.Context()); !errors.Is(err, backup.ErrCannotSign) ||
			stream.ClassOf(err) != stream.Fatal {
			t.Errorf("NewEpoch with %s: %v", name, err)
		}
	}
	if err := reads(t, store, me, me.sign); err != nil {
		t.Error(err)
	}
}
