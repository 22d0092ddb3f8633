package mongosource_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// The options reach the server, and only those that were set.
func TestWatchCommand(t *testing.T) {
	srv, coll := serve(t, nil)
	at := startOf(t, coll)
	insert(t, coll, 0, 1)
	_, err := take(t.Context(), 1, mongosource.Watch(coll, &mongosource.WatchOptions{
		After: at, Pipeline: mongo.Pipeline{{{Key: "$match", Value: bson.D{{Key: "operationType", Value: "insert"}}}}},
		FullDocument: options.WhenAvailable, BeforeImage: options.Required, ExpandedEvents: true,
		SplitLargeEvents: true,
		BatchSize:        7, Comment: "nightly", MaxAwait: 250 * time.Millisecond,
	}))
	if err != nil {
		t.Fatal(err)
	}
	command := srv.Commands("aggregate")[1].Body
	for field, want := range map[string]string{
		"pipeline.0.$changeStream.fullDocument":             `"whenAvailable"`,
		"pipeline.0.$changeStream.fullDocumentBeforeChange": `"required"`,
		"pipeline.0.$changeStream.showExpandedEvents":       "true",
		"pipeline.0.$changeStream.resumeAfter":              at.Token().String(),
		"pipeline.1.$match":                                 `{"operationType": "insert"}`,
		"pipeline.2.$changeStreamSplitLargeEvent":           "{}",
		"cursor.batchSize":                                  `{"$numberInt":"7"}`,
		"comment":                                           `"nightly"`,
	} {
		if got := command.Lookup(strings.Split(field, ".")...).String(); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	first := srv.Commands("aggregate")[0].Body.Lookup("pipeline", "0", "$changeStream").Document()
	if elements, _ := first.Elements(); len(elements) != 0 {
		t.Errorf("without options, $changeStream is %s", first)
	}
}

// Settings that cannot work are refused before any request.
func TestWatchSettings(t *testing.T) {
	srv, coll := serve(t, nil)
	for name, src := range map[string]stream.Source[mongosource.Event]{
		"no target":        mongosource.Watch(nil, nil),
		"a nil collection": mongosource.Watch((*mongo.Collection)(nil), nil),
		"a nil database":   mongosource.Watch((*mongo.Database)(nil), nil),
		"a nil client":     mongosource.Watch((*mongo.Client)(nil), nil),
		"batch size":       mongosource.Watch(coll, &mongosource.WatchOptions{BatchSize: -1}),
		"no token":         mongosource.Watch(coll, watching(mongosource.AfterToken(nil))),
		"an empty token":   mongosource.Watch(coll, watching(mongosource.AfterToken(raw(t, bson.D{})))),
		"a damaged token":  mongosource.Watch(coll, watching(mongosource.AfterToken(bson.Raw("token")))),
		"await":            mongosource.Watch(coll, &mongosource.WatchOptions{MaxAwait: -1}),
		"await, too short": mongosource.Watch(coll, &mongosource.WatchOptions{MaxAwait: 1}),
		"heartbeat":        mongosource.Watch(coll, &mongosource.WatchOptions{Heartbeat: -1}),
		"backoff":          mongosource.Watch(coll, &mongosource.WatchOptions{Backoff: stream.Backoff{Min: -1}}),
		"a pipeline": mongosource.Watch(coll, &mongosource.WatchOptions{
			Pipeline:         bson.D{},
			SplitLargeEvents: true,
		}),
		"no slice": mongosource.Watch(coll, &mongosource.WatchOptions{Pipeline: 7}),
		"a writing pipeline": mongosource.Watch(coll, &mongosource.WatchOptions{
			Pipeline: mongo.Pipeline{{{Key: "$merge", Value: "other"}}},
		}),
	} {
		if _, err := take(t.Context(), 1, src); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(srv.Commands()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// Every field of an event, as a server sends them.
func TestWatchEvents(t *testing.T) {
	srv, coll := serve(t, nil)
	at := startOf(t, coll)
	session := bson.D{{Key: "id", Value: bson.Binary{Subtype: 4, Data: make([]byte, 16)}}}
	id := bson.D{{Key: "_id", Value: "x"}}
	srv.AddChange("shop", "cookies", bson.D{
		{Key: "operationType", Value: "update"},
		{Key: "fullDocument", Value: append(id, bson.E{Key: "n", Value: 2})},
		{Key: "fullDocumentBeforeChange", Value: append(id, bson.E{Key: "n", Value: 1})},
		{Key: "documentKey", Value: id},
		{Key: "updateDescription", Value: bson.D{{Key: "updatedFields", Value: bson.D{{Key: "n", Value: 2}}}}},
		{Key: "clusterTime", Value: bson.Timestamp{T: 5, I: 6}},
		{Key: "wallTime", Value: bson.DateTime(1500)},
		{Key: "lsid", Value: session},
		{Key: "txnNumber", Value: int64(9)},
	})
	srv.AddChange("shop", "cookies", bson.D{
		{Key: "operationType", Value: 5},
		{Key: "ns", Value: "text"},
		{Key: "fullDocument", Value: nil},
		{Key: "clusterTime", Value: "now"},
		{Key: "wallTime", Value: true},
		{Key: "txnNumber", Value: "many"},
	})
	events, err := take(t.Context(), 2, mongosource.Watch(coll, watching(at)))
	if err != nil {
		t.Fatal(err)
	}
	e := events[0]
	if e.Operation != mongosource.OpUpdate || e.Namespace.String() != "shop.cookies" ||
		e.ClusterTime != (bson.Timestamp{T: 5, I: 6}) || !e.WallTime.Equal(time.UnixMilli(1500)) ||
		e.Transaction != (mongosource.Transaction{Session: string(raw(t, session)), Number: 9}) ||
		!bytes.Equal(e.Key, raw(t, id)) || e.Document.Lookup("n").AsInt64() != 2 ||
		e.Before.Lookup("n").AsInt64() != 1 ||
		e.Update.Lookup("updatedFields", "n").AsInt64() != 2 {
		t.Errorf("%+v", e)
	}
	odd := events[1]
	odd.Raw, odd.Position = nil, mongosource.ChangePosition{}
	if fmt.Sprint(odd) != fmt.Sprint(mongosource.Event{}) {
		t.Errorf("fields of other types: %+v", odd)
	}
}

// The fragments of a large event come as one event. A cut between them loses nothing, and the stream
// continues after it.
func TestWatchJoinsFragments(t *testing.T) {
	for _, size := range []int{1, 3, 100} {
		for _, nth := range []int{0, 2, 4} {
			srv, coll := serve(t, nil)
			srv.LimitEvents(1000)
			opts := watching(startOf(t, coll))
			opts.SplitLargeEvents = true
			opts.BatchSize = size
			insert(t, coll, 0, 1)
			big := bson.D{{Key: "_id", Value: int32(1)}, {Key: "fill", Value: strings.Repeat("x", 2000)}}
			if _, err := coll.InsertOne(t.Context(), big); err != nil {
				t.Fatal(err)
			}
			insert(t, coll, 2, 4)
			if nth > 0 {
				srv.Inject(mongotest.Fault{Command: "getMore", Nth: nth, Code: 43})
				srv.Inject(mongotest.Fault{Command: "getMore", Nth: nth + 2, Code: 237})
			}
			events, err := take(t.Context(), 4, mongosource.Watch(coll, opts))
			if err != nil || len(events) != 4 {
				t.Fatalf("batches of %d, cut at %d: %d events, %v", size, nth, len(events), err)
			}
			inOrder(t, events, 0)
			if !bytes.Equal(events[1].Document, raw(t, big)) || events[1].ClusterTime.T == 0 {
				t.Errorf("batches of %d, cut at %d: %+v", size, nth, events[1])
			}
			after := watching(reread(t, events[1].Position))
			after.SplitLargeEvents = true
			rest, err := take(t.Context(), 2, mongosource.Watch(coll, after))
			if err != nil || len(rest) != 2 {
				t.Fatalf("after the large event: %d events, %v", len(rest), err)
			}
			inOrder(t, rest, 2)
		}
	}
}

// Without SplitLargeEvents, a large event ends the run.
func TestWatchTooLarge(t *testing.T) {
	srv, coll := serve(t, nil)
	srv.LimitEvents(1000)
	opts := watching(startOf(t, coll))
	insert(t, coll, 0, 3)
	if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "fill", Value: strings.Repeat("x", 2000)}}); err != nil {
		t.Fatal(err)
	}
	events, err := take(t.Context(), 4, mongosource.Watch(coll, opts))
	if !errors.Is(err, mongosource.ErrEventTooLarge) || len(events) != 3 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// Fragments that do not fit together, and events without a token, are replies that make no sense.
func TestWatchBadEvents(t *testing.T) {
	id := bson.E{Key: "_id", Value: bson.D{{Key: "_data", Value: "00"}}}
	fragment := func(n, of int) bson.D {
		return bson.D{id, {Key: "splitEvent", Value: bson.D{{Key: "fragment", Value: n}, {Key: "of", Value: of}}}}
	}
	for name, events := range map[string]bson.A{
		"no first fragment":      {fragment(2, 2)},
		"a fragment twice":       {fragment(1, 3), fragment(1, 3)},
		"a fragment left out":    {fragment(1, 3), fragment(3, 3)},
		"another event":          {fragment(1, 3), bson.D{id}},
		"another count":          {fragment(1, 3), fragment(2, 2)},
		"fragment 0":             {fragment(0, 0)},
		"fragment 1 of 0":        {fragment(1, 0)},
		"a text":                 {bson.D{id, {Key: "splitEvent", Value: "1 of 2"}}},
		"no token":               {bson.D{{Key: "operationType", Value: "insert"}}},
		"no token, then one":     {bson.D{{Key: "operationType", Value: "insert"}}, bson.D{id}},
		"a token of no fields":   {bson.D{{Key: "_id", Value: bson.D{}}}, bson.D{id}},
		"a token that is a text": {bson.D{{Key: "_id", Value: "x"}}, bson.D{id}},
	} {
		srv, coll := serve(t, nil)
		srv.Inject(mongotest.Fault{Command: "getMore", Nth: 1, Reply: raw(t, bson.D{
			{Key: "cursor", Value: bson.D{
				{Key: "nextBatch", Value: events}, {Key: "id", Value: int64(1)}, {Key: "ns", Value: "shop.cookies"},
			}},
			{Key: "ok", Value: 1.0},
		})})
		got, err := take(t.Context(), 1, mongosource.Watch(coll, watching(mongosource.ChangePosition{})))
		if stream.ClassOf(err) != stream.Fatal || len(got) != 0 {
			t.Errorf("%s: %d events, %v", name, len(got), err)
		}
	}
}

// On a quiet stream, heartbeats carry the position on, past changes of other collections, so that it
// can be continued when its last event has left the log.
func TestWatchHeartbeats(t *testing.T) {
	srv, coll := serve(t, nil)
	other := coll.Database().Collection("other")
	opts := watching(startOf(t, coll))
	opts.Heartbeat = 5 * time.Millisecond
	insert(t, coll, 0, 1)
	var first mongosource.ChangePosition
	beats, moved := 0, mongosource.ChangePosition{}
	err := mongosource.Watch(coll, opts).Each(t.Context(), func(e mongosource.Event) error {
		if e.Operation == mongosource.OpInsert {
			first = e.Position
			insert(t, other, 0, 20)
			return nil
		}
		if first == (mongosource.ChangePosition{}) || string(e.Position.Token()) == string(first.Token()) {
			return nil
		}
		if beats++; beats == 3 {
			moved = e.Position
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	srv.KeepChanges(5)
	if _, err := take(t.Context(), 1, mongosource.Watch(coll, watching(first))); !errors.Is(err,
		mongosource.ErrHistoryLost) {
		t.Errorf("after the last event: %v", err)
	}
	insert(t, coll, 1, 2)
	events, err := take(t.Context(), 1, mongosource.Watch(coll, watching(reread(t, moved))))
	if err != nil {
		t.Fatal(err)
	}
	inOrder(t, events, 1)
}

// A stream that was idle for a while and is opened again does not begin at a later place.
func TestWatchIdleIsOpenedAgain(t *testing.T) {
	srv, coll := serve(t, nil)
	opts := watching(mongosource.ChangePosition{})
	opts.Heartbeat, opts.NoReadAhead = time.Millisecond, true
	n := 0
	err := mongosource.Watch(coll, opts).Each(t.Context(), func(e mongosource.Event) error {
		if e.Operation == mongosource.OpInsert {
			inOrder(t, []mongosource.Event{e}, 0)
			return errEnough
		}
		if n++; n == 5 {
			srv.ForgetCursors()
			insert(t, coll, 0, 1)
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
}
