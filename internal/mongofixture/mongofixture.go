// Package mongofixture has documents and clients for tests with package mongotest.
package mongofixture

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// Connect returns a client of srv. Each of set changes its options. At the end of the test the
// client and the server are closed.
func Connect(t testing.TB, srv *mongotest.Server, set ...func(*options.ClientOptions)) *mongo.Client {
	t.Helper()
	o := options.Client().ApplyURI(srv.URI())
	for _, f := range set {
		f(o)
	}
	client, err := mongo.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = client.Disconnect(ctx)
		srv.Close()
	})
	return client
}

// Serve returns a new server with docs in shop.cookies, and a client's view of that collection.
// Each of set changes the client's options.
func Serve(t testing.TB, docs []bson.Raw, set ...func(*options.ClientOptions)) (*mongotest.Server, *mongo.Collection) {
	t.Helper()
	srv := mongotest.NewServer()
	if len(docs) > 0 { // otherwise the collection does not exist yet
		srv.Add("shop", "cookies", docs...)
	}
	return srv, Connect(t, srv, set...).Database("shop").Collection("cookies")
}

// Raw returns v as a document.
func Raw(t testing.TB, v any) bson.Raw {
	t.Helper()
	b, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Numbered returns n documents with the _ids 0 to n-1.
func Numbered(t testing.TB, n int) (docs []bson.Raw) {
	t.Helper()
	for i := range n {
		docs = append(docs, Raw(t, bson.D{{Key: "_id", Value: i}, {Key: "name", Value: fmt.Sprint("cookie ", i)}}))
	}
	return docs
}

// MixedIDs returns 5 × n documents in the order of their _ids, which are of five types.
func MixedIDs(t testing.TB, n int) (docs []bson.Raw) {
	t.Helper()
	for _, id := range []func(i int) any{
		func(i int) any { return i },
		func(i int) any { return fmt.Sprintf("%06d", i) },
		func(i int) any { return bson.D{{Key: "n", Value: i}} },
		func(i int) any { return bson.ObjectID{10: byte(i >> 8), 11: byte(i)} },
		func(i int) any { return bson.DateTime(i) },
	} {
		for i := range n {
			docs = append(docs, Raw(t, bson.D{{Key: "_id", Value: id(i)}, {Key: "n", Value: i}}))
		}
	}
	return docs
}
