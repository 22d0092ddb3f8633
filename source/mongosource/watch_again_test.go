package mongosource_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/source/mongosource"
)

// A stream begins before its last event only if the server surely sends this event again.
func TestWatchReadsAgain(t *testing.T) {
	match := mongo.Pipeline{{{Key: "$match", Value: bson.D{{Key: "operationType", Value: "insert"}}}}}
	type Options = mongosource.WatchOptions
	for name, c := range map[string]struct {
		opts  Options
		again bool
	}{
		"no options":                   {Options{}, true},
		"a pipeline":                   {Options{Pipeline: match}, true},
		"documents":                    {Options{FullDocument: options.UpdateLookup}, true},
		"documents of a pipeline":      {Options{FullDocument: options.UpdateLookup, Pipeline: match}, false},
		"documents, without stages":    {Options{FullDocument: options.UpdateLookup, Pipeline: []bson.D{}}, true},
		"images of a pipeline":         {Options{BeforeImage: options.WhenAvailable, Pipeline: match}, false},
		"images that there may be":     {Options{BeforeImage: options.WhenAvailable}, true},
		"images that there must be":    {Options{BeforeImage: options.Required}, false},
		"documents that there must be": {Options{FullDocument: options.Required}, false},
	} {
		srv, coll := serve(t, nil)
		start := startOf(t, coll)
		insert(t, coll, 0, 3)
		events, err := take(t.Context(), 2, mongosource.Watch(coll, watching(start)))
		if err != nil {
			t.Fatal(err)
		}
		c.opts.After, c.opts.MaxAwait = events[1].Position, 10*time.Millisecond
		rest, err := take(t.Context(), 1, mongosource.Watch(coll, &c.opts))
		if err != nil || len(rest) != 1 {
			t.Fatalf("%s: %d events, %v", name, len(rest), err)
		}
		inOrder(t, rest, 2)
		sent := srv.Commands("aggregate")
		want := events[1].Position.Token()
		if c.again {
			want = events[0].Position.Token()
		}
		got := sent[len(sent)-1].Body.Lookup("pipeline", "0", "$changeStream", "resumeAfter").Document()
		if !bytes.Equal(got, want) {
			t.Errorf("%s: it resumes after %s, want %s", name, got, want)
		}
	}
}

// A position of another pipeline is found out, and the error says so.
func TestWatchWithAnotherPipeline(t *testing.T) {
	_, coll := serve(t, nil)
	opts := watching(startOf(t, coll))
	insert(t, coll, 0, 3)
	events, err := take(t.Context(), 2, mongosource.Watch(coll, opts))
	if err != nil {
		t.Fatal(err)
	}
	opts.After = events[1].Position
	opts.Pipeline = mongo.Pipeline{{{Key: "$match", Value: bson.D{{Key: "documentKey._id", Value: 2}}}}}
	_, err = take(t.Context(), 1, mongosource.Watch(coll, opts))
	if !errors.Is(err, mongosource.ErrHistoryLost) || !strings.Contains(err.Error(), "Pipeline") {
		t.Error(err)
	}
}
