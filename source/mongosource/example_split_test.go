package mongosource_test

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Four ranges are read at once, all as they were at one time.
func ExampleSplit() {
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
	for i := range 1000 {
		if _, err := cookies.InsertOne(ctx, bson.D{{Key: "_id", Value: i}}); err != nil {
			fmt.Println(err)
			return
		}
	}

	docs := mongosource.Split(cookies, bson.D{}, &mongosource.SplitOptions{
		Parallelism: 4,
		Ranges:      10,
		Unmeasured:  true, // without it, a collection as small as this one is read as one range
		Division:    mongosource.Exact,
		Order:       mongosource.AsTheyCome,
		Consistency: mongosource.Instant,
		Report: func(r mongosource.SplitReport) {
			fmt.Println(len(r.Ranges), "ranges, consistency:", r.Consistency)
			fmt.Println("the first:", r.Ranges[0].Documents, "documents below", r.Ranges[0].High)
		},
	})
	n, err := stream.Run(ctx, docs, sink.Fold(0, func(n int, _ bson.Raw) int { return n + 1 }))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(n, "documents")
	// Output:
	// 10 ranges, consistency: instant
	// the first: 100 documents below {"$numberInt":"100"}
	// 1000 documents
}
