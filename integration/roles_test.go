package integration_test

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// TestLeastRights runs a server that enforces roles, with users that have the roles of SECURITY.md.
// The roles must suffice, and allow nothing else.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	m, s := servers.SecantusDB(t, "--auth"), servers.Shared.Versitygw(t)
	const password = "canary-pa55word"
	command := func(db *mongo.Database, command bson.D) {
		t.Helper()
		if err := db.RunCommand(t.Context(), command).Err(); err != nil {
			t.Fatal(err)
		}
	}
	user := func(db *mongo.Database, name string, roles ...any) {
		t.Helper()
		command(db, bson.D{
			{Key: "createUser", Value: name},
			{Key: "pwd", Value: password},
			{Key: "roles", Value: bson.A(roles)},
		})
	}
	uri := func(user string) string {
		return fmt.Sprintf("mongodb://%s:%s@%s/?authSource=admin", user, password, m.Addr())
	}
	connect := func(user string) *mongo.Database {
		t.Helper()
		client, err := mongo.Connect(optionsOf(uri(user)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
		return client.Database("shop")
	}
	user(m.Client(t).Database("admin"), "root", "root") // the server lets anyone create the first user
	shop := connect("root")
	admin := shop.Client().Database("admin")
	role := func(name, collection string, actions ...string) {
		t.Helper()
		command(admin, bson.D{
			{Key: "createRole", Value: name},
			{Key: "roles", Value: bson.A{}},
			{Key: "privileges", Value: bson.A{bson.D{
				{Key: "resource", Value: bson.D{{Key: "db", Value: "shop"}, {Key: "collection", Value: collection}}},
				{Key: "actions", Value: actions},
			}}},
		})
		user(admin, name+"User", bson.D{{Key: "role", Value: name}, {Key: "db", Value: "admin"}})
	}
	j := newJob(t, m, s, shop.Collection("c"))
	load(t, j.coll, plain(t, 10, 10))
	user(admin, "reader", bson.D{{Key: "role", Value: "backup"}, {Key: "db", Value: "admin"}})
	user(admin, "writer", bson.D{{Key: "role", Value: "readWrite"}, {Key: "db", Value: "shop"}})
	user(admin, "stranger", bson.D{{Key: "role", Value: "readWrite"}, {Key: "db", Value: "other"}})
	role("findOnly", "c", "find")
	role("findAndInsert", "d", "find", "insert")

	// The program.
	as := func(user string) []string { return j.with("MONGODB_URI=" + uri(user)) }
	run(t, "millweir", as("stranger"), j.backup()...).refused(t, 1, "may not do this")
	j.nothing(t)
	run(t, "millweir", as("reader"), j.backup()...).succeeded(t)
	run(t, "millweir", as("reader"), j.restore("back")...).refused(t, 1, "may not do this")
	run(t, "millweir", as("writer"), j.restore("back")...).succeeded(t)
	run(t, "millweir", as("writer"), j.restore("back", "--replace")...).succeeded(t)
	sameDocuments(t, stored(t, shop.Collection("back")), plain(t, 10, 10))

	// The library.
	find := func(coll *mongo.Collection) ([]bson.Raw, error) {
		return stream.Run(t.Context(), mongosource.Find(coll, bson.D{}, nil), sink.Slice[bson.Raw]())
	}
	insert := func(coll *mongo.Collection) (mongosink.InsertResult, error) {
		return stream.Run(t.Context(), source.Slice(plain(t, 10, 10)), mongosink.Insert(coll, nil))
	}
	if docs, err := find(connect("findOnlyUser").Collection("c")); err != nil || len(docs) != 10 {
		t.Errorf("with find: %d documents, %v", len(docs), err)
	}
	if r, err := insert(connect("findOnlyUser").Collection("c")); err == nil || r.Inserted != 0 {
		t.Errorf("with find: inserted %d, %v", r.Inserted, err)
	}
	if r, err := insert(connect("findAndInsertUser").Collection("d")); err != nil || r.Inserted != 10 {
		t.Errorf("with find and insert: inserted %d, %v", r.Inserted, err)
	}
	if err := connect("findAndInsertUser").Collection("d").Drop(t.Context()); err == nil {
		t.Error("with find and insert: dropped")
	}
}
