package mongosink_test

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Copy a collection with its options and indexes. The copy is visible when it is complete.
func ExampleReplaceCollection() {
	ctx := context.Background()
	db, end := exampleDatabase()
	defer end()
	cookies := db.Collection("cookies")

	described, err := stream.Run(ctx, mongosource.Collections(db, &mongosource.CollectionsOptions{
		Filter: bson.D{{Key: "name", Value: "cookies"}},
	}), sink.First[mongosource.Collection]())
	if err != nil {
		fmt.Println(err)
		return
	}
	indexes, err := stream.Run(ctx, mongosource.Indexes(cookies), sink.Slice[bson.Raw]())
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := stream.Run(ctx, mongosource.Scan(cookies, bson.D{}, nil),
		mongosink.ReplaceCollection(db.Collection("copy"), &mongosink.ReplaceCollectionOptions{
			Description: described.Raw(),
			Indexes:     indexes,
			DropTarget:  true,
		}))
	fmt.Println(result.Inserted, "documents and", result.Indexes, "index:", result.Target, err)
	// Output: 2 documents and 1 index: replaced <nil>
}

// Add to a collection what it does not have. First prove that nothing conflicts.
func ExampleMerge() {
	ctx := context.Background()
	db, end := exampleDatabase()
	defer end()
	cookies, kept := mongosource.Find(db.Collection("cookies"), bson.D{}, nil), db.Collection("kept")

	for _, dry := range []bool{true, false, false} {
		result, err := stream.Run(ctx, cookies, mongosink.Merge(kept, &mongosink.MergeOptions{DryRun: dry}))
		fmt.Println(result.Missing, "missing,", result.Inserted, "inserted,", result.Present, "present:", err)
	}
	// Output:
	// 2 missing, 0 inserted, 0 present: <nil>
	// 2 missing, 2 inserted, 0 present: <nil>
	// 0 missing, 0 inserted, 2 present: <nil>
}

// Create the collections of one database in another, with all options, and then the indexes.
func ExampleCreateCollections() {
	ctx := context.Background()
	from, end := exampleDatabase()
	defer end()
	to := from.Client().Database("shop2")

	created, err := stream.Run(ctx,
		stream.Via(mongosource.Collections(from, nil), stream.Map(mongosource.Collection.Raw)),
		mongosink.CreateCollections(to, nil))
	fmt.Println(created.Created, "collection created:", err)
	indexes, err := stream.Run(ctx, mongosource.Indexes(from.Collection("cookies")),
		mongosink.CreateIndexes(to.Collection("cookies"), nil))
	fmt.Println(indexes.Created, "index created:", err)
	// Output:
	// 1 collection created: <nil>
	// 1 index created: <nil>
}

// exampleDatabase returns a database with a collection of two documents and an index. end stops its
// server.
func exampleDatabase() (db *mongo.Database, end func()) {
	ctx := context.Background()
	server := mongotest.NewServer() // stands for your own server
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		panic(err)
	}
	db = client.Database("shop")
	cookies := db.Collection("cookies")
	if _, err := cookies.InsertMany(ctx, []bson.D{{{Key: "_id", Value: 1}}, {{Key: "_id", Value: 2}}}); err != nil {
		panic(err)
	}
	if _, err := cookies.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "born", Value: 1}}}); err != nil {
		panic(err)
	}
	return db, func() {
		_ = client.Disconnect(ctx)
		server.Close()
	}
}
