package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/stream"
)

// TestRenamePanics makes the driver panic during the rename. The server may have done it or not, so
// the error must say that the outcome is unknown. The staging collection must remain, because it
// may be the only copy of the documents.
func TestRenamePanics(t *testing.T) {
	j, database := newJob(t)
	storeObject(t, j, strings.Repeat("{}\n", 10), nil)
	client, err := mongo.Connect(options.Client().ApplyURI(database.URI()).SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if e.CommandName == "renameCollection" {
				panic("burst")
			}
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.WithoutCancel(t.Context()))
	j.coll = client.Database("shop").Collection("back")

	_, err = j.replace(t.Context(), missing)
	if !errors.As(err, new(*stream.PanicError)) || stream.ClassOf(err) != stream.UnknownOutcome ||
		strings.Contains(err.Error(), "goroutine") {
		t.Errorf("%v: %v", stream.ClassOf(err), err)
	}
	names, listErr := client.Database("shop").ListCollectionNames(t.Context(), bson.D{})
	if listErr != nil || len(names) != 1 {
		t.Fatalf("left are %v, %v", names, listErr)
	}
	if got := len(database.Documents("shop", names[0])); got != 10 || len(database.Commands("drop")) > 0 {
		t.Errorf("%s has %d documents", names[0], got)
	}
	if err == nil || !strings.Contains(err.Error(), "whether shop.back was replaced is unknown") ||
		!strings.Contains(err.Error(), "shop."+names[0]) {
		t.Errorf("what to look at is not said: %v", err)
	}
}
