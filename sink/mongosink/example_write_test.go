package mongosink_test

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Count events: the first one of a cookie inserts its counter.
func ExampleBulk() {
	db, end := exampleDatabase()
	defer end()
	writes := stream.Via(source.Of(1, 2, 2, 3), stream.Map(func(cookie int) mongosink.Write {
		return mongosink.UpdateOne(bson.D{{Key: "_id", Value: cookie}},
			bson.D{{Key: "$inc", Value: bson.D{{Key: "eaten", Value: 1}}}}).Upsert()
	}))
	r, err := stream.Run(context.Background(), writes,
		mongosink.Bulk(db.Collection("cookies"), &mongosink.WriteOptions{Ordered: true}))
	fmt.Println(r.Matched, "matched,", r.Upserted, "inserted:", err)
	// Output: 3 matched, 1 inserted: <nil>
}

// Replace the documents that are there, by their _id.
func ExampleReplace() {
	db, end := exampleDatabase()
	defer end()
	r, err := stream.Run(context.Background(), source.Of(cookie(2, "glazed"), cookie(3, "plain")),
		mongosink.Replace(db.Collection("cookies"), nil, nil))
	fmt.Println(r.Matched, "replaced:", err)
	// Output: 1 replaced: <nil>
}

// Replace the documents that are there, and insert the others.
func ExampleUpsert() {
	db, end := exampleDatabase()
	defer end()
	r, err := stream.Run(context.Background(), source.Of(cookie(2, "glazed"), cookie(3, "plain")),
		mongosink.Upsert(db.Collection("cookies"), nil, nil))
	fmt.Println(r.Matched, "replaced,", r.Upserted, "inserted:", err)
	// Output: 1 replaced, 1 inserted: <nil>
}

// Set fields of the documents that are there, by their _id.
func ExampleUpdate() {
	db, end := exampleDatabase()
	defer end()
	r, err := stream.Run(context.Background(), source.Of(cookie(2, "glazed"), cookie(3, "plain")),
		mongosink.Update(db.Collection("cookies"), nil, nil))
	fmt.Println(r.Matched, "changed,", r.Unmatched, "not found:", err)
	// Output: 1 changed, 1 not found: <nil>
}

// Delete the documents with the _ids of the input.
func ExampleDelete() {
	db, end := exampleDatabase()
	defer end()
	r, err := stream.Run(context.Background(), source.Of(cookie(2, "glazed"), cookie(3, "plain")),
		mongosink.Delete(db.Collection("cookies"), nil, nil))
	fmt.Println(r.Deleted, "deleted,", r.Unmatched, "not found:", err)
	// Output: 1 deleted, 1 not found: <nil>
}

// cookie returns a document.
func cookie(id int, kind string) bson.Raw {
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: id}, {Key: "kind", Value: kind}})
	if err != nil {
		panic(err)
	}
	return doc
}

// Copy a collection, and save each position after the documents up to it are stored.
func ExampleInsertReceipts() {
	db, end := exampleDatabase()
	defer end()
	saved := mongosource.Position{}
	docs := mongosource.ScanCheckpoints(db.Collection("cookies"), bson.D{}, nil)
	_, err := stream.Run(context.Background(),
		stream.Via(docs, mongosink.InsertReceipts[mongosource.Position](db.Collection("copy"), nil)),
		stream.Acknowledge[mongosink.InsertResult](func(_ context.Context, p mongosource.Position) error {
			saved = p // in a real program, in a file or a database
			return nil
		}))
	fmt.Println("done:", saved.Done(), err)
	// Output: done: true <nil>
}

// Apply changes to a copy, and acknowledge each after it is stored.
func ExampleWriteReceipts() {
	db, end := exampleDatabase()
	defer end()
	changes := stream.Via(source.Of("plain", "glazed"), stream.Checkpoints(func(kind string) string { return kind }))
	writes := stream.Via(changes, stream.Map(
		func(e stream.Envelope[string, stream.Checkpoint[string]]) stream.Envelope[mongosink.Write,
			stream.Checkpoint[string]] {
			return stream.Envelope[mongosink.Write, stream.Checkpoint[string]]{
				Value: mongosink.UpsertOne(bson.D{{Key: "_id", Value: e.Value}},
					bson.D{{Key: "_id", Value: e.Value}}),
				Context: e.Context,
			}
		}))
	_, err := stream.Run(context.Background(),
		stream.Via(writes, mongosink.WriteReceipts[string](db.Collection("kinds"), nil)),
		stream.Acknowledge[mongosink.WriteResult](func(_ context.Context, last string) error {
			fmt.Println("stored up to", last)
			return nil
		}))
	fmt.Println(err)
	// Output:
	// stored up to glazed
	// <nil>
}

// Create the indexes of one collection for another.
func ExampleCreateIndexes() {
	db, end := exampleDatabase()
	defer end()
	r, err := stream.Run(context.Background(), mongosource.Indexes(db.Collection("cookies")),
		mongosink.CreateIndexes(db.Collection("copy"), nil))
	fmt.Println(r.Created, "index created:", err)
	// Output: 1 index created: <nil>
}

// Create the roles and the users of one deployment in another.
func ExampleCreateUsers() {
	ctx := context.Background()
	from, end := exampleDatabase()
	defer end()
	to, endTo := exampleDatabase()
	defer endTo()
	if err := from.RunCommand(ctx, bson.D{
		{Key: "createUser", Value: "baker"},
		{Key: "pwd", Value: "old"},
		{Key: "roles", Value: bson.A{bson.D{{Key: "role", Value: "read"}, {Key: "db", Value: "shop"}}}},
	}, options.RunCmd()).Err(); err != nil {
		fmt.Println(err)
		return
	}

	roles, err := stream.Run(ctx, mongosource.Roles(from), mongosink.CreateRoles(to.Client()))
	fmt.Println(roles.Created, "roles created:", err)
	users, err := stream.Run(ctx, mongosource.Users(from.Client(), nil), mongosink.CreateUsers(to.Client(),
		func(db, user string) (string, error) { return "a new password for " + db + "." + user, nil }))
	fmt.Println(users.Created, "user created:", err)
	// Output:
	// 0 roles created: <nil>
	// 1 user created: <nil>
}

// Create a role of one database in another deployment.
func ExampleCreateRoles() {
	ctx := context.Background()
	from, end := exampleDatabase()
	defer end()
	to, endTo := exampleDatabase()
	defer endTo()
	if err := from.RunCommand(ctx, bson.D{
		{Key: "createRole", Value: "taster"},
		{Key: "roles", Value: bson.A{}},
		{Key: "privileges", Value: bson.A{bson.D{
			{Key: "resource", Value: bson.D{{Key: "db", Value: "shop"}, {Key: "collection", Value: "cookies"}}},
			{Key: "actions", Value: bson.A{"find"}},
		}}},
	}).Err(); err != nil {
		fmt.Println(err)
		return
	}
	r, err := stream.Run(ctx, mongosource.Roles(from), mongosink.CreateRoles(to.Client()))
	fmt.Println(r.Created, "role created:", err)
	// Output: 1 role created: <nil>
}
