package integration_test

import (
	"bytes"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
)

// TestRestoreKilled kills the program restore (SIGKILL) at points that are spread over all of its
// work, and runs it again. After a kill the collection must be as it was or complete, or with -merge
// have some of the documents. After the second run it must equal the backup.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	m, s := servers.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	docs := plain(t, 4000, 1000)
	before := docs[1000:1010]
	j := newJob(t, m, s, db.Collection("c"))
	load(t, j.coll, docs)
	run(t, "backup", j.env, j.store()...).succeeded(t)
	points, r := sample(5, 100), seeded(t)
	t.Logf("| way | kills | as before | some | complete | staging collections left | equal after the next run |")
	t.Logf("|---|---|---|---|---|---|---|")
	for _, way := range []string{"-drop", "-merge"} {
		k := &restoreKill{j: j, m: m, s: s, way: way, target: db.Collection("kept"), staging: map[string]bool{}}
		total := k.whole(t, before)
		for i := range points {
			at := point{up: total.up*int64(i)/int64(points) + r.Int64N(total.up/int64(points)+1)}
			switch i % 5 {
			case 1: // while the object is read
				at = point{down: r.Int64N(total.down)}
			case 3: // at the end: the last documents, indexes, renaming
				at = point{up: total.up - r.Int64N(6<<10)}
			}
			k.run(t, at, before, docs)
		}
		t.Logf("| %s | %d | %d | %d | %d | %d | %d |", way, k.kills, k.unchanged, k.some, k.complete, len(k.staging),
			k.equal)
		if len(k.staging) > k.kills {
			t.Errorf("%s: %d staging collections are left of %d kills", way, len(k.staging), k.kills)
		}
		if k.kills < points/2 {
			t.Errorf("%s: only %d of %d runs were killed before their end", way, k.kills, points)
		}
	}
}

// point is a number of bytes that restore has sent to MongoDB (up), or has received from S3 (down).
type point struct{ up, down int64 }

// restoreKill counts what the kills of one way to restore left.
type restoreKill struct {
	j      *job
	m      *servers.Mongo
	s      *servers.S3
	way    string
	target *mongo.Collection

	kills, unchanged, some, complete, equal int

	staging map[string]bool // the names of the staging collections that were left
}

// prepare makes the target have only the documents before.
func (k *restoreKill) prepare(t testing.TB, before []bson.Raw) {
	t.Helper()
	if err := k.target.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	load(t, k.target, before)
}

// whole runs a restore to its end and returns how many bytes it sent and received.
func (k *restoreKill) whole(t testing.TB, before []bson.Raw) point {
	t.Helper()
	k.prepare(t, before)
	database, storage := servers.NewProxy(t, k.m.Addr()), servers.NewProxy(t, k.s.Addr())
	c := k.start(t, database, storage)
	c.wait(t)
	c.succeeded(t)
	return point{database.Sent(), storage.Received()}
}

func (k *restoreKill) start(t testing.TB, database, storage *servers.Proxy) *child {
	t.Helper()
	return start(t, "restore",
		k.j.with("MONGODB_URI="+directURI(database), "AWS_ENDPOINT_URL_S3=http://"+storage.Addr()),
		k.j.restore(k.target.Name(), k.way)...)
}

// run kills a restore at a point, looks at what it left, and runs it again.
func (k *restoreKill) run(t testing.TB, at point, before, docs []bson.Raw) {
	t.Helper()
	k.prepare(t, before)
	database, storage := servers.NewProxy(t, k.m.Addr()), servers.NewProxy(t, k.s.Addr())
	reached := (<-chan struct{})(nil)
	if at.down > 0 {
		reached = storage.HoldDown(at.down)
	} else {
		reached = database.HoldUp(at.up)
	}
	c := k.start(t, database, storage)
	select {
	case <-reached:
		k.kills++
	case <-c.done:
	}
	_ = c.cmd.Process.Signal(syscall.SIGKILL)
	<-c.done
	database.Reset()
	storage.Reset()

	what := fmt.Sprintf("%s at %+v", k.way, at)
	k.look(t, what, before, docs)
	if again := run(t, "restore", k.j.env, k.j.restore(k.target.Name(), k.way)...); again.code() != 0 {
		t.Errorf("%s: the next run ended with %d: %s", what, again.code(), again.text())
	}
	if !equal(inOrder(t, k.target), docs) {
		t.Errorf("%s: the documents after the next run are not those of the backup", what)
		return
	}
	k.equal++
	k.dropStaging(t)
}

// look checks what a killed restore left in the target.
func (k *restoreKill) look(t testing.TB, what string, before, docs []bson.Raw) {
	t.Helper()
	left := inOrder(t, k.target)
	switch {
	case equal(left, before):
		k.unchanged++
	case equal(left, docs):
		k.complete++
	case k.way == "-merge" && contains(docs, left) && contains(left, before):
		k.some++
	default:
		t.Errorf("%s: the kill left %d documents, or others", what, len(left))
	}
}

// dropStaging drops and counts the staging collections that killed restores left. It must come after
// the next run: an insert that the server still carries out creates a dropped collection again.
func (k *restoreKill) dropStaging(t testing.TB) {
	t.Helper()
	db := k.target.Database()
	names, err := db.ListCollectionNames(t.Context(),
		bson.D{{Key: "name", Value: bson.D{{Key: "$regex", Value: "_restore_"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		k.staging[name] = true
		if err := db.Collection(name).Drop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// inOrder returns the documents of coll in the order of their _ids. The server may still carry out
// the last command of a killed program, which can end a read.
func inOrder(t testing.TB, coll *mongo.Collection) (docs []bson.Raw) {
	t.Helper()
	until(t, "the collection is read", func() (ok bool) {
		var err error
		docs, err = read(t, coll, 1000, nil)
		return err == nil
	})
	return docs
}

func equal(a, b []bson.Raw) bool {
	return slices.EqualFunc(a, b, func(a, b bson.Raw) bool { return bytes.Equal(a, b) })
}

// contains reports whether all has each of some. Both are in the order of their _ids.
func contains(all, some []bson.Raw) bool {
	for _, d := range all {
		if len(some) > 0 && bytes.Equal(d, some[0]) {
			some = some[1:]
		}
	}
	return len(some) == 0
}
