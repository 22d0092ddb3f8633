package backup

import (
	"errors"
	"testing"
	"time"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// A restore that counts the documents that it decodes compares what the server has with the digests of
// the catalog. The stored bytes, the end record, and the numbers are right.
func TestRestoreComparesDigests(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 3, 2)
	c.claimed = func(all *Tally) {
		others := newTally()
		others.add(numbers(t, 1)[0])
		all.Digest, all.Sum = others.result().Digest, others.result().Sum
	}
	for kind, want := range map[Kind]error{
		mongosource.KindPlain: ErrNotEqual, mongosource.KindCapped: ErrDamaged,
	} {
		c.kind = kind
		run := makeBackup(t, r, time.Now(), c)
		srv := mongotest.NewServer()
		_, err := Run(t.Context(), view(t, r, run).Restore(mongofixture.Connect(t, srv), nil), 1)
		if !errors.Is(err, want) || len(srv.Documents("shop", "orders")) > 0 {
			t.Errorf("%s: %v, and %d documents are visible", kind, err, len(srv.Documents("shop", "orders")))
		}
		if _, err := Run(t.Context(), view(t, r, run).Verify(Read, nil), 1); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: verified: %v", kind, err)
		}
	}
}
