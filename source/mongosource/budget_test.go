package mongosource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// batchCost is what a source needs of a budget: a reply of 2 MiB, the copy of its documents, and
// the reply before it.
const batchCost = 6 << 20

// With the least budget that works, a source reads everything, also when it resumes, and gives back
// what it held. With less, it fails before its first request.
func TestBudget(t *testing.T) {
	docs := numbered(t, 50)
	for _, inline := range []bool{false, true} {
		srv, coll := serve(t, docs)
		opts := quick(10)
		opts.NoReadAhead = inline
		for name, src := range map[string]stream.Source[bson.Raw]{
			"Find": mongosource.Find(coll, bson.D{}, &mongosource.FindOptions{BatchSize: 10, NoReadAhead: inline}),
			"Scan": mongosource.Scan(coll, bson.D{}, opts),
		} {
			if name == "Scan" {
				for nth := range 4 {
					srv.Inject(mongotest.Fault{Command: "getMore", Nth: nth + 1, Code: 43})
				}
			}
			b := stream.NewBudget(batchCost)
			got, err := stream.Run(stream.WithBudget(t.Context(), b), src, sink.Slice[bson.Raw]())
			if err != nil || !equal(got, docs) || b.Used() != 0 {
				t.Errorf("%s: %d documents, %d bytes left, %v", name, len(got), b.Used(), err)
			}
			srv.Heal()
			sent := len(srv.Commands())
			_, err = stream.Run(stream.WithBudget(t.Context(), stream.NewBudget(batchCost-1)), src,
				sink.Slice[bson.Raw]())
			if stream.ClassOf(err) != stream.Fatal || !strings.Contains(fmt.Sprint(err), fmt.Sprint(batchCost)) {
				t.Errorf("%s: %v", name, err)
			}
			if len(srv.Commands()) != sent {
				t.Errorf("%s sent a request", name)
			}
		}
	}
}

// Runs that share a budget for two batches all finish. No more than two of them read at a time.
func TestBudgetShared(t *testing.T) {
	docs := numbered(t, 50)
	_, coll := serve(t, docs)
	b := stream.NewBudget(2 * batchCost)
	ctx := stream.WithBudget(t.Context(), b)
	var runs sync.WaitGroup
	for range 20 {
		runs.Go(func() {
			seen := stream.Map(func(doc bson.Raw) bson.Raw {
				if used := b.Used(); used > b.Size() {
					t.Errorf("%d bytes of %d", used, b.Size())
				}
				return doc
			})
			got, err := stream.Run(ctx, stream.Via(mongosource.Find(coll, bson.D{}, every(10)), seen),
				sink.Slice[bson.Raw]())
			if err != nil || !equal(got, docs) {
				t.Errorf("%d documents, %v", len(got), err)
			}
		})
	}
	runs.Wait()
	if b.Used() != 0 {
		t.Errorf("%d bytes are left", b.Used())
	}
}

// A source that waits for memory ends early at once, and gives back what it held.
func TestBudgetEndsEarly(t *testing.T) {
	_, coll := serve(t, numbered(t, 50))
	b := stream.NewBudget(batchCost)
	broken := errors.New("broken")
	ctx := stream.WithBudget(t.Context(), b)
	for name, flow := range map[string]stream.Flow[bson.Raw, bson.Raw]{
		"early end": stream.Take[bson.Raw](5),
		"an error":  stream.TryMap(func(_ context.Context, d bson.Raw) (bson.Raw, error) { return d, broken }),
	} {
		_, err := stream.Run(ctx, stream.Via(mongosource.Find(coll, bson.D{}, every(10)), flow), sink.Slice[bson.Raw]())
		if (err != nil) != (name == "an error") || b.Used() != 0 {
			t.Errorf("%s: %d bytes left, %v", name, b.Used(), err)
		}
	}
}

// A run with a budget asks for few documents first, because it does not know their size.
func TestBudgetOfTheFirstBatch(t *testing.T) {
	var docs []bson.Raw
	for range 250 {
		docs = append(docs, raw(t, bson.D{{Key: "b", Value: make([]byte, 40<<10)}}))
	}
	srv, coll := serve(t, docs)
	b := stream.NewBudget(batchCost)
	for name, src := range map[string]stream.Source[bson.Raw]{
		"Find":      mongosource.Find(coll, bson.D{}, nil),
		"Aggregate": mongosource.Aggregate(coll, bson.A{}, nil),
	} {
		got, err := stream.Run(stream.WithBudget(t.Context(), b), src, sink.Slice[bson.Raw]())
		if err != nil || !equal(got, docs) {
			t.Errorf("%s: %d documents, %v", name, len(got), err)
		}
	}
	for _, c := range []mongotest.Command{srv.Commands("find")[0], srv.Commands("aggregate")[0]} {
		size, err := c.Body.LookupErr("batchSize")
		if err != nil {
			size = c.Body.Lookup("cursor", "batchSize")
		}
		if n := size.AsInt64(); n != 100 {
			t.Errorf("%s asks for %d documents", c.Name, n)
		}
	}
}

// While a scan waits for the memory of its next batch, it refreshes the session of its cursor.
func TestBudgetKeepsTheCursor(t *testing.T) {
	docs := numbered(t, 30)
	srv, coll := serve(t, docs)
	opts := quick(10)
	opts.KeepAlive = time.Millisecond
	n := 0
	look := stream.Map(func(doc bson.Raw) bson.Raw {
		for n++; n == 1 && len(srv.Commands("refreshSessions")) < 3; {
			time.Sleep(time.Millisecond)
		}
		return doc
	})
	ctx := stream.WithBudget(t.Context(), stream.NewBudget(batchCost))
	got, err := stream.Run(ctx, stream.Via(mongosource.Scan(coll, bson.D{}, opts), look), sink.Slice[bson.Raw]())
	if err != nil || !equal(got, docs) {
		t.Errorf("%d documents, %v", len(got), err)
	}
}
