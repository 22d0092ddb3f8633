package mongosource_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// everyID returns documents with _ids of every type that a server accepts, in the order of a sort.
func everyID(t testing.TB) (docs []bson.Raw) {
	t.Helper()
	scope := bson.D{{Key: "x", Value: 1}}
	for _, id := range []any{
		bson.MinKey{},
		nil,
		math.NaN(), math.Inf(-1), int64(math.MinInt64), -1.5, int32(0), 0.25, int64(1), dec(t, "1.5"), 2.0,
		int32(3), int64(math.MaxInt64), math.Inf(1),
		"", "a", "a\x00b", "b", bson.Symbol("c"), "é",
		bson.D{},
		bson.D{{Key: "a", Value: 1}},
		bson.D{{Key: "a", Value: 1}, {Key: "b", Value: 1}},
		bson.D{{Key: "a", Value: "x"}},
		[]byte{},
		[]byte{1},
		bson.Binary{Subtype: 4, Data: []byte{1}},
		[]byte{1, 2},
		bson.ObjectID{},
		bson.ObjectID{11: 1},
		false, true,
		bson.DateTime(-1), bson.DateTime(0), bson.DateTime(1),
		bson.Timestamp{},
		bson.Timestamp{I: 1},
		bson.Timestamp{T: 1},
		bson.JavaScript("f"),
		bson.CodeWithScope{Code: "f", Scope: scope},
		bson.MaxKey{},
	} {
		docs = append(docs, raw(t, bson.D{{Key: "_id", Value: id}, {Key: "n", Value: len(docs)}}))
	}
	return docs
}

func dec(t testing.TB, text string) bson.Decimal128 {
	t.Helper()
	d, err := bson.ParseDecimal128(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// quick are the options of a scan that resumes at once.
func quick(batch int) *mongosource.ScanOptions {
	return &mongosource.ScanOptions{BatchSize: batch, Backoff: stream.Backoff{Min: time.Millisecond}}
}

func TestScan(t *testing.T) {
	docs := everyID(t)
	for _, batch := range []int{0, 1, 3, len(docs) - 1, len(docs), len(docs) + 1} {
		srv, coll := serve(t, docs)
		got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, quick(batch)))
		if err != nil || !equal(got, docs) {
			t.Errorf("batches of %d: %d documents of %d, %v", batch, len(got), len(docs), err)
		}
		if open := srv.Cursors(); open != 0 {
			t.Errorf("%d cursors are left", open)
		}
	}
}

// A scan continues after every fault that may pass, at its first request and at the others, after
// _ids of every type, and emits every document once. Some faults are tried at every batch.
func TestScanResumes(t *testing.T) {
	docs := everyID(t)
	faults := append(resumable(), fault{"code 175", mongotest.Fault{Code: 175}},
		fault{"an unknown code that the caller retries", mongotest.Fault{Code: 99_999}})
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			srv, coll := serve(t, docs, func(o *options.ClientOptions) {
				o.SetServerSelectionTimeout(20 * time.Second)
			})
			// one batch: the driver waits for half a second after some faults
			first, step := 1+5*i%(len(docs)-1), len(docs)
			if f.Code == 43 || f.Code == 175 {
				first, step = 1, 1
			}
			for nth := first; nth < len(docs); nth += step {
				broken := f.Fault
				broken.Command, broken.Nth = "getMore", nth
				srv.Inject(broken)
				opts, failures := quick(1), 0
				opts.Backoff.Notify = func(error, time.Duration) { failures++ }
				if f.Code == 99_999 {
					opts.Backoff.When = func(error) bool { return true }
				}
				got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts))
				if err != nil || !equal(got, docs) || failures != 1 {
					t.Errorf("getMore %d: %d documents of %d after %d failures, %v", nth, len(got), len(docs), failures,
						err)
				}
				srv.Heal()
			}
			for _, command := range []string{"find", "listCollections"} {
				for nth := 1; nth <= 2; nth++ { // the driver repeats a request once
					broken := f.Fault
					broken.Command, broken.Nth = command, nth
					srv.Inject(broken)
				}
				opts := quick(10)
				if f.Code == 99_999 {
					opts.Backoff.When = func(error) bool { return true }
				}
				if got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts)); err != nil ||
					!equal(got, docs) {
					t.Errorf("%s: %d documents of %d, %v", command, len(got), len(docs), err)
				}
				srv.Heal()
			}
		})
	}
}

// With a failure at every request, a scan that advances never gives up. One that does not gives up
// after MaxRetries.
func TestScanAdvances(t *testing.T) {
	docs := everyID(t)
	srv, coll := serve(t, docs)
	srv.Inject(mongotest.Fault{Command: "getMore", Code: 43})
	opts := quick(1)
	opts.Backoff.MaxRetries = 1
	opts.Backoff.Max = time.Millisecond
	if got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts)); err != nil || !equal(got, docs) {
		t.Errorf("%d documents of %d, %v", len(got), len(docs), err)
	}
	srv.Inject(mongotest.Fault{Command: "find", Code: 6})
	got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts))
	if server := (mongo.CommandError{}); len(got) != 0 || !errors.As(err, &server) || server.Code != 6 {
		t.Errorf("%d documents, %v", len(got), err)
	}
}

// A collection that is dropped, renamed or created again during a scan ends the run, also if the
// scan resumes, and if it is noticed only at the end.
func TestScanOfAChangedCollection(t *testing.T) {
	docs := numbered(t, 60)
	for name, change := range map[string]func(*mongotest.Server, *mongo.Collection) error{
		"dropped": func(_ *mongotest.Server, c *mongo.Collection) error { return c.Drop(t.Context()) },
		"created again": func(srv *mongotest.Server, c *mongo.Collection) error {
			err := c.Drop(t.Context())
			srv.Add("shop", c.Name(), docs...)
			return err
		},
		"renamed": func(_ *mongotest.Server, c *mongo.Collection) error {
			return c.Database().Client().Database("admin").RunCommand(t.Context(), bson.D{
				{Key: "renameCollection", Value: "shop." + c.Name()}, {Key: "to", Value: "shop.other"},
			}).Err()
		},
	} {
		for _, at := range []int{1, 25, 59, 60} {
			for _, lost := range []bool{false, true} {
				srv, coll := serve(t, docs)
				n := 0
				src := mongosource.Scan(coll, bson.D{}, quick(10))
				err := src.Each(t.Context(), func(bson.Raw) error {
					n++
					if n != at {
						return nil
					}
					if lost {
						srv.ForgetCursors()
					}
					return change(srv, coll)
				})
				want := at < 60 // the last document comes after the proof
				if errors.Is(err, mongosource.ErrCollectionChanged) != want || want &&
					stream.ClassOf(err) != stream.Fatal {
					t.Errorf("%s at document %d, cursor lost %v: %d documents, %v", name, at, lost, n, err)
				}
				if want && n == len(docs) {
					t.Errorf("%s at document %d: the last document came", name, at)
				}
			}
		}
	}
}

func projected(fields any) *mongosource.ScanOptions {
	return &mongosource.ScanOptions{Projection: fields}
}

// TestScanProjection keeps the _id in each way that a projection can say it.
func TestScanProjection(t *testing.T) {
	_, coll := serve(t, numbered(t, 3))
	for _, fields := range []any{
		bson.D{},
		bson.D{{Key: "n", Value: 1}},
		bson.D{{Key: "_id", Value: 1}},
		bson.D{{Key: "_id", Value: true}},
		bson.M{"n": 0},
		struct{ N int }{1},
	} {
		src := mongosource.Scan(coll, bson.D{}, projected(fields))
		if _, err := collect(t.Context(), src); errors.Is(err, mongosource.ErrNotResumable) {
			t.Errorf("%v: %v", fields, err)
		}
	}
}

func TestScanNotResumable(t *testing.T) {
	_, coll := serve(t, numbered(t, 3))
	near := bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: "at", Value: bson.D{{Key: "$near", Value: 1}}}}}}}
	for name, src := range map[string]stream.Source[bson.Raw]{
		"absent":          mongosource.Scan(coll.Database().Collection("absent"), bson.D{}, quick(1)),
		"near":            mongosource.Scan(coll, near, quick(1)),
		"no _id":          mongosource.Scan(coll, bson.D{}, projected(bson.D{{Key: "_id", Value: false}})),
		"part of the _id": mongosource.Scan(coll, bson.D{}, projected(bson.D{{Key: "_id.b", Value: 1}})),
		"another _id":     mongosource.Scan(coll, bson.D{}, projected(bson.D{{Key: "_id", Value: "$n"}})),
	} {
		got, err := collect(t.Context(), src)
		if len(got) != 0 || !errors.Is(err, mongosource.ErrNotResumable) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %d documents, %v", name, len(got), err)
		}
	}
	srv, coll := serve(t, []bson.Raw{raw(t, bson.D{{Key: "n", Value: 1}})})
	if got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, nil)); len(got) != 0 ||
		!errors.Is(err, mongosource.ErrNotResumable) {
		t.Errorf("without an _id: %d documents, %v", len(got), err)
	}
	if open := srv.Cursors(); open != 0 {
		t.Errorf("%d cursors are left", open)
	}
}

func TestScanBadSettings(t *testing.T) {
	_, coll := serve(t, nil)
	negative := &mongosource.ScanOptions{BatchSize: -1}
	for name, src := range map[string]stream.Source[bson.Raw]{
		"nil collection": mongosource.Scan(nil, bson.D{}, nil),
		"nil filter":     mongosource.Scan(coll, nil, nil),
		"negative batch": mongosource.Scan(coll, bson.D{}, negative),
		"bad backoff":    mongosource.Scan(coll, bson.D{}, &mongosource.ScanOptions{Backoff: stream.Backoff{Min: -1}}),
	} {
		if _, err := collect(t.Context(), src); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := mongosource.ScanCheckpoints(nil, bson.D{}, nil).Each(t.Context(),
		nil); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("checkpoints of a nil collection: %v", err)
	}
}

// The filter of the user is kept when the scan resumes.
func TestScanFilterWhenResumed(t *testing.T) {
	var docs, want []bson.Raw
	for i := range 30 {
		d := raw(t, bson.D{{Key: "_id", Value: i}, {Key: "odd", Value: i%2 == 1}})
		if docs = append(docs, d); i%2 == 1 {
			want = append(want, d)
		}
	}
	srv, coll := serve(t, docs)
	srv.Inject(mongotest.Fault{Command: "getMore", Nth: 2, Code: 43})
	got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{{Key: "odd", Value: true}}, quick(4)))
	if err != nil || !equal(got, want) {
		t.Errorf("%d documents of %d, %v", len(got), len(want), err)
	}
}

// While the downstream is busy, the scan refreshes the session of its cursor, which never expires.
func TestScanKeepsItsCursor(t *testing.T) {
	srv, coll := serve(t, numbered(t, 30))
	opts := quick(10)
	opts.KeepAlive = time.Millisecond
	n := 0
	err := mongosource.Scan(coll, bson.D{}, opts).Each(t.Context(), func(bson.Raw) error {
		for n++; n == 1 && len(srv.Commands("refreshSessions")) < 3; {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	if err != nil || n != 30 {
		t.Fatalf("%d documents, %v", n, err)
	}
	find := srv.Commands("find")[0].Body
	if keep, _ := find.Lookup("noCursorTimeout").BooleanOK(); !keep {
		t.Errorf("the find is %s", find)
	}
	sessions, _ := srv.Commands("refreshSessions")[0].Body.Lookup("refreshSessions").ArrayOK()
	if got := sessions.Index(0); !got.Equal(find.Lookup("lsid")) {
		t.Errorf("the session %s was refreshed, the find is in %s", got, find.Lookup("lsid"))
	}
}

// A server that refuses noCursorTimeout is asked without.
func TestScanWithoutNoCursorTimeout(t *testing.T) {
	docs := numbered(t, 30)
	srv, coll := serve(t, docs)
	srv.Inject(mongotest.Fault{Command: "find", Nth: 1, Code: 8000, Text: "noTimeout cursors are disallowed"})
	got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, quick(10)))
	if err != nil || !equal(got, docs) {
		t.Errorf("%d documents, %v", len(got), err)
	}
	if _, err := srv.Commands("find")[1].Body.LookupErr("noCursorTimeout"); err == nil {
		t.Error("the second find asks for noCursorTimeout again")
	}
	srv.Inject(mongotest.Fault{Command: "find", Code: 13})
	if _, err := collect(t.Context(), mongosource.Scan(coll, bson.D{},
		quick(10))); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("not allowed: %v", err)
	}
}

func TestScanContract(t *testing.T) {
	testContract(t, func(coll *mongo.Collection) stream.Source[bson.Raw] {
		return mongosource.Scan(coll, bson.D{}, quick(3))
	})
}

func TestScanCheckpointsContract(t *testing.T) {
	srv, coll := serve(t, nil)
	db := coll.Database()
	streamtest.TestSource(t, streamtest.Source[mongosource.Checkpointed]{
		New: func(n int) stream.Source[mongosource.Checkpointed] {
			name := fmt.Sprint("of-", n)
			if srv.Documents(db.Name(), name) == nil {
				srv.Add(db.Name(), name, numbered(t, n)...)
			}
			return mongosource.ScanCheckpoints(db.Collection(name), bson.D{}, quick(3))
		},
		Records: true,
		RealIO:  true,
		Idle:    []string{"mongo-driver/v2", "mongotest.", "net.", "internal/poll."},
	})
}

// A cancelled scan ends with the cause within a second, also while it waits to resume.
func TestScanCancelled(t *testing.T) {
	srv, coll := serve(t, numbered(t, 30))
	srv.Inject(mongotest.Fault{Command: "getMore", Code: 43})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	opts := quick(10)
	opts.Backoff.Min = time.Hour
	opts.Backoff.Notify = func(error, time.Duration) { cancel(cause) }
	if _, err := collect(ctx, mongosource.Scan(coll, bson.D{}, opts)); err != cause { //nolint:errorlint // unchanged
		t.Errorf("%v", err)
	}
}

// A drained scan ends without an error, and its last position is not done.
func TestScanDrains(t *testing.T) {
	_, coll := serve(t, numbered(t, 1000))
	var run *stream.Running[stream.Checkpoint[mongosource.Position]]
	started := make(chan struct{})
	draining := stream.Map(func(e mongosource.Checkpointed) mongosource.Checkpointed {
		<-started
		run.Drain()
		return e
	})
	run = stream.Go(t.Context(), stream.Via(mongosource.ScanCheckpoints(coll, bson.D{}, quick(10)), draining),
		stream.Acknowledge[bson.Raw](func(context.Context, mongosource.Position) error { return nil }))
	close(started)
	last, err := run.Wait()
	if err != nil || !last.Valid || last.Position.Done() {
		t.Errorf("%v, %v", last, err)
	}
}
