package mongotest_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// Sessions read snapshots: all reads of a session see the documents of the first one's time, and a
// session with a time those of that time.
func TestSnapshots(t *testing.T) {
	srv := mongotest.NewServer()
	client := connect(t, srv)
	coll := client.Database("shop").Collection("cookies")
	count := func(o *options.SessionOptionsBuilder, between func()) (first, second string, at bson.Timestamp) {
		session, err := client.StartSession(o)
		if err != nil {
			t.Fatal(err)
		}
		defer session.EndSession(t.Context())
		ctx := mongo.NewSessionContext(t.Context(), session)
		cur, err := coll.Find(ctx, bson.D{})
		first = ids(t, cur, err)
		between()
		cur, err = coll.Find(ctx, bson.D{})
		return first, ids(t, cur, err), session.SnapshotTime()
	}
	insert := func(id int) {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
			t.Fatal(err)
		}
	}
	before := srv.Now()
	insert(1)
	first, second, at := count(options.Session().SetSnapshot(true), func() { insert(2) })
	if first != "1" || second != "1" || at == (bson.Timestamp{}) {
		t.Errorf("%q, then %q, at %v", first, second, at)
	}
	for when, want := range map[bson.Timestamp]string{before: "", at: "1", srv.Now(): "1 2"} {
		first, second, _ := count(options.Session().SetSnapshot(true).SetSnapshotTime(when), func() {})
		if first != want || second != want {
			t.Errorf("at %v: %q and %q, want %q", when, first, second, want)
		}
	}
	srv.ForgetSnapshots()
	first, _, _ = count(options.Session().SetSnapshot(true).SetSnapshotTime(at), func() {})
	if first == "1" {
		t.Error("a snapshot that is too old was read")
	}
	session, err := client.StartSession(options.Session().SetSnapshot(true).SetSnapshotTime(at))
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	var server mongo.CommandError
	if _, err := coll.Find(mongo.NewSessionContext(t.Context(), session), bson.D{}); !errors.As(err, &server) ||
		server.Code != 239 {
		t.Errorf("too old: %v", err)
	}
	srv.IgnoreSnapshots(false)
	first, second, _ = count(options.Session().SetSnapshot(true), func() { insert(3) })
	if first != "1 2" || second != "1 2 3" {
		t.Errorf("ignored: %q, then %q", first, second)
	}
}
