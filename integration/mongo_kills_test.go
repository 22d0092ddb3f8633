package integration_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestScansThroughKills kills the server (SIGKILL) at random times in the middle of scans. Each scan
// must emit every document once. A kill comes up to 2 ms after a random document, while the scan
// goes on.
func TestScansThroughKills(t *testing.T) {
	t.Parallel()
	m, r := servers.SecantusDB(t), seeded(t)
	coll := m.Database(t).Collection("c")
	docs := mongofixture.MixedIDs(t, 1000)
	load(t, coll, docs)
	m.Restart(t) // a kill while the collection is new can make it unusable
	const ahead = 500
	kills, resumed, emitted := sample(3, 50), 0, 0
	for i := range kills {
		k, at := newKill(t, m, r, 2*time.Millisecond), 1+r.IntN(len(docs)-2*ahead)
		got, failures, err := scan(t, coll, func(n int) {
			switch n {
			case at:
				k.trigger()
			case len(docs) - ahead: // more than what is read ahead, so that the kill is in the middle
				<-k.restarted
			}
		})
		k.end()
		if err != nil || failures == 0 || len(got) != len(docs) {
			t.Errorf("kill %d at document %d: %d documents of %d, %d failures, %v", i, at, len(got), len(docs),
				failures, err)
		}
		wholeOrError(t, got, docs, err)
		emitted += len(got)
		resumed += min(failures, 1)
	}
	t.Logf("%d kills, %d scans resumed, %d documents emitted, %d wanted: none missing, repeated or changed",
		kills, resumed, emitted, kills*len(docs))
}

// outcome is what the results of all sinks say: documents that are stored for sure, and those that
// may be.
type outcome struct{ stored, unknown int64 }

// writers are the sinks whose runs can be repeated with the same end. retry is their RetryTimeout.
var writers = []struct {
	name string
	run  func(_ context.Context, _ *mongo.Collection, _ stream.Source[bson.Raw], retry time.Duration) (outcome, error)
}{
	{"Insert", func(ctx context.Context, c *mongo.Collection, src stream.Source[bson.Raw], retry time.Duration,
	) (outcome, error) {
		r, err := stream.Run(ctx, src, mongosink.Insert(c, insertOptions(retry)))
		return outcome{r.Inserted + r.AlreadyThere, r.Unknown}, err
	}},
	{"Upsert", func(ctx context.Context, c *mongo.Collection, src stream.Source[bson.Raw], retry time.Duration,
	) (outcome, error) {
		r, err := stream.Run(ctx, src,
			mongosink.Upsert(c, nil, &mongosink.WriteOptions{BatchDocuments: 100, RetryTimeout: retry}))
		return outcome{r.Matched + r.Upserted + r.Settled, r.Unknown}, err
	}},
	{"Merge", func(ctx context.Context, c *mongo.Collection, src stream.Source[bson.Raw], retry time.Duration,
	) (outcome, error) {
		r, err := stream.Run(ctx, src, mongosink.Merge(c, &mongosink.MergeOptions{Insert: *insertOptions(retry)}))
		return outcome{r.Inserted + r.AlreadyThere + r.Present, r.Unknown}, err
	}},
}

func insertOptions(retry time.Duration) *mongosink.InsertOptions {
	return &mongosink.InsertOptions{BatchDocuments: 100, RetryTimeout: retry}
}

// documentsUntil emits docs, and triggers the kill at one of them. Before the last documents it waits
// until the server runs again, so that the kill is in the middle of the run.
func documentsUntil(docs []bson.Raw, at int, k kill) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
		for i, d := range docs {
			switch i {
			case at:
				k.trigger()
			case len(docs) - 200:
				<-k.restarted
			}
			if err := emit(d); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestInsertsThroughKills kills the server (SIGKILL) at random times while it stores documents, with
// and without retryable writes. Every second run does not retry, so it fails; then another run stores
// the rest. No run may count a document as stored that is not, and the collection must equal the
// input at the end.
func TestInsertsThroughKills(t *testing.T) {
	t.Parallel()
	m, r := servers.SecantusDB(t), seeded(t)
	clients := []*mongo.Database{m.Database(t), m.Database(t, options.Client().SetRetryWrites(false))}
	docs, colls := plain(t, 3000, 300), make([]*mongo.Collection, sample(4, 50))
	for i := range colls {
		db := clients[i/2%2]
		colls[i] = db.Collection(fmt.Sprint("c", i))
		if err := db.CreateCollection(t.Context(), colls[i].Name()); err != nil {
			t.Fatal(err)
		}
	}
	m.Restart(t) // a kill while the collections are new can make them unusable
	survived, repeated := 0, 0
	for i, coll := range colls {
		w, k, at := writers[i%len(writers)], newKill(t, m, r, 2*time.Millisecond), r.IntN(len(docs)-1000)
		retry := time.Duration(-i % 2) // 0 is the default, a negative time means never
		got, err := w.run(t.Context(), coll, documentsUntil(docs, at, k), retry)
		k.end()
		if n := int64(len(stored(t, coll))); n < got.stored || n > got.stored+got.unknown {
			t.Errorf("kill %d, %s: %d documents are stored, the result is %+v, %v", i, w.name, n, got, err)
		}
		t.Logf("kill %d, %s after document %d: %+v, %v", i, w.name, at, got, err)
		if err == nil {
			survived++
		} else {
			repeated++
			got, err = w.run(t.Context(), coll, source.Slice(docs), 0)
		}
		if err != nil || got.stored != int64(len(docs)) || got.unknown != 0 {
			t.Errorf("kill %d, %s: the last run ended with %+v, %v", i, w.name, got, err)
		}
		sameDocuments(t, stored(t, coll), docs)
	}
	t.Logf("%d kills: %d runs went on, %d failed and were repeated; every collection equals the input at the end",
		len(colls), survived, repeated)
}
