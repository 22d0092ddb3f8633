package mongosource_test

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Changes are stored in batches, and then their position, from which the next process continues.
func ExampleWatch() {
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

	var saved mongosource.ChangePosition // in a file, or next to what is stored
	stored := make(chan struct{}, 1)
	store := func(_ context.Context, events []mongosource.Event) error {
		for _, e := range events {
			if e.Operation != mongosource.OpHeartbeat {
				fmt.Println(e.Operation, e.Namespace, e.Document)
			}
		}
		return nil
	}
	save := func(_ context.Context, p mongosource.ChangePosition) error {
		saved = p
		stored <- struct{}{}
		return nil
	}
	watch := func() *stream.Running[stream.Stored[mongosource.ChangePosition]] {
		events := stream.Via(
			mongosource.Watch(cookies, &mongosource.WatchOptions{After: saved, Heartbeat: time.Minute}),
			stream.Checkpoints(func(e mongosource.Event) mongosource.ChangePosition { return e.Position }))
		return stream.Go(ctx, events, stream.StoreBatches(store, save, &stream.StoreOptions{MaxElements: 1}))
	}

	running := watch()
	<-stored // the position of the start, from the first heartbeat
	running.Drain()
	if _, err := running.Wait(); err != nil {
		fmt.Println(err)
		return
	}

	// No process watches now.
	if _, err := cookies.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: "amaretto"}}); err != nil {
		fmt.Println(err)
		return
	}

	running = watch()
	<-stored
	running.Drain()
	if _, err := running.Wait(); err != nil {
		fmt.Println(err)
	}
	// Output: insert shop.cookies {"_id": {"$numberInt":"1"},"name": "amaretto"}
}

// The events of a transaction become one part.
func ExampleEvent() {
	session := string([]byte{1})
	events := stream.SourceFunc[mongosource.Event](func(_ context.Context, emit func(mongosource.Event) error) error {
		for i, number := range []int64{0, 7, 7, 7, 0, 8, 0} {
			e := mongosource.Event{Operation: mongosource.OpInsert, WallTime: time.UnixMilli(int64(i))}
			if number > 0 {
				e.Transaction = mongosource.Transaction{Session: session, Number: number}
			}
			if err := emit(e); err != nil {
				return err
			}
		}
		return nil
	})
	var last mongosource.Transaction
	begins := func(e mongosource.Event) bool {
		same := e.Transaction == last && e.Transaction != mongosource.Transaction{}
		last = e.Transaction
		return !same
	}
	for part, err := range stream.All(context.Background(), stream.Via(events, stream.SplitWhen(begins))) {
		if err != nil {
			fmt.Println(err)
			return
		}
		n := 0
		for range stream.All(context.Background(), part) {
			n++
		}
		fmt.Print(n, " ")
	}
	// Output: 1 3 1 1 1
}
