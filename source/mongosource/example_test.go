package mongosource_test

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/mongosource/mongotest"
	"github.com/millweir/millweir/stream"
)

func ExampleFind() {
	ctx := context.Background()
	server := mongotest.NewServer() // in earnest: your own
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
