package mongosource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

type cookie struct {
	ID   int `bson:"_id"`
	Name string
}

// Every source can be decoded, with positions and on several goroutines.
func TestDecode(t *testing.T) {
	_, coll := serve(t, numbered(t, 100))
	decode := stream.TryMap(mongosource.Decode[cookie])
	parallel := stream.MapParallel(4, mongosource.DecodeWith(func(doc bson.Raw) (c cookie, err error) {
		return c, bson.Unmarshal(doc, &c)
	}))
	placed := stream.Via2(mongosource.ScanCheckpoints(coll, bson.D{}, quick(7)),
		stream.TryMap(stream.OnValue[stream.Checkpoint[mongosource.Position]](mongosource.Decode[cookie])),
		stream.Map(func(e stream.Envelope[cookie, stream.Checkpoint[mongosource.Position]]) cookie {
			if int(e.Context.Position.ID().AsInt64()) != e.Value.ID {
				t.Errorf("%v is at %v", e.Value, e.Context.Position)
			}
			return e.Value
		}))
	for name, src := range map[string]stream.Source[cookie]{
		"Find":            stream.Via(mongosource.Find(coll, bson.D{}, nil), decode),
		"Aggregate":       stream.Via(mongosource.Aggregate(coll, bson.A{}, nil), parallel),
		"Scan":            stream.Via(mongosource.Scan(coll, bson.D{}, quick(9)), decode),
		"ScanCheckpoints": placed,
	} {
		got, err := stream.Run(t.Context(), src, sink.Slice[cookie]())
		if err != nil || len(got) != 100 || got[42] != (cookie{42, "cookie 42"}) {
			t.Errorf("%s: %d cookies, %v", name, len(got), err)
		}
	}
}

// The error of a document names it.
func TestDecodeErrors(t *testing.T) {
	doc := raw(t, bson.D{{Key: "_id", Value: 7}, {Key: "name", Value: bson.A{}}})
	own := errors.New("not mine")
	for name, f := range map[string]func(context.Context, bson.Raw) (cookie, error){
		"Unmarshal": mongosource.Decode[cookie],
		"own":       mongosource.DecodeWith(func(bson.Raw) (cookie, error) { return cookie{}, own }),
	} {
		_, err := f(t.Context(), doc)
		var bad *mongosource.DecodeError
		if !errors.As(err, &bad) || bad.ID.AsInt64() != 7 || !strings.Contains(err.Error(), "7") ||
			stream.ClassOf(err) != stream.Data || name == "own" && !errors.Is(err, own) {
			t.Errorf("%s: %v", name, err)
		}
	}
	again := stream.Mark(own, stream.Retryable)
	f := mongosource.DecodeWith(func(bson.Raw) (cookie, error) { return cookie{}, again })
	if _, err := f(t.Context(), doc); stream.ClassOf(err) != stream.Retryable {
		t.Errorf("an error with a class: %v", stream.ClassOf(err))
	}
	if _, err := mongosource.DecodeWith[cookie](nil)(t.Context(), doc); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("no function: %v", err)
	}
}

func ExampleDecode() {
	ctx := context.Background()
	server := mongotest.NewServer() // stands for your own server
	defer server.Close()
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)
	coll := client.Database("shop").Collection("cookies")
	if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: "stroopwafel"}}); err != nil {
		fmt.Println(err)
		return
	}

	type Cookie struct {
		ID   int `bson:"_id"`
		Name string
	}
	cookies := stream.Via(mongosource.Find(coll, bson.D{}, nil), stream.TryMap(mongosource.Decode[Cookie]))
	for c, err := range stream.All(ctx, cookies) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.ID, c.Name)
	}
	// Output: 1 stroopwafel
}
