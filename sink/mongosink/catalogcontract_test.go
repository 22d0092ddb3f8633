package mongosink_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// onTheWire are the settings of conformance tests that use a real connection.
var onTheWire = []string{"mongo-driver/v2", "mongotest.", "net.", "internal/poll."}

// TestCatalogContracts runs the sinks that build a collection against the contract of a sink.
func TestCatalogContracts(t *testing.T) {
	srv, db := newDatabase(t)
	docs := numbered(t, 200)
	var mu sync.Mutex
	last, n := "", 0
	fresh := func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		last = fmt.Sprint("c", n)
		return last
	}
	t.Run("CreateCollections", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.CreateCollectionsResult]{
			New: func() stream.Sink[bson.Raw, mongosink.CreateCollectionsResult] {
				return mongosink.CreateCollections(db.Client().Database(fresh()), nil)
			},
			In:        func(i int) bson.Raw { return describe(t, fmt.Sprint("c", i), "collection") },
			InRecords: true, RealIO: true, Varies: true, Idle: onTheWire,
			Want: func(t *testing.T, in []bson.Raw, r mongosink.CreateCollectionsResult) {
				if r.Created+r.Existing != int64(len(in)) {
					t.Errorf("%d descriptions, and the result is %+v", len(in), r)
				}
			},
		})
	})
	t.Run("CreateIndexes", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.CreateIndexesResult]{
			New: func() stream.Sink[bson.Raw, mongosink.CreateIndexesResult] {
				return mongosink.CreateIndexes(db.Collection(fresh()), nil)
			},
			In: func(i int) bson.Raw {
				return index(t, fmt.Sprint("i", i%60), bson.D{e(fmt.Sprint("f", i%60), 1)})
			},
			InRecords: true, RealIO: true, Varies: true, Idle: onTheWire,
			Want: func(t *testing.T, in []bson.Raw, r mongosink.CreateIndexesResult) {
				if r.Created+r.Existing != int64(len(in)) {
					t.Errorf("%d descriptions, and the result is %+v", len(in), r)
				}
			},
		})
	})
	t.Run("ReplaceCollection", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.ReplaceCollectionResult]{
			New: func() stream.Sink[bson.Raw, mongosink.ReplaceCollectionResult] {
				type (
					documents = stream.Source[bson.Raw]
					result    = mongosink.ReplaceCollectionResult
				)
				// Each run has a target of its own, because only one of two runs at once succeeds.
				return stream.SinkFunc[bson.Raw, result](func(ctx context.Context, src documents) (result, error) {
					return mongosink.ReplaceCollection(db.Collection(fresh()),
						&mongosink.ReplaceCollectionOptions{Insert: quick}).Consume(ctx, src)
				})
			},
			In:        func(i int) bson.Raw { return docs[i] },
			InRecords: true, RealIO: true, Varies: true, Idle: onTheWire,
			Want: func(t *testing.T, in []bson.Raw, r mongosink.ReplaceCollectionResult) {
				if r.Target != mongosink.TargetReplaced || !sameDocs(srv.Documents("shop", last), in) {
					t.Errorf("%d documents, and the result is %+v", len(in), r)
				}
			},
		})
	})
	t.Run("Merge", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.MergeResult]{
			New: func() stream.Sink[bson.Raw, mongosink.MergeResult] {
				return mongosink.Merge(db.Collection(fresh()), nil)
			},
			In:        func(i int) bson.Raw { return docs[i] },
			InRecords: true, RealIO: true, Varies: true, Idle: onTheWire,
			Want: func(t *testing.T, in []bson.Raw, r mongosink.MergeResult) {
				if r.Missing+r.Present != int64(len(in)) || len(srv.Documents("shop", last)) != len(in) {
					t.Errorf("%d documents, and the result is %+v", len(in), r)
				}
			},
		})
	})
	t.Run("CreateUsers", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.CreateAccessResult]{
			New: func() stream.Sink[bson.Raw, mongosink.CreateAccessResult] {
				return mongosink.CreateUsers(db.Client(), passwords)
			},
			In:        func(i int) bson.Raw { return user(t, fmt.Sprint("u", i), i) },
			InRecords: true, RealIO: true, Varies: true, Idle: onTheWire,
			Want: func(t *testing.T, in []bson.Raw, r mongosink.CreateAccessResult) {
				if r.Created+r.Existing != int64(len(in)) {
					t.Errorf("%d users, and the result is %+v", len(in), r)
				}
			},
		})
	})
	t.Run("CreateRoles", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.CreateAccessResult]{
			New: func() stream.Sink[bson.Raw, mongosink.CreateAccessResult] {
				return mongosink.CreateRoles(db.Client())
			},
			In:        func(i int) bson.Raw { return role(t, fmt.Sprint("r", i), []string{"find"}) },
			InRecords: true, RealIO: true, Varies: true, Idle: onTheWire,
			Want: func(t *testing.T, in []bson.Raw, r mongosink.CreateAccessResult) {
				if r.Created+r.Existing != int64(len(in)) {
					t.Errorf("%d roles, and the result is %+v", len(in), r)
				}
			},
		})
	})
}
