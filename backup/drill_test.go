package backup

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/stream"
)

// A drill restores everything, leaves a proof, and leaves nothing in the server.
func TestDrill(t *testing.T) {
	r, store := makeRepository(t)
	makeBackup(t, r, time.Now(), shop(t)...)
	v := view(t, r, "")
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	report, err := Run(t.Context(), v.Drill(client, nil), 3)
	if err != nil || report.Counts.Documents != 71 || report.Counts.Collections != 6 || report.Depth != "drill" {
		t.Errorf("%+v, %v", report, err)
	}
	if p, err := r.proof(t.Context(), report.Proof); err != nil || !p.Passed || p.Of != "drill" {
		t.Errorf("%+v, %v", p, err)
	}
	if n := len(srv.Commands("insert")); n < 4 {
		t.Errorf("only %d inserts", n)
	}
	if all := names(t, srv); len(all) > 0 {
		t.Error(all)
	}
	key := store.keys("data/")[0]
	store.objects[key] = bytes.Clone(store.objects[key][1:])
	report, err = Run(t.Context(), v.Drill(client, nil), 1)
	if !errors.Is(err, ErrDamaged) || len(damageOf(err)) != 1 {
		t.Error(err)
	}
	if p, err := r.proof(t.Context(), report.Proof); err != nil || p.Passed {
		t.Errorf("%+v, %v", p, err)
	}
	if all := names(t, srv); len(all) > 0 {
		t.Error(all)
	}
}

// A server can carry out a command late, and so make a collection again. The end of a drill drops it.
func TestDrillTidies(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 2))
	v := view(t, r, "")
	srv := mongotest.NewServer()
	var job *drillJob
	job = v.Drill(mongofixture.Connect(t, srv), &DrillOptions{Database: "scratch", VerifyOptions: VerifyOptions{
		Progress: func(e Event) {
			if e.Kind == PhaseBegun && e.Phase == Finishing {
				srv.Add("scratch", v.preparedName(job.all[0]), numbers(t, 1)...)
			}
		},
	}}).(*drillJob)
	if _, err := Run(t.Context(), job, 1); err != nil {
		t.Error(err)
	}
	if all := names(t, srv); len(all) > 0 {
		t.Error(all)
	}
}

// A drill refuses a database that has something else, and reports what the server refuses.
func TestDrillRefuses(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 2)
	c.segments[0][1] = document(t, bson.D{{Key: "_id", Value: 5}, {Key: "name", Value: "é\n0"}})
	c.indexes = []bson.D{{
		{Key: "v", Value: 2},
		{Key: "key", Value: bson.D{{Key: "name", Value: 1}}},
		{Key: "name", Value: "unique"},
		{Key: "unique", Value: true},
	}}
	makeBackup(t, r, time.Now(), c)
	v := view(t, r, "")
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	_, err := Run(t.Context(), v.Drill(client, nil), 1)
	if p := damageOf(err); len(p) != 1 || p[0].Reason != reasonRefused || stream.ClassOf(err) != stream.Data {
		t.Error(err)
	}
	srv.Add("scratch", "mine", numbers(t, 1)...)
	if _, err := Run(t.Context(), v.Drill(client, &DrillOptions{Database: "scratch"}), 1); !errors.Is(err,
		ErrTargetExists) {
		t.Error(err)
	}
	if len(srv.Documents("scratch", "mine")) != 1 {
		t.Error("the database was changed")
	}
}
