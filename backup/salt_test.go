package backup

import (
	"testing"
	"time"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
)

// The catalogs of two runs have different salts, and so different digests, although nothing has
// changed and no row differs. Those of one run that is finished twice are the same.
func TestSalt(t *testing.T) {
	srv := mongotest.NewServer()
	srv.Add("shop", "empty", numbers(t, 1)...)
	client := mongofixture.Connect(t, srv)
	r, _ := makeRepository(t)
	seen := map[string]bool{}
	for range 2 {
		job, err := r.Backup(t.Context(), client, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := job.(*backupJob).plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.Resume(t.Context(), client, job.(*backupJob).run, nil)
		if err != nil {
			t.Fatal(err)
		}
		q, err := again.(*backupJob).plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		salt := p.Collections[0].Head.Salt
		if len(salt) != 32 || q.Collections[0].Head.Salt != salt || seen[salt] {
			t.Errorf("the salts %q and %q, after %v", salt, q.Collections[0].Head.Salt, seen)
		}
		seen[salt] = true
	}
	at := time.Now()
	c := plainCollection(t, "shop", "orders", 3)
	entry := CollectionEntry{Database: "shop", Collection: "orders", Kind: c.kind}
	_, recipient, err := r.recipient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	recipients, err := r.recordRecipients(recipient)
	if err != nil {
		t.Fatal(err)
	}
	var digests []string
	for _, salt := range []string{"a", "b", "a"} {
		tally, err := r.putCatalog(t.Context(), newName(at), 0, &entry, recipients,
			&catalogHead{Kind: c.kind, Salt: salt}, nil)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, tally.Digest)
	}
	if digests[0] == digests[1] || digests[0] != digests[2] {
		t.Errorf("digests %q", digests)
	}
}
