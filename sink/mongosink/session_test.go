package mongosink_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// withSession returns a context with a session of coll's client.
func withSession(t *testing.T, coll *mongo.Collection) context.Context {
	t.Helper()
	session, err := coll.Database().Client().StartSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.EndSession(context.Background()) })
	return mongo.NewSessionContext(t.Context(), session)
}

// A session numbers its writes, and a server treats two writes with one number as the same. Batches
// therefore go one at a time, each with its own number.
func TestInsertInSession(t *testing.T) {
	docs := numbered(t, 5000)
	for name, opts := range map[string]mongosink.InsertOptions{
		"default": {}, "one": {Parallelism: 1},
		"ordered": {Ordered: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t)
			opts.BatchDocuments = 10
			r, err := stream.Run(withSession(t, coll), sourceOf(docs, nil), mongosink.Insert(coll, &opts))
			if stored := srv.Documents("shop", "cookies"); err != nil || r.Inserted != int64(len(docs)) ||
				!equal(stored, docs) {
				t.Errorf("%d are stored; %+v, %v", len(stored), r, err)
			}
			numbers := map[int64]bool{}
			for _, c := range srv.Commands("insert") {
				numbers[c.Body.Lookup("txnNumber").Int64()] = true
			}
			if len(numbers) != len(docs)/10 {
				t.Errorf("%d batches under %d numbers", len(docs)/10, len(numbers))
			}
		})
	}
}

// A sink that runs once with a session and once without adapts to each run.
func TestInsertParallelismAfterSession(t *testing.T) {
	_, coll := serve(t)
	f := &inserter{}
	sink := mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 1})
	for _, ctx := range []context.Context{withSession(t, coll), t.Context()} {
		if _, err := stream.Run(ctx, sourceOf(numbered(t, 3), nil), sink); err != nil {
			t.Error(err)
		}
	}
}

func TestInsertSessionRefusesParallelism(t *testing.T) {
	_, coll := serve(t)
	f, started := &inserter{}, false
	src := stream.SourceFunc[bson.Raw](func(context.Context, func(bson.Raw) error) error { started = true; return nil })
	_, err := stream.Run(withSession(t, coll), src,
		mongosink.InsertBy(f.command, &mongosink.InsertOptions{Parallelism: 2}))
	if err == nil || started {
		t.Errorf("error %v, upstream started: %v", err, started)
	}
	if _, err := stream.Run(t.Context(), sourceOf(numbered(t, 3), nil),
		mongosink.InsertBy(f.command, &mongosink.InsertOptions{Parallelism: 2})); err != nil {
		t.Errorf("without a session: %v", err)
	}
}

// The source and the sink of a run share its session.
func TestCopyInSession(t *testing.T) {
	docs := numbered(t, 3000)
	srv, from := serve(t)
	srv.Add("shop", "cookies", docs...)
	to := from.Database().Collection("copy")
	r, err := stream.Run(withSession(t, from), mongosource.Find(from, bson.D{},
		&mongosource.FindOptions{BatchSize: 10}),
		mongosink.Insert(to, &mongosink.InsertOptions{BatchDocuments: 10}))
	if stored := srv.Documents("shop", "copy"); err != nil || r.Inserted != int64(len(docs)) || !equal(stored, docs) {
		t.Errorf("%d are stored; %+v, %v", len(stored), r, err)
	}
}
