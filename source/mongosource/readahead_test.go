package mongosource_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// The next batch is requested while the downstream works on this one, and only one.
func TestFindReadsAhead(t *testing.T) {
	srv, coll := serve(t, numbered(t, 50))
	n := 0
	err := mongosource.Find(coll, bson.D{}, every(10)).Each(t.Context(), func(bson.Raw) error {
		if n++; n == 1 {
			for len(srv.Commands("getMore")) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		if read := len(srv.Commands("getMore")); read > (n-1)/10+1 {
			t.Errorf("at document %d, %d batches were requested after the first", n, read)
		}
		return nil
	})
	if n != 50 || err != nil {
		t.Errorf("%d documents, %v", n, err)
	}
}

func TestFindNoReadAhead(t *testing.T) {
	docs := numbered(t, 50)
	srv, coll := serve(t, docs)
	opts := &mongosource.FindOptions{BatchSize: 10, NoReadAhead: true}
	var got []bson.Raw
	err := mongosource.Find(coll, bson.D{}, opts).Each(t.Context(), func(doc bson.Raw) error {
		if read := len(srv.Commands("getMore")); read != len(got)/10 {
			t.Errorf("at document %d, %d batches were requested after the first", len(got), read)
		}
		got = append(got, doc)
		return nil
	})
	if !equal(got, docs) || err != nil {
		t.Errorf("%d documents, %v", len(got), err)
	}
}

// An error of the downstream is returned unchanged. io.EOF is not taken for the end of the cursor.
func TestFindReturnsErrorsOfTheDownstream(t *testing.T) {
	for _, inline := range []bool{false, true} {
		_, coll := serve(t, numbered(t, 50))
		opts := &mongosource.FindOptions{BatchSize: 10, NoReadAhead: inline}
		err := mongosource.Find(coll, bson.D{}, opts).Each(t.Context(), func(bson.Raw) error { return io.EOF })
		if err != io.EOF { //nolint:errorlint // unchanged
			t.Errorf("%v", err)
		}
	}
}

// An early end waits for the reply in flight if it is quick, and keeps the connection. It does not
// wait for a slow one.
func TestFindEndsEarly(t *testing.T) {
	var closed atomic.Int32
	end := func(delay time.Duration) (kept bool) {
		srv, coll := serve(t, numbered(t, 50), func(o *options.ClientOptions) {
			o.SetPoolMonitor(&event.PoolMonitor{Event: func(e *event.PoolEvent) {
				if e.Type == event.ConnectionClosed {
					closed.Add(1)
				}
			}})
		})
		closed.Store(0)
		srv.Inject(mongotest.Fault{Command: "getMore", Delay: delay})
		src := stream.Via(mongosource.Find(coll, bson.D{}, every(10)), stream.Take[bson.Raw](5))
		if docs, err := collect(t.Context(), src); len(docs) != 5 || err != nil {
			t.Errorf("%d documents, %v", len(docs), err)
		}
		return closed.Load() == 0
	}
	kept := false
	for i := 0; i < 50 && !kept; i++ { // a busy machine may be slow, but not always
		kept = end(5 * time.Millisecond)
	}
	if !kept {
		t.Error("a quick reply: the connection was closed")
	}
	began := time.Now()
	if end(time.Minute); time.Since(began) > 50*time.Second {
		t.Error("it waited for a slow reply")
	}
}

// Without a BatchSize, batches are as large as their documents allow.
func TestFindAdaptsItsBatches(t *testing.T) {
	var docs []bson.Raw
	for range 1100 {
		docs = append(docs, raw(t, bson.D{{Key: "b", Value: make([]byte, 40<<10)}}))
	}
	srv, coll := serve(t, docs)
	if got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil)); !equal(got, docs) || err != nil {
		t.Fatalf("%d documents, %v", len(got), err)
	}
	for i, c := range srv.Commands("getMore") {
		if size := c.Body.Lookup("batchSize").AsInt64(); size < 95 || size > 105 {
			t.Errorf("getMore %d asks for %d documents, want about 4 MiB of 40 KiB each", i, size)
		}
	}
}

// A cancellation while a batch is read ahead ends the run with the cause, after the cursor is
// closed.
func TestFindCancelledReadingAhead(t *testing.T) {
	srv, coll := serve(t, numbered(t, 50))
	srv.Inject(mongotest.Fault{Command: "getMore", Delay: 20 * time.Second})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	err := mongosource.Find(coll, bson.D{}, every(10)).Each(ctx, func(bson.Raw) error {
		for len(srv.Commands("getMore")) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel(cause)
		return nil
	})
	if err != cause { //nolint:errorlint // unchanged
		t.Errorf("%v", err)
	}
	if kills := len(srv.Commands("killCursors")); kills != 1 {
		t.Errorf("%d killCursors", kills)
	}
}

// Several goroutines copy large batches, in order.
func TestFindInParallel(t *testing.T) {
	var docs []bson.Raw
	for i := range 3000 {
		docs = append(docs, raw(t, bson.D{{Key: "_id", Value: i}, {Key: "b", Value: make([]byte, i)}}))
	}
	_, coll := serve(t, docs)
	for _, n := range []int{1, 2, 3, 32} {
		got, err := collect(stream.WithParallelism(t.Context(), n), mongosource.Find(coll, bson.D{}, nil))
		if !equal(got, docs) || err != nil {
			t.Errorf("%d goroutines: %d documents, %v", n, len(got), err)
		}
	}
	_, err := collect(stream.WithParallelism(t.Context(), -5), mongosource.Find(coll, bson.D{}, nil))
	if stream.ClassOf(err) != stream.Fatal {
		t.Errorf("-5 goroutines: %v", err)
	}
}
