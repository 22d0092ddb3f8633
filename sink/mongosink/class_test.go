package mongosink_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// withoutIDs returns n documents without an _id.
func withoutIDs(t testing.TB, n int) (docs []bson.Raw) {
	t.Helper()
	for i := range n {
		docs = append(docs, raw(t, bson.D{{Key: "n", Value: i}}))
	}
	return docs
}

// once repeats no batch.
var once = &mongosink.InsertOptions{RetryTimeout: -1}

// inserts runs docs through RestartSink over insert, and returns its results.
func inserts(ctx context.Context, docs []bson.Raw, n int,
	insert stream.Sink[bson.Raw, mongosink.InsertResult],
) ([]mongosink.InsertResult, error) {
	restart := stream.RestartSink(n, insert, &stream.Backoff{Min: time.Millisecond})
	return stream.Run(ctx, stream.Via(sourceOf(docs, nil), restart), sink.Slice[mongosink.InsertResult]())
}

// The server carries out a batch, and the replies to it and to the first repetition are lost. The
// sink settles the outcome, so that RestartSink goes on: each document is stored once, also without
// _ids and by a server without retryable writes.
func TestRestartInsertRepliesLost(t *testing.T) {
	t.Parallel()
	docs := withoutIDs(t, 100)
	for name, fault := range map[string]mongotest.Fault{
		"RST": {Lose: true, Reset: true}, "FIN": {Lose: true}, "RST in the reply": {Cut: 20, Reset: true},
		"FIN in the reply": {Cut: 20},
		"overloaded":       {Code: 462, Labels: []string{"SystemOverloadedError", "RetryableError"}},
	} {
		for _, standalone := range []bool{true, false} {
			srv, coll := serveStandalone(t, standalone)
			fault.Command = "insert"
			for nth := range 2 {
				fault.Nth = nth + 1
				srv.Inject(fault)
			}
			r, err := inserts(t.Context(), docs, 50, mongosink.Insert(coll, nil))
			if n := len(srv.Documents("shop", "cookies")); n != 100 || len(r) != 2 || err != nil {
				t.Errorf("%s, standalone %v: %d are stored; %+v, %v (%v)", name, standalone, n, r, err,
					stream.ClassOf(err))
			}
		}
	}
}

// The second batch of a run fails before it is sent, for a transient reason. The first batch is
// stored, so RestartSink does not repeat the run.
func TestRestartInsertSomeStored(t *testing.T) {
	docs := withoutIDs(t, 20)
	unavailable := topologyError()
	f := &inserter{reply: func(call int, d []bson.Raw) (*mongo.BulkWriteResult, error) {
		if call == 1 {
			return &mongo.BulkWriteResult{}, unavailable
		}
		return inserted(len(d)), nil
	}}
	r, err := inserts(t.Context(), docs, 20, mongosink.InsertBy(f.command, &mongosink.InsertOptions{
		BatchDocuments: 10,
		Parallelism:    1,
	}))
	if len(f.batches) != 2 || len(r) > 0 || stream.ClassOf(err) != stream.UnknownOutcome ||
		!errors.As(err, &topology.ServerSelectionError{}) {
		t.Errorf("%d batches, %+v, %v (%v)", len(f.batches), r, err, stream.ClassOf(err))
	}
	if errors.Is(err, mongosink.ErrOutcomeUnknown) {
		t.Errorf("nothing is unknown: %v", err)
	}
}

// The _ids that the sink made are not in the input. This is so too if their documents were sent in a
// part of a batch: in a half, or after a duplicate of an ordered one.
func TestRestartInsertPartStored(t *testing.T) {
	first := numbered(t, 1)
	for name, c := range map[string]struct {
		opts     mongosink.InsertOptions
		docs     []bson.Raw
		inserted int64
	}{
		"half": {mongosink.InsertOptions{ContinueOnError: true, BatchDocuments: 20}, withoutIDs(t, 20), 10},
		"rest": {mongosink.InsertOptions{Ordered: true, BatchDocuments: 10}, append(first, withoutIDs(t, 19)...), 9},
	} {
		srv, coll := serve(t)
		if c.opts.Ordered {
			srv.Add("shop", "cookies", first...)
		} else {
			srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Code: 22})
		}
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 3, Code: 16500})
		c.opts.Parallelism, c.opts.RetryTimeout = 1, -1
		r, err := stream.Run(t.Context(), sourceOf(c.docs, nil), mongosink.Insert(coll, &c.opts))
		if stream.ClassOf(err) != stream.UnknownOutcome || r.Inserted != c.inserted {
			t.Errorf("%s: %+v, %v (%v)", name, r, err, stream.ClassOf(err))
		}
	}
}

// topologyError is the driver's error when there is no server.
func topologyError() error {
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1/").
		SetServerSelectionTimeout(time.Millisecond))
	if err != nil {
		panic(err)
	}
	defer client.Disconnect(context.Background())
	return client.Ping(context.Background(), nil)
}

// Nothing is stored and the reason is transient: RestartSink repeats the run, and each document is
// stored once.
func TestRestartInsertNothingStored(t *testing.T) {
	docs := withoutIDs(t, 30)
	unavailable := topologyError()
	for _, failures := range []int{1, 3} {
		var stored []bson.Raw
		f := &inserter{reply: func(call int, d []bson.Raw) (*mongo.BulkWriteResult, error) {
			if call < failures {
				return &mongo.BulkWriteResult{}, unavailable
			}
			stored = append(stored, d...)
			return inserted(len(d)), nil
		}}
		r, err := inserts(t.Context(), docs, 10,
			mongosink.InsertBy(f.command, &mongosink.InsertOptions{Parallelism: 1}))
		if err != nil || len(r) != 3 || len(stored) != 30 {
			t.Errorf("%d failures: %d are stored; %+v, %v", failures, len(stored), r, err)
		}
	}
}

// When a timeout around the insert, or a transient failure of the upstream, ends the run, documents
// are already in the collection.
func TestRestartInsertEndedFromOutside(t *testing.T) {
	docs := withoutIDs(t, 20)
	insert := func(f *inserter) stream.Sink[bson.Raw, mongosink.InsertResult] {
		return mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 10, Parallelism: 1})
	}
	slow := &inserter{delay: time.Minute}
	limited := stream.SinkFunc[bson.Raw, mongosink.InsertResult](func(ctx context.Context,
		src stream.Source[bson.Raw],
	) (mongosink.InsertResult, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		return insert(slow).Consume(ctx, src)
	})
	_, err := inserts(t.Context(), docs, 20, limited)
	if len(slow.batches) != 1 || stream.ClassOf(err) != stream.UnknownOutcome ||
		!errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a timeout: %d batches, %v (%v)", len(slow.batches), err, stream.ClassOf(err))
	}

	passing := stream.Mark(errors.New("look again"), stream.Retryable)
	f, n := &inserter{}, 0
	failing := stream.Into(stream.TryMap(func(_ context.Context, d bson.Raw) (bson.Raw, error) {
		if n++; n == 15 {
			return nil, passing
		}
		return d, nil
	}), insert(f))
	_, err = inserts(t.Context(), docs, 20, failing)
	if len(f.batches) != 1 || stream.ClassOf(err) != stream.UnknownOutcome || !errors.Is(err, passing) {
		t.Errorf("an upstream that fails: %d batches, %v (%v)", len(f.batches), err, stream.ClassOf(err))
	}
}

// The classes of the server's refusals.
func TestInsertClasses(t *testing.T) {
	for name, c := range map[string]struct {
		fault mongotest.Fault
		class stream.Class
	}{
		"duplicate": {mongotest.Fault{WriteErrors: map[int]int32{3: 11000}}, stream.Data},
		"not valid": {mongotest.Fault{WriteErrors: map[int]int32{3: 121}}, stream.Data},
		"disk full": {mongotest.Fault{WriteErrors: map[int]int32{3: 14031, 4: 121}}, stream.Fatal},
		"stepped down, some in": {
			mongotest.Fault{WriteErrors: map[int]int32{3: 10107, 4: 10107}},
			stream.Retryable, // the _ids identify the stored ones
		},
		"stepped down, none in": {mongotest.Fault{WriteErrors: map[int]int32{
			0: 10107, 1: 10107, 2: 10107, 3: 10107,
			4: 10107,
		}}, stream.Retryable},
		"no write concern": {mongotest.Fault{WriteConcernError: 64}, stream.UnknownOutcome},
		"wrong name":       {mongotest.Fault{Code: 73}, stream.Fatal},
		"not BSON":         {mongotest.Fault{Code: 22}, stream.Data},
		"not allowed":      {mongotest.Fault{Code: 13}, stream.Fatal},
		"shutting down":    {mongotest.Fault{Code: 91}, stream.Retryable},
		"a reply that is nonsense": {
			mongotest.Fault{Reply: raw(t, bson.D{{Key: "ok", Value: 1}})},
			stream.Unclassified, // settled by reading back
		},
	} {
		srv, coll := serve(t)
		c.fault.Command = "insert"
		srv.Inject(c.fault)
		_, err := stream.Run(t.Context(), sourceOf(numbered(t, 5), nil), mongosink.Insert(coll, once))
		if stream.ClassOf(err) != c.class {
			t.Errorf("%s: %v (%v), want %v", name, err, stream.ClassOf(err), c.class)
		}
	}
	srv, coll := serve(t, func(o *options.ClientOptions) { o.SetServerSelectionTimeout(100 * time.Millisecond) })
	srv.Close()
	if _, err := stream.Run(t.Context(), sourceOf(numbered(t, 5), nil),
		mongosink.Insert(coll, nil)); stream.ClassOf(err) != stream.Retryable {
		t.Errorf("no server: %v (%v)", err, stream.ClassOf(err))
	}
	for _, err := range []error{
		mongosink.ErrDuplicate, mongosink.ErrTooLarge, mongosink.ErrMalformed,
		mongosink.ErrIDNotFirst, mongosink.ErrEmptyTimestamp, &mongosink.DocumentError{}, &mongosink.InsertError{},
	} {
		if stream.ClassOf(err) != stream.Data {
			t.Errorf("%v: %v", err, stream.ClassOf(err))
		}
	}
}

// Supervise skips only documents that are refused for their content: a document that may be stored
// is no dead letter.
func TestSuperviseInserts(t *testing.T) {
	docs := append(numbered(t, 5), empty(t, 5))
	for name, c := range map[string]struct {
		fault mongotest.Fault
		dead  []int64
		class stream.Class // of the run's error
	}{
		"refused": {
			mongotest.Fault{Nth: 3, WriteErrors: map[int]int32{0: 121}},
			[]int64{2, 5},
			stream.Unclassified,
		},
		"reply lost":   {mongotest.Fault{Nth: 3, Lose: true}, []int64{5}, stream.Unclassified},
		"wrong name":   {mongotest.Fault{Nth: 3, Code: 73}, nil, stream.Fatal},
		"stepped down": {mongotest.Fault{Nth: 3, WriteErrors: map[int]int32{0: 10107}}, nil, stream.Retryable},
	} {
		srv, coll := serve(t, func(o *options.ClientOptions) { o.SetRetryWrites(false) })
		srv.RefuseField(bypassField)
		c.fault.Command = "insert"
		srv.Inject(c.fault)
		insert := mongosink.Insert(coll, once)
		var dead []int64
		skip := stream.Supervise(1,
			func(ctx context.Context, d bson.Raw) (mongosink.InsertResult, error) {
				return stream.Run(ctx, sourceOf([]bson.Raw{d}, nil), insert)
			},
			func(_ context.Context, d stream.DeadLetter[bson.Raw]) error {
				dead = append(dead, d.Position)
				return nil
			}, nil)
		_, err := stream.Run(t.Context(), stream.Via(sourceOf(docs, nil), skip), sink.Slice[mongosink.InsertResult]())
		if stream.ClassOf(err) != c.class || (err == nil) != (c.class == stream.Unclassified) ||
			!slices.Equal(dead, c.dead) {
			t.Errorf("%s: %v were skipped, %v (%v)", name, dead, err, stream.ClassOf(err))
		}
	}
}
