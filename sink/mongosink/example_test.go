package mongosink_test

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleInsert() {
	ctx := context.Background()
	server := mongotest.NewServer() // stands for your own server
	defer server.Close()
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: "stroopwafel"}})
	if err != nil {
		fmt.Println(err)
		return
	}

	insert := mongosink.Insert(client.Database("shop").Collection("cookies"), &mongosink.InsertOptions{Parallelism: 2})
	for range 2 { // the second time the document is there
		result, err := stream.Run(ctx, source.Of(bson.Raw(doc)), insert)
		fmt.Println(result.Inserted, "inserted,", result.AlreadyThere, "already there:", err)
	}
	// Output:
	// 1 inserted, 0 already there: <nil>
	// 0 inserted, 1 already there: <nil>
}
