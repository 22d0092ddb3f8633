package mongosource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func ExampleFind() {
	ctx := context.Background()
	server := mongotest.NewServer() // stands for your own server
	defer server.Close()
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)
	cookies := client.Database("shop").Collection("cookies")
	if _, err := cookies.InsertMany(ctx, []bson.D{
		{{Key: "_id", Value: 1}, {Key: "name", Value: "stroopwafel"}, {Key: "glazed", Value: false}},
		{{Key: "_id", Value: 2}, {Key: "name", Value: "amaretto"}, {Key: "glazed", Value: true}},
	}); err != nil {
		fmt.Println(err)
		return
	}

	plain := mongosource.Find(cookies, bson.D{{Key: "glazed", Value: false}}, &mongosource.FindOptions{Limit: 10})
	for doc, err := range stream.All(ctx, plain) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(doc)
	}
	// Output: {"_id": {"$numberInt":"1"},"name": "stroopwafel","glazed": false}
}

// The scan continues after a failure, whatever the types of the _ids. The documents are those of
// one collection only if it has the same UUID at the end as at the beginning: a scan of a
// collection that was dropped and created again in between must not count as complete.
func ExampleFind_restart() {
	ctx := context.Background()
	server := mongotest.NewServer() // stands for your own server
	defer server.Close()
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)
	cookies := client.Database("shop").Collection("cookies")
	for i := range 300 {
		if _, err := cookies.InsertMany(ctx, []bson.D{
			{{Key: "_id", Value: i}},
			{{Key: "_id", Value: fmt.Sprint(i)}},
		}); err != nil {
			fmt.Println(err)
			return
		}
	}
	server.Inject(mongotest.Fault{Command: "getMore", Nth: 2, Close: true}) // the connection is lost during the scan

	scan := func(filter bson.D) stream.Source[bson.Raw] {
		return mongosource.Find(cookies, filter, &mongosource.FindOptions{
			BatchSize: 100,
			Sort:      bson.D{{Key: "_id", Value: 1}},
		})
	}
	docs := stream.Restart(scan(bson.D{}),
		func(doc bson.Raw) bson.RawValue { return doc.Lookup("_id") },
		func(id bson.RawValue) stream.Source[bson.Raw] {
			return scan(bson.D{{
				Key:   "$expr",
				Value: bson.D{{Key: "$gt", Value: bson.A{"$_id", bson.D{{Key: "$literal", Value: id}}}}},
			}})
		},
		nil)

	before, err := uuid(ctx, cookies)
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := stream.Run(ctx, docs, sink.Fold(0, func(n int, _ bson.Raw) int { return n + 1 }))
	if err != nil {
		fmt.Println(err)
		return
	}
	if after, err := uuid(ctx, cookies); err != nil || !bytes.Equal(before, after) {
		fmt.Println("the collection was replaced during the scan", err)
		return
	}
	fmt.Println(n, "documents")
	// Output: 600 documents
}

// uuid returns the UUID of a collection. Another collection of the same name has a different one.
func uuid(ctx context.Context, coll *mongo.Collection) ([]byte, error) {
	found, err := coll.Database().ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: coll.Name()}})
	switch {
	case err != nil:
		return nil, err
	case len(found) != 1 || found[0].UUID == nil:
		return nil, errors.New("the server tells no UUID of the collection")
	}
	return found[0].UUID.Data, nil
}
