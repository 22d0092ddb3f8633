package integration_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// mongoTool returns a run of one of MongoDB's database tools. If it is missing, the test is
// skipped, on CI as well: Debian and the Go module proxy do not have these tools.
func mongoTool(t *testing.T, name string) func(args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not on the PATH: it is one of MongoDB's database tools", name)
	}
	return func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v: %s", name, args, err, out)
		}
	}
}

// storeEveryType inserts values of every type and random documents, and returns the documents that
// the server accepted.
func storeEveryType(t *testing.T, coll *mongo.Collection) []bson.Raw {
	t.Helper()
	docs := documents(t)
	for g := bsonrand.New(43); len(docs) < 1000; {
		docs = append(docs, withID(t, int32(len(docs)), g.Doc()))
	}
	taken := insertTaken(t, coll, docs, func(bson.Raw, string) {})
	if len(taken) < len(docs)*9/10 {
		t.Fatalf("the server took only %d of %d documents", len(taken), len(docs))
	}
	return taken
}

func TestParseBSONReadsMongodump(t *testing.T) {
	mongodump := mongoTool(t, "mongodump")
	server := servers.Shared.SecantusDB(t)
	db := server.Database(t)
	want := storeEveryType(t, db.Collection("all"))
	dir := t.TempDir()
	mongodump("--uri", server.URI(), "--db", db.Name(), "--collection", "all", "--out", dir)
	file := source.File(filepath.Join(dir, db.Name(), "all.bson"), nil)
	got, err := stream.Run(t.Context(), stream.Via(file, bsoncodec.ParseBSON(nil)), sink.Slice[bson.Raw]())
	if err != nil {
		t.Fatal(err)
	}
	sameDocuments(t, got, want)
}

func TestMongorestoreReadsBSON(t *testing.T) {
	mongorestore := mongoTool(t, "mongorestore")
	server := servers.Shared.SecantusDB(t)
	db := server.Database(t)
	want := storeEveryType(t, db.Collection("all"))
	name := filepath.Join(t.TempDir(), "all.bson")
	file := stream.Via(mongosource.Find(db.Collection("all"), bson.D{}, nil), bsoncodec.BSON(nil))
	if _, err := stream.Run(t.Context(), file, sink.File(name, nil)); err != nil {
		t.Fatal(err)
	}
	mongorestore("--uri", server.URI(), "--db", db.Name(), "--collection", "back", name)
	sameDocuments(t, stored(t, db.Collection("back")), want)
}
