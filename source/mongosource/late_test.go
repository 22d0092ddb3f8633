package mongosource

import (
	"errors"
	"math"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongofixture"
)

// watchOf returns a run of a Watch.
func watchOf(t *testing.T, coll *mongo.Collection, o WatchOptions) *watchRun {
	t.Helper()
	w := &watch{query: &query{name: "watch", of: coll}, target: coll, opts: o}
	if err := w.prepare(); err != nil {
		t.Fatal(err)
	}
	return &watchRun{watch: w, empty: emptyBatches{limit: -1}, lastEvent: time.Now()}
}

// openRead opens a stream and reads the reply to the opening.
func openRead(t *testing.T, r *watchRun, at ChangePosition) *changeStream {
	t.Helper()
	s, err := r.open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close(t.Context()) })
	if _, err := s.next(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// The limit for late replies doubles after each late reply, although the stream is opened again after
// it, and is back after one that is not late.
func TestLateLimitDoubles(t *testing.T) {
	_, coll := mongofixture.Serve(t, nil)
	if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	const limit = time.Hour
	r := watchOf(t, coll, WatchOptions{ReopenAfter: limit, MaxAwait: time.Millisecond})
	s := openRead(t, r, ChangePosition{})
	for late := range 3 {
		s.headAt = time.Now().Add(-limit<<late - limit/2)
		if _, err := s.next(t.Context()); !errors.Is(err, errBehind) || r.late != late+1 {
			t.Fatalf("after %d late replies: %v, now %d are late", late, err, r.late)
		}
		s = openRead(t, r, s.at)
	}
	s.headAt = time.Now().Add(-limit<<3 + limit/2)
	if _, err := s.next(t.Context()); err != nil || r.late != 0 {
		t.Errorf("within the limit: %v, %d are late", err, r.late)
	}
}

// The longest settings mean that no reply is late.
func TestLateLimitOfTheLongestTimes(t *testing.T) {
	_, coll := mongofixture.Serve(t, nil)
	r := watchOf(t, coll, WatchOptions{ReopenAfter: math.MaxInt64, MaxAwait: math.MaxInt64})
	s := &changeStream{run: r, moved: true, headAt: time.Now().Add(-time.Hour), at: ChangePosition{after: "x"}}
	for r.late = range 20 {
		if s.late() {
			t.Errorf("after %d late replies, an hour is too late", r.late)
		}
	}
}
