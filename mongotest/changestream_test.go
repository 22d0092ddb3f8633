package mongotest_test

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// The driver's own change stream sees inserts, scripted events and drops, splits large events, and
// fails when changes have left the log.
func TestChangeStream(t *testing.T) {
	srv := mongotest.NewServer()
	t.Cleanup(srv.Close)
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Disconnect(t.Context()) })
	coll := client.Database("shop").Collection("cookies")
	open := func(set ...func(*options.ChangeStreamOptionsBuilder)) *mongo.ChangeStream {
		o := options.ChangeStream().SetMaxAwaitTime(10 * time.Millisecond)
		for _, f := range set {
			f(o)
		}
		split := mongo.Pipeline{{{Key: "$changeStreamSplitLargeEvent", Value: bson.D{}}}}
		cs, err := coll.Watch(t.Context(), split, o)
		if err != nil {
			t.Fatal(err)
		}
		return cs
	}
	cs := open()
	start := cs.ResumeToken()
	if cs.TryNext(t.Context()) || cs.Err() != nil {
		t.Errorf("an event before any change, %v", cs.Err())
	}
	for _, fill := range []string{"x", strings.Repeat("x", 100)} {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "fill", Value: fill}}); err != nil {
			t.Fatal(err)
		}
	}
	srv.AddChange("shop", "cookies", bson.D{{Key: "operationType", Value: "update"}})
	srv.AddChange("shop", "other", bson.D{{Key: "operationType", Value: "update"}})
	if err := coll.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	read := func(cs *mongo.ChangeStream) (operations []string) {
		for cs.Next(t.Context()) {
			operation, _ := cs.Current.Lookup("operationType").StringValueOK()
			operations = append(operations, operation)
		}
		return operations
	}
	if got := strings.Join(read(cs), " "); got != "insert insert update drop invalidate" || cs.Err() != nil {
		t.Errorf("%s, %v", got, cs.Err())
	}
	srv.LimitEvents(300)
	again := open(func(o *options.ChangeStreamOptionsBuilder) { o.SetResumeAfter(start) })
	if got := read(again); len(got) < 6 || again.Err() != nil {
		t.Errorf("with fragments: %s, %v", got, again.Err())
	}
	srv.KeepChanges(1)
	if _, err := coll.Watch(t.Context(), mongo.Pipeline{}, options.ChangeStream().SetResumeAfter(start)); err == nil {
		t.Error("a token that is too old is accepted")
	}
	srv.SkipLostChanges()
	if _, err := coll.Watch(t.Context(), mongo.Pipeline{}, options.ChangeStream().SetResumeAfter(start)); err != nil {
		t.Errorf("with SkipLostChanges: %v", err)
	}
}
