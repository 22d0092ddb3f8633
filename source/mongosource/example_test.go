package mongosource_test

import (
	"context"
	"encoding/json"
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

// The scan continues after a failure, whatever the types of the _ids.
func ExampleScan() {
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

	docs := mongosource.Scan(cookies, bson.D{}, &mongosource.ScanOptions{BatchSize: 100})
	n, err := stream.Run(ctx, docs, sink.Fold(0, func(n int, _ bson.Raw) int { return n + 1 }))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(n, "documents")
	// Output: 600 documents
}

// A second process continues where the first one stored the last document.
func ExampleScanCheckpoints() {
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
	for i := range 5 {
		if _, err := cookies.InsertOne(ctx, bson.D{{Key: "_id", Value: i}}); err != nil {
			fmt.Println(err)
			return
		}
	}

	var saved []byte // stands for a file
	process := func(most int) error {
		var after mongosource.Position
		if saved != nil {
			if err := json.Unmarshal(saved, &after); err != nil {
				return err
			}
		}
		docs := mongosource.ScanCheckpoints(cookies, bson.D{}, &mongosource.ScanOptions{After: after})
		_, err := stream.Run(ctx, stream.Via2(docs,
			stream.Take[mongosource.Checkpointed](most),
			stream.TryMap(stream.OnValue[stream.Checkpoint[mongosource.Position]](
				func(_ context.Context, doc bson.Raw) (int, error) { return fmt.Println("store", doc) })),
		), stream.Acknowledge[int](func(_ context.Context, p mongosource.Position) (err error) {
			saved, err = json.Marshal(p)
			return err
		}))
		return err
	}
	for range 2 {
		if err := process(3); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("the process ends")
	}
	// Output:
	// store {"_id": {"$numberInt":"0"}}
	// store {"_id": {"$numberInt":"1"}}
	// store {"_id": {"$numberInt":"2"}}
	// the process ends
	// store {"_id": {"$numberInt":"3"}}
	// store {"_id": {"$numberInt":"4"}}
	// the process ends
}
