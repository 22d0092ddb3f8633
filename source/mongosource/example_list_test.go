package mongosource_test

import (
	"context"
	"encoding/json"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// shop returns a client of a server with a database shop, and a function that ends both.
func shop() (client *mongo.Client, end func()) {
	server := mongotest.NewServer() // stands for your own server
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		panic(err)
	}
	if _, err := client.Database("shop").Collection("cookies").InsertMany(context.Background(), []bson.D{
		{{Key: "_id", Value: 1}, {Key: "glazed", Value: false}},
		{{Key: "_id", Value: 2}, {Key: "glazed", Value: true}},
	}); err != nil {
		panic(err)
	}
	return client, func() {
		_ = client.Disconnect(context.Background())
		server.Close()
	}
}

func ExampleAggregate() {
	client, end := shop()
	defer end()
	cookies := client.Database("shop").Collection("cookies")
	glazed := mongo.Pipeline{{{Key: "$match", Value: bson.D{{Key: "glazed", Value: true}}}}}
	for doc, err := range stream.All(context.Background(), mongosource.Aggregate(cookies, glazed, nil)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(doc)
	}
	// Output: {"_id": {"$numberInt":"2"},"glazed": true}
}

func ExampleDatabases() {
	client, end := shop()
	defer end()
	for name, err := range stream.All(context.Background(), mongosource.Databases(client, nil)) {
		fmt.Println(name, err)
	}
	// Output: shop <nil>
}

func ExampleCollections() {
	client, end := shop()
	defer end()
	for c, err := range stream.All(context.Background(), mongosource.Collections(client.Database("shop"), nil)) {
		fmt.Println(c.Name, c.Kind, c.Options, err)
	}
	// Output: cookies collection {} <nil>
}

func ExampleIndexes() {
	client, end := shop()
	defer end()
	indexes := mongosource.Indexes(client.Database("shop").Collection("cookies"))
	for index, err := range stream.All(context.Background(), indexes) {
		fmt.Println(index.Lookup("name"), index.Lookup("key"), err)
	}
	// Output: "_id_" {"_id": {"$numberInt":"1"}} <nil>
}

func ExampleUsers() {
	client, end := shop()
	defer end()
	if err := client.Database("shop").RunCommand(context.Background(), bson.D{
		{Key: "createUser", Value: "baker"}, {Key: "pwd", Value: "secret"}, {Key: "roles", Value: bson.A{}},
	}).Err(); err != nil {
		fmt.Println(err)
		return
	}
	for user, err := range stream.All(context.Background(), mongosource.Users(client, nil)) {
		fmt.Println(user.Lookup("db"), user.Lookup("user"), err)
	}
	// Output: "shop" "baker" <nil>
}

func ExampleRoles() {
	client, end := shop()
	defer end()
	if err := client.Database("shop").RunCommand(context.Background(), bson.D{
		{Key: "createRole", Value: "taster"}, {Key: "privileges", Value: bson.A{}}, {Key: "roles", Value: bson.A{}},
	}).Err(); err != nil {
		fmt.Println(err)
		return
	}
	for role, err := range stream.All(context.Background(), mongosource.Roles(client.Database("shop"))) {
		fmt.Println(role.Lookup("role"), err)
	}
	// Output: "taster" <nil>
}

// A later process continues a split behind the documents that are stored.
func ExampleSplitCheckpoints() {
	client, end := shop()
	defer end()
	cookies := client.Database("shop").Collection("cookies")
	documents, saved := 0, mongosource.SplitPosition{}
	for doc, err := range stream.All(context.Background(), mongosource.SplitCheckpoints(cookies, bson.D{}, nil)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		documents++
		if doc.Context.Valid {
			saved = doc.Context.Position
		}
	}
	text, err := json.Marshal(saved)
	fmt.Println(documents, "documents, a position:", len(text) > 0, err)
	// Output: 2 documents, a position: true <nil>
}
