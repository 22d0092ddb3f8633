package integration_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// TestUsersAndRoles copies the users and roles of one server to another.
func TestUsersAndRoles(t *testing.T) {
	from, to := servers.SecantusDB(t).Client(t), servers.SecantusDB(t).Client(t)
	e := func(key string, value any) bson.E { return bson.E{Key: key, Value: value} }
	run := func(c *mongo.Client, db string, command bson.D) {
		t.Helper()
		if err := c.Database(db).RunCommand(t.Context(), command).Err(); err != nil {
			t.Fatal(err)
		}
	}
	privilege := func(collection string, actions ...string) bson.D {
		return bson.D{e("resource", bson.D{e("db", "shop"), e("collection", collection)}), e("actions", actions)}
	}
	run(from, "shop", bson.D{
		e("createRole", "looker"), e("privileges", bson.A{privilege("c", "find")}), e("roles", bson.A{}),
	})
	run(from, "shop", bson.D{
		e("createRole", "a writer"), e("privileges", bson.A{privilege("c", "insert", "update")}),
		e("roles", bson.A{"looker"}), // created after it, and listed before it
	})
	run(from, "shop", bson.D{
		e("createUser", "app"), e("pwd", "canary-pa55word"), e("roles", bson.A{"a writer"}),
		e("customData", bson.D{e("team", "ovens")}),
	})
	for _, want := range []mongosink.CreateAccessResult{{Created: 2}, {Existing: 2}} {
		got, err := stream.Run(t.Context(), mongosource.Roles(from.Database("shop")), mongosink.CreateRoles(to))
		if err != nil || got != want {
			t.Fatalf("roles: %+v, %v; want %+v", got, err, want)
		}
	}
	asked := 0
	create := mongosink.CreateUsers(to, func(db, user string) (string, error) {
		asked++
		if db != "shop" || user != "app" {
			t.Errorf("the password of %s.%s", db, user)
		}
		return "a new one", nil
	})
	for _, want := range []mongosink.CreateAccessResult{{Created: 1}, {Existing: 1}} {
		got, err := stream.Run(t.Context(), mongosource.Users(from, nil), create)
		if err != nil || got != want || asked != 1 {
			t.Fatalf("users: %+v, %v; want %+v", got, err, want)
		}
	}
	users, err := stream.Run(t.Context(), mongosource.Users(to, &mongosource.UsersOptions{Credentials: true}),
		sink.Slice[bson.Raw]())
	if err != nil || len(users) != 1 || users[0].Lookup("customData", "team").String() != `"ovens"` {
		t.Errorf("%s, %v", users, err)
	}

	run(from, "shop", bson.D{e("grantRolesToUser", "app"), e("roles", bson.A{"readWrite"})})
	var conflict *mongosink.AccessConflictError
	if _, err := stream.Run(t.Context(), mongosource.Users(from, nil), create); !errors.As(err, &conflict) ||
		conflict.Name != "shop.app" {
		t.Errorf("with another role: %v", err)
	}
}
