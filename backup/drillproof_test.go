package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// What a killed drill left proves nothing: the next drill reads the backup.
func TestDrillIgnoresLeftovers(t *testing.T) {
	r, store := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 5)
	makeBackup(t, r, time.Now(), c)
	v := view(t, r, "")
	srv := mongotest.NewServer()
	job := v.Drill(mongofixture.Connect(t, srv), nil).(*drillJob)
	srv.Add(job.opts.Database, v.preparedName(job.all[0]), c.documents()...)
	key := store.keys("data/")[0]
	store.objects[key] = bytes.Repeat([]byte("x"), len(store.objects[key]))
	if _, err := Run(t.Context(), job, 1); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
	if all := names(t, srv); len(all) > 0 {
		t.Error(all)
	}
}

// withUsers is a collection of users.
func withUsers(t *testing.T) madeCollection {
	t.Helper()
	user := document(t, bson.D{
		{Key: "_id", Value: "shop.ann"},
		{Key: "user", Value: "ann"},
		{Key: "db", Value: "shop"},
		{Key: "roles", Value: bson.A{}},
	})
	ns := mongosource.Namespace{Database: "admin", Collection: "system.users"}
	return madeCollection{ns: ns, kind: KindUsers, segments: [][]bson.Raw{{user}}}
}

// A drill reads users and roles, which it does not restore.
func TestDrillReadsUsers(t *testing.T) {
	r, store := makeRepository(t)
	makeBackup(t, r, time.Now(), withUsers(t), plainCollection(t, "shop", "orders", 5))
	client := mongofixture.Connect(t, mongotest.NewServer())
	report, err := Run(t.Context(), view(t, r, "").Drill(client, nil), 1)
	if err != nil || report.Counts.Documents != 6 || report.Counts.Segments != 2 {
		t.Errorf("%+v, %v", report.Counts, err)
	}
	key := store.keys("data/")[0] // of the first collection
	store.objects[key] = bytes.Repeat([]byte("x"), len(store.objects[key]))
	if _, err := Run(t.Context(), view(t, r, "").Drill(client, nil), 1); !errors.Is(err, ErrDamaged) ||
		len(damageOf(err)) != 1 || damageOf(err)[0].Database != "admin" {
		t.Error(err)
	}
}

// A drill whose receipts do not have everything of the backup does not pass.
func TestDrillIncomplete(t *testing.T) {
	r, store := makeRepository(t)
	capped := plainCollection(t, "shop", "log", 5)
	capped.kind = mongosource.KindCapped
	capped.options = bson.D{{Key: "capped", Value: true}, {Key: "size", Value: 4096}, {Key: "max", Value: 3}}
	makeBackup(t, r, time.Now(), capped)
	job := view(t, r, "").Drill(mongofixture.Connect(t, mongotest.NewServer()), nil)
	units, err := job.Units(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := job.Do(t.Context(), units[0])
	if err != nil {
		t.Fatal(err)
	}
	report, err := job.Finish(t.Context(), []Receipt{receipt})
	if err != nil || !strings.Contains(strings.Join(report.Weaker, "; "), "kept 3 documents of 5") {
		t.Errorf("%q, %v", report.Weaker, err)
	}
	for name, change := range map[string]func(*Receipt){
		"segments":  func(r *Receipt) { r.Counts.Segments-- },
		"documents": func(r *Receipt) { r.Counts.Documents-- },
		"bytes":     func(r *Receipt) { r.Counts.Bytes-- },
		"data":      func(r *Receipt) { r.Data = json.RawMessage(`[]`) },
	} {
		before, changed := len(store.keys("proofs/")), receipt
		change(&changed)
		if _, err := job.Finish(t.Context(), []Receipt{changed}); !errors.Is(err, errReceipt) {
			t.Errorf("%s: %v", name, err)
		}
		if len(store.keys("proofs/")) != before {
			t.Errorf("%s: a proof was stored", name)
		}
	}
}

// Only proofs of what this version knows to read everything count for a prune.
func TestProvenKnowsDepths(t *testing.T) {
	r, _ := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 5))
	v := view(t, r, run)
	for _, depth := range []string{"present", "glance", "read"} {
		if err := v.prove(t.Context(), time.Now(), &Report{Depth: depth}, problems{}); err != nil {
			t.Fatal(err)
		}
		if doubt, err := r.doubt(t.Context(), run); err != nil || (doubt == "") != (depth == "read") {
			t.Errorf("%s: %q, %v", depth, doubt, err)
		}
	}
}

// A drill neither takes nor drops a collection that it does not create.
func TestDrillLeavesOthers(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 5))
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	srv.Add("scratch", "c0", numbers(t, 1)...)
	if _, err := Run(t.Context(), view(t, r, "").Drill(client, &DrillOptions{Database: "scratch"}), 1); !errors.Is(err,
		ErrTargetExists) {
		t.Error(err)
	}
	if len(srv.Documents("scratch", "c0")) != 1 {
		t.Error("it was dropped")
	}
}
