package mongosource_test

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// testContract checks the contract of read over the wire, with cursors of several batches.
func testContract(t *testing.T, read func(*mongo.Collection) stream.Source[bson.Raw]) {
	t.Helper()
	srv, coll := serve(t, nil)
	db := coll.Database()
	streamtest.TestSource(t, streamtest.Source[bson.Raw]{
		New: func(n int) stream.Source[bson.Raw] {
			name := fmt.Sprint("of-", n)
			if srv.Documents(db.Name(), name) == nil {
				srv.Add(db.Name(), name, numbered(t, n)...)
			}
			return read(db.Collection(name))
		},
		Want: func(t *testing.T, n int, out []bson.Raw) {
			if !equal(out, numbered(t, n)) {
				t.Errorf("%d documents came, not the %d that are stored", len(out), n)
			}
		},
		Records: true,
		RealIO:  true,
		Idle:    []string{"mongo-driver/v2", "mongotest.", "net.", "internal/poll."},
	})
	if open := srv.Cursors(); open != 0 {
		t.Errorf("%d cursors are left", open)
	}
}

func TestFindContractOnTheWire(t *testing.T) {
	testContract(t, func(coll *mongo.Collection) stream.Source[bson.Raw] {
		return mongosource.Find(coll, bson.D{}, every(3))
	})
}
