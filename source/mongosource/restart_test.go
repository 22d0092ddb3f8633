package mongosource_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// restarted returns the scan of the example in the comment of stream.Restart.
func restarted(coll mongosource.Finder, after func(id bson.RawValue) bson.D,
	backoff stream.Backoff,
) stream.Source[bson.Raw] {
	scan := func(filter bson.D) stream.Source[bson.Raw] {
		return mongosource.Find(coll, filter, &mongosource.FindOptions{
			BatchSize: 10,
			Sort:      bson.D{{Key: "_id", Value: 1}},
		})
	}
	backoff.Min = time.Millisecond
	return stream.Restart(scan(bson.D{}),
		func(doc bson.Raw) bson.RawValue { return doc.Lookup("_id") },
		func(id bson.RawValue) stream.Source[bson.Raw] { return scan(after(id)) },
		&stream.RestartOptions{Backoff: backoff})
}

// afterID matches the documents after id, whatever their types.
func afterID(id bson.RawValue) bson.D {
	return bson.D{{
		Key:   "$expr",
		Value: bson.D{{Key: "$gt", Value: bson.A{"$_id", bson.D{{Key: "$literal", Value: id}}}}},
	}}
}

// withinType matches only the documents after id whose _id has the same type.
func withinType(id bson.RawValue) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: id}}}}
}

// A restarted scan continues after the last _id, across types. $gt on the field alone does not: the
// server leaves out documents with another type of _id, and the scan is short without an error.
func TestRestartAcrossTypes(t *testing.T) {
	docs := mixedIDs(t, 20)
	for batch := 1; batch < len(docs)/10; batch++ {
		srv, coll := serve1(t, docs...)
		srv.Inject(mongotest.Fault{Command: "getMore", Nth: batch, Code: 43})
		got, err := collect(t.Context(), restarted(coll, afterID, stream.Backoff{}))
		if err != nil || !equal(got, docs) {
			t.Errorf("batch %d: %d documents of %d, %v", batch, len(got), len(docs), err)
		}
		srv.Heal()
		srv.Inject(mongotest.Fault{Command: "getMore", Nth: batch, Code: 43})
		got, err = collect(t.Context(), restarted(coll, withinType, stream.Backoff{}))
		if want := min(len(docs), (batch*10-1)/20*20+20); err != nil || len(got) != want {
			t.Errorf("batch %d, within a type: %d documents, want %d, %v", batch, len(got), want, err)
		}
		srv.Heal()
	}
}

// fault makes a request of a scan fail.
type fault struct {
	name string
	mongotest.Fault
}

// resumable returns the faults after which a scan can continue.
func resumable() (all []fault) {
	for _, code := range []int32{
		43, 237, 6, 7, 50, 89, 91, 112, 134, 189, 246, 262, 9001, 10107, 11600, 11602, 13435,
		13436,
	} {
		all = append(all, fault{fmt.Sprint("code ", code), mongotest.Fault{Code: code}})
	}
	for _, code := range []int32{365, 462, 16500} {
		all = append(all, fault{fmt.Sprint("throttled ", code), mongotest.Fault{Code: code}})
	}
	return append(all,
		fault{"overloaded", mongotest.Fault{Code: 99_999, Labels: []string{"SystemOverloadedError"}}},
		fault{"retryable by its label", mongotest.Fault{Code: 99_999, Labels: []string{"RetryableError"}}},
		fault{"FIN", mongotest.Fault{Close: true}},
		fault{"RST", mongotest.Fault{Close: true, Reset: true}},
		fault{"FIN in place of a reply", mongotest.Fault{Lose: true}},
		fault{"RST in place of a reply", mongotest.Fault{Lose: true, Reset: true}},
		fault{"FIN in a reply", mongotest.Fault{Cut: 50}},
		fault{"RST in a reply", mongotest.Fault{Cut: 50, Reset: true}},
	)
}

// Restart continues after every transient fault, at the first request and at any batch, and emits
// every document once.
func TestRestartResumes(t *testing.T) {
	docs := mixedIDs(t, 7)
	for _, f := range resumable() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for _, at := range []struct {
				command string
				nth     []int // of the command: the driver repeats a find that fails once
			}{{"getMore", []int{1}}, {"getMore", []int{3}}, {"find", []int{1, 2}}} {
				srv, coll := serve(t, docs, func(o *options.ClientOptions) {
					o.SetServerSelectionTimeout(20 * time.Second)
				})
				for _, nth := range at.nth {
					broken := f.Fault
					broken.Command, broken.Nth = at.command, nth
					srv.Inject(broken)
				}
				failures := 0
				got, err := collect(t.Context(),
					restarted(coll, afterID, stream.Backoff{Notify: func(err error, _ time.Duration) {
						if failures++; !stream.ClassOf(err).Transient() {
							t.Errorf("restarted after %v", err)
						}
					}}))
				if err != nil || !equal(got, docs) || failures == 0 {
					t.Errorf("%s %d: %d documents of %d after %d restarts, %v", at.command, at.nth, len(got), len(docs),
						failures, err)
				}
			}
		})
	}
}

// A permanent failure ends the run at once. A dropped collection is one: a second scan would find
// nothing, and be short.
func TestRestartGivesUp(t *testing.T) {
	docs := numbered(t, 50)
	for name, c := range map[string]struct {
		fault mongotest.Fault
		class stream.Class
	}{
		"not allowed":       {mongotest.Fault{Code: 13}, stream.Fatal},
		"dropped":           {mongotest.Fault{Code: 175}, stream.Fatal},
		"snapshot too old":  {mongotest.Fault{Code: 239}, stream.Fatal},
		"history lost":      {mongotest.Fault{Code: 286}, stream.Fatal},
		"killed by someone": {mongotest.Fault{Code: 11601}, stream.Fatal},
		"unknown code":      {mongotest.Fault{Code: 99_999}, stream.Unclassified},
	} {
		srv, coll := serve1(t, docs...)
		c.fault.Command, c.fault.Nth = "getMore", 2
		srv.Inject(c.fault)
		got, err := collect(t.Context(), restarted(coll, afterID, stream.Backoff{}))
		if stream.ClassOf(err) != c.class || len(got) != 20 {
			t.Errorf("%s: %d documents, %v (%v)", name, len(got), err, stream.ClassOf(err))
		}
		srv.Heal()
	}

	_, coll := serve1(t, docs...)
	n := 0
	err := restarted(coll, afterID, stream.Backoff{}).Each(t.Context(), func(bson.Raw) error {
		if n++; n == 15 {
			return coll.(*mongo.Collection).Drop(t.Context())
		}
		return nil
	})
	// one batch is read ahead
	if server := (mongo.CommandError{}); !errors.As(err, &server) || server.Code != 175 || n != 20 && n != 30 {
		t.Errorf("dropped: %d documents, %v", n, err)
	}
}

// The classes of errors that do not come from a server.
func TestFindClasses(t *testing.T) {
	for err, want := range map[error]stream.Class{
		mongosource.ErrCursorLost: stream.Retryable, mongosource.ErrMaxTime: stream.Retryable,
		&mongosource.MalformedError{}: stream.Data,
	} {
		if got := stream.ClassOf(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
	srv, coll := serve(t, numbered(t, 30), func(o *options.ClientOptions) {
		o.SetServerSelectionTimeout(300 * time.Millisecond)
	})
	srv.Inject(mongotest.Fault{Command: "getMore", Delay: time.Second})
	_, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, &mongosource.FindOptions{
		BatchSize: 10,
		MaxTime:   100 * time.Millisecond,
	}))
	if !errors.Is(err, mongosource.ErrMaxTime) || stream.ClassOf(err) != stream.Retryable {
		t.Errorf("too slow: %v (%v)", err, stream.ClassOf(err))
	}
	srv.Heal()
	srv.Inject(mongotest.Fault{
		Command: "getMore",
		Reply: raw(t,
			bson.D{{Key: "cursor", Value: bson.D{
				{Key: "nextBatch", Value: bson.A{"text"}},
				{Key: "id", Value: int64(0)},
				{Key: "ns", Value: "shop.cookies"},
			}}, {Key: "ok", Value: 1}}),
	})
	if _, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, every(10))); stream.ClassOf(err) != stream.Data {
		t.Errorf("malformed: %v (%v)", err, stream.ClassOf(err))
	}
	if _, err := collect(t.Context(), mongosource.Find(coll, func() {}, nil)); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("a filter that is none: %v (%v)", err, stream.ClassOf(err))
	}
	srv.Close()
	if _, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil)); stream.ClassOf(err) != stream.Retryable {
		t.Errorf("no server: %v (%v)", err, stream.ClassOf(err))
	}
	if err := coll.Database().Client().Disconnect(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil)); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("a client that is closed: %v (%v)", err, stream.ClassOf(err))
	}
}
