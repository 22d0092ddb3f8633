package mongotest_test

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// total is the function under test: the sum of the prices of a collection.
func total(ctx context.Context, coll *mongo.Collection) (sum int64, err error) {
	cur, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(100))
	if err != nil {
		return 0, err
	}
	defer cur.Close(ctx)
	for cur.Next(ctx) {
		sum += cur.Current.Lookup("price").AsInt64()
	}
	return sum, cur.Err() // without cur.Err, a lost cursor would be a wrong sum
}

// A test of your own code: the server loses the cursor after the first batch, and the code must not
// take the part that came for the whole.
func ExampleFault() {
	srv := mongotest.NewServer()
	defer srv.Close()
	ctx := context.Background()
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)
	coll := client.Database("shop").Collection("cookies")
	for i := range 250 {
		if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: i}, {Key: "price", Value: 2}}); err != nil {
			fmt.Println(err)
			return
		}
	}

	fmt.Println(total(ctx, coll))
	srv.Inject(mongotest.Fault{Command: "getMore", Nth: 1, Code: 43, Text: "cursor id 1 not found"})
	_, err = total(ctx, coll)
	fmt.Println(err)
	fmt.Println(len(srv.Commands("getMore")), "requests for more,", srv.Cursors(), "cursors left")
	// Output:
	// 500 <nil>
	// (CursorNotFound) cursor id 1 not found
	// 3 requests for more, 0 cursors left
}
