package mongosink_test

import (
	"context"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Progress gets sums that only grow, and never more than the server has. The last one is the result.
func TestInsertProgress(t *testing.T) {
	srv := mongotest.NewServer()
	t.Cleanup(srv.Close)
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	srv.Inject(mongotest.Fault{Command: "insert", Code: 11600, Nth: 3}) // is sent again
	var all []mongosink.InsertResult
	result, err := stream.Run(t.Context(), source.Slice(numbered(t, 1000)),
		mongosink.Insert(client.Database("shop").Collection("orders"), &mongosink.InsertOptions{
			BatchDocuments: 100,
			Progress: func(now mongosink.InsertResult) {
				all = append(all, now)
				if have := int64(len(srv.Documents("shop", "orders"))); now.Inserted > have {
					t.Errorf("%d documents, and the server has %d", now.Inserted, have)
				}
			},
		}))
	if err != nil || len(all) != 10 || all[9] != result || result.Inserted != 1000 {
		t.Fatalf("%+v, %+v, %v", all, result, err)
	}
	if !slices.IsSortedFunc(all, func(a, b mongosink.InsertResult) int { return int(a.Inserted - b.Inserted) }) {
		t.Errorf("%+v", all)
	}
}
