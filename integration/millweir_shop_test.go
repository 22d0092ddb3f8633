package integration_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// shop fills a database with collections of several kinds and sizes. One has large documents of about
// the size, in KiB, all together. It returns the number of documents.
func shop(t testing.TB, db *mongo.Database, size int) (documents int64) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(db.CreateCollection(t.Context(), "log", options.CreateCollection().SetCapped(true).SetSizeInBytes(1<<20)))
	must(db.CreateCollection(t.Context(), "people", options.CreateCollection().SetValidator(
		bson.D{{Key: "n", Value: bson.D{{Key: "$exists", Value: true}}}})))
	add := func(name string, docs []bson.Raw) {
		t.Helper()
		load(t, db.Collection(name), docs)
		documents += int64(len(docs))
	}
	const large = 64 << 10
	var orders []bson.Raw
	r := rand.NewChaCha8([32]byte{2})
	for i := range size * 1024 / large {
		data := make([]byte, large)
		_, _ = r.Read(data)
		orders = append(orders, marshal(t, bson.D{{Key: "_id", Value: i}, {Key: "data", Value: data}}))
	}
	add("orders", orders)
	add("people", plain(t, 800, 200))
	add("log", plain(t, 100, 100))
	for i := range 6 {
		add(fmt.Sprintf("small_%d", i), plain(t, 3, 20))
	}
	_, err := db.Collection("people").Indexes().CreateMany(t.Context(), []mongo.IndexModel{
		{Keys: bson.D{{Key: "n", Value: 1}}},
		{Keys: bson.D{{Key: "s", Value: -1}, {Key: "n", Value: 1}}, Options: options.Index().SetSparse(true)},
	})
	must(err)
	return documents
}

// change changes a large document of a shop and a small one.
func change(t testing.TB, db *mongo.Database, r *rand.Rand) {
	t.Helper()
	for name, documents := range map[string]int{"orders": 4, "small_0": 3} {
		result, err := db.Collection(name).UpdateOne(t.Context(), bson.D{{Key: "_id", Value: r.IntN(documents)}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "changed", Value: int64(r.Uint64() >> 1)}}}})
		if err != nil || result.MatchedCount != 1 {
			t.Fatalf("change %s: %+v, %v", name, result, err)
		}
	}
}
