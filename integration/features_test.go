package integration_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// The stages find out what a server has by asking it: ways to divide a collection, reads of a
// snapshot, retryable writes. They use the first way that it accepts, and no write is lost by a number
// that it does not know.
func TestFeatures(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		seen := &commandLog{names: map[int64]string{}}
		coll := m.Database(t, options.Client().SetMonitor(seen.monitor())).Collection("c")
		docs := plain(t, 400, 20)
		r, err := stream.Run(t.Context(), source.Slice(docs),
			mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 100}))
		if err != nil || r.Inserted != int64(len(docs)) {
			t.Errorf("%+v, %v", r, err)
		}
		t.Logf("writes: %q", seen.take())
		sameDocuments(t, stored(t, coll), docs)

		for division, ways := range map[mongosource.Division][]string{
			mongosource.Estimated: {"splitVector", "$sample", "count"},
			mongosource.Exact:     {"$bucketAuto", "count"},
		} {
			if ways[0] == "splitVector" && !statesSize(t, coll) {
				ways = ways[1:]
			}
			seen.take()
			ids, err := mongosource.Divide(t.Context(), coll, bson.D{},
				&mongosource.SplitOptions{Ranges: 4, Division: division})
			tried := seen.take()
			if err != nil || len(tried) == 0 {
				t.Errorf("%d bounds by %q, %v", len(ids), tried, err)
				continue
			}
			t.Logf("%d bounds: %q", len(ids), tried)
			for i, way := range tried[:len(tried)-1] {
				if way != ways[i]+" refused" {
					t.Errorf("tried %q before %q", way, tried[i+1])
				}
			}
			if last := tried[len(tried)-1]; last != ways[len(tried)-1] {
				t.Errorf("divided by %q of %q", last, ways)
			}
		}

		got, err := stream.Run(t.Context(), mongosource.Split(coll, bson.D{},
			&mongosource.SplitOptions{Consistency: mongosource.Instant}), sink.Slice[bson.Raw]())
		t.Logf("a snapshot: %d documents, %v", len(got), err)
		if err == nil {
			sameDocuments(t, got, docs)
		} else if !errors.Is(err, mongosource.ErrNoSnapshot) || len(got) > 0 {
			t.Errorf("%d documents, %v", len(got), err)
		}
	})
}

// statesSize reports whether the server says how many bytes coll has, which splitVector needs.
func statesSize(t *testing.T, coll *mongo.Collection) bool {
	t.Helper()
	cursor, err := coll.Aggregate(t.Context(), bson.A{
		bson.D{{Key: "$collStats", Value: bson.D{{Key: "storageStats", Value: bson.D{}}}}},
	})
	if err != nil {
		return false
	}
	defer cursor.Close(t.Context())
	if !cursor.Next(t.Context()) {
		return false
	}
	size, _ := cursor.Current.Lookup("storageStats", "size").AsInt64OK()
	return size > 0
}

// commandLog remembers which features the commands of a client used, and whether the server accepted
// them.
type commandLog struct {
	mu    sync.Mutex
	names map[int64]string // by the number of the request
	used  []string
}

// take returns what was used since the last call.
func (l *commandLog) take() (used []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	used, l.used = l.used, nil
	return used
}

func (l *commandLog) monitor() *event.CommandMonitor {
	end := func(request int64, suffix string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if name := l.names[request]; name != "" {
			l.used = append(l.used, name+suffix)
		}
	}
	return &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.names[e.RequestID] = featureOf(e.CommandName, e.Command)
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) { end(e.RequestID, "") },
		Failed:    func(_ context.Context, e *event.CommandFailedEvent) { end(e.RequestID, " refused") },
	}
}

// featureOf returns the feature that a command uses, or nothing.
func featureOf(name string, command bson.Raw) string {
	switch name {
	case "splitVector":
		return name
	case "insert":
		_, numbered := command.Lookup("txnNumber").AsInt64OK()
		return fmt.Sprintf("retryable %v", numbered)
	case "aggregate":
		stages, _ := command.Lookup("pipeline").ArrayOK()
		values, _ := stages.Values()
		for _, v := range values {
			stage, _ := v.DocumentOK()
			switch key := stage.Index(0).Key(); key {
			case "$sample", "$bucketAuto":
				return key
			case "$group": // CountDocuments
				return "count"
			}
		}
	}
	return ""
}
