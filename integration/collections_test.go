package integration_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// TestListing lists collections of several kinds, indexes and databases of a real server.
func TestListing(t *testing.T) {
	db := servers.Shared.SecantusDB(t).Database(t)
	ctx := t.Context()
	odd := "a\nb/c.d ü"
	for name, o := range map[string]*options.CreateCollectionOptionsBuilder{
		"plain": options.CreateCollection(), odd: options.CreateCollection(),
		"log": options.CreateCollection().SetCapped(true).SetSizeInBytes(1 << 20),
	} {
		if err := db.CreateCollection(ctx, name, o); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.CreateView(ctx, "seen", "plain", mongo.Pipeline{}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Collection("plain").Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys: bson.D{{Key: "b", Value: 1}, {Key: "a", Value: -1}},
	}); err != nil {
		t.Fatal(err)
	}
	got, err := stream.Run(ctx, mongosource.Collections(db, nil), sink.Slice[mongosource.Collection]())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]mongosource.Kind{}
	for _, c := range got {
		kinds[c.Name] = c.Kind
		if stored := c.Kind != mongosource.KindView; stored != (c.UUID != [16]byte{}) {
			t.Errorf("%q has the UUID %x", c.Name, c.UUID)
		}
	}
	if len(kinds) != 4 || kinds["plain"] != mongosource.KindPlain || kinds[odd] != mongosource.KindPlain ||
		kinds["log"] != mongosource.KindCapped || kinds["seen"] != mongosource.KindView {
		t.Errorf("%q", kinds)
	}
	indexes, err := stream.Run(ctx, mongosource.Indexes(db.Collection("plain")), sink.Slice[bson.Raw]())
	if err != nil || len(indexes) != 2 || indexes[1].Lookup("key").String() !=
		`{"b": {"$numberInt":"1"},"a": {"$numberInt":"-1"}}` {
		t.Errorf("%s, %v", indexes, err)
	}
	names, err := stream.Run(ctx, mongosource.Databases(db.Client(),
		&mongosource.DatabasesOptions{Filter: bson.D{{Key: "name", Value: db.Name()}}}), sink.Slice[string]())
	if err != nil || len(names) != 1 || names[0] != db.Name() {
		t.Errorf("%q, %v", names, err)
	}
}
