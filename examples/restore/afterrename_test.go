package main_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/examples/internal/exectest"
	"github.com/millweir/millweir/mongotest"
)

// replicaSet starts a server whose collection shop.cookies expires and has a document, and backs it
// up. It returns the server, and the setting of its URI.
func replicaSet(t *testing.T, w *exectest.World) (srv *mongotest.Server, uri string) {
	t.Helper()
	srv = mongotest.NewServer()
	t.Cleanup(srv.Close)
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	key := bson.D{{Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "unique", Value: true}}
	if err := client.Database("shop").RunCommand(t.Context(), bson.D{
		{Key: "create", Value: "cookies"},
		{Key: "clusteredIndex", Value: key},
		{Key: "expireAfterSeconds", Value: int64(3600)},
	}).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Database("shop").Collection("cookies").InsertOne(t.Context(),
		bson.D{{Key: "_id", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	uri = "MONGODB_URI=" + srv.URI()
	r := w.Run(t, []string{uri}, "backup", append(plain("-collection", "cookies"), "-recipient", w.Recipient)...)
	if r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	return srv, uri
}

// TestNotExpiring refuses the time limit of a collection that was replaced. The message says what
// to do, and claims nothing else.
func TestNotExpiring(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	srv, uri := replicaSet(t, w)
	srv.Inject(mongotest.Fault{Command: "collMod", Code: 72, Text: "scripted"})
	exectest.OneLine(t, w.Run(t, []string{uri}, "restore", arguments(w)...), 1,
		"shop.back has the documents of the backup now, but they do not expire", "collMod", "scripted")
	srv.Heal()
	reply, err := bson.Marshal(unmet)
	if err != nil {
		t.Fatal(err)
	}
	srv.Inject(mongotest.Fault{Command: "renameCollection", Nth: 1, Reply: reply})
	exectest.OneLine(t, w.Run(t, []string{uri}, "restore", arguments(w, "-drop")...), 3,
		"shop.back has the documents of the backup now", "did not confirm")
	if n := len(srv.Commands("collMod")); n != 2 {
		t.Errorf("the time limit was set %d times", n)
	}
}

// TestPreferredSecondary restores with a URI that prefers secondaries. A secondary may lag, so what
// decides is read from the primary.
func TestPreferredSecondary(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	srv, uri := replicaSet(t, w)
	before := len(srv.Commands("find", "aggregate"))
	for _, more := range []string{"-json-log", "-merge", "-drop"} {
		exectest.OneLine(t, w.Run(t, []string{uri + "?readPreference=secondaryPreferred"}, "restore",
			arguments(w, more)...), 0)
	}
	reads := srv.Commands("find", "aggregate")[before:]
	for _, c := range reads {
		if mode, _ := c.Body.Lookup("$readPreference", "mode").StringValueOK(); mode == "secondaryPreferred" {
			t.Errorf("%s", c.Body)
		}
	}
	if docs := srv.Documents("shop", "back"); len(docs) != 1 || len(reads) < 3 {
		t.Errorf("%q, %d reads", docs, len(reads))
	}
}
