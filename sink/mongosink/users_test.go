package mongosink_test

import (
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

const secret = "canary-pa55word"

func passwords(string, string) (string, error) { return secret, nil }

// role returns a description of a role that inherits from others.
func role(t testing.TB, name string, actions []string, from ...string) bson.Raw {
	t.Helper()
	roles := bson.A{}
	for _, f := range from {
		roles = append(roles, bson.D{e("role", f), e("db", "shop")})
	}
	return raw(t, bson.D{
		e("_id", "shop."+name), e("role", name), e("db", "shop"), e("isBuiltin", false), e("roles", roles),
		e("privileges", bson.A{bson.D{
			e("resource", bson.D{e("db", "shop"), e("collection", "")}),
			e("actions", actions),
		}}),
		e("inheritedRoles", roles), e("authenticationRestrictions", bson.A{}),
	})
}

// user returns a description of a user.
func user(t testing.TB, name string, data int, roles ...string) bson.Raw {
	t.Helper()
	held := bson.A{}
	for _, r := range roles {
		held = append(held, bson.D{e("role", r), e("db", "shop")})
	}
	return raw(t, bson.D{
		e("_id", "shop."+name), e("user", name), e("db", "shop"), e("roles", held),
		e("credentials", bson.D{e("SCRAM-SHA-256", bson.D{e("salt", "x")})}), e("customData", bson.D{e("n", data)}),
	})
}

// Roles are created after those that they inherit from, and users with new passwords. A second run
// changes nothing, and one with other rights is refused.
func TestCreateRolesAndUsers(t *testing.T) {
	srv, db := newDatabase(t)
	client := db.Client()
	roles := []bson.Raw{
		role(t, "top", []string{"remove"}, "middle", "bottom"), role(t, "middle", []string{"update", "insert"},
			"bottom"),
		role(t, "bottom", []string{"find"}),
	}
	users := []bson.Raw{user(t, "app", 1, "top", "bottom"), user(t, "other", 2)}
	for run, want := range []mongosink.CreateAccessResult{{Created: 3}, {Existing: 3}} {
		if got, err := stream.Run(t.Context(), source.Slice(roles), mongosink.CreateRoles(client)); err != nil ||
			got != want {
			t.Errorf("run %d: %+v, %v", run, got, err)
		}
	}
	for run, want := range []mongosink.CreateAccessResult{{Created: 2}, {Existing: 2}} {
		got, err := stream.Run(t.Context(), source.Slice(users), mongosink.CreateUsers(client, passwords))
		if err != nil || got != want {
			t.Errorf("run %d: %+v, %v", run, got, err)
		}
	}
	if n := len(srv.Commands("createRole", "createUser")); n != 3+2+3 { // three roles had to wait for others
		t.Errorf("%d commands", n)
	}
	// What the sources list can be created again.
	_, other := newDatabase(t)
	if got, err := stream.Run(t.Context(), mongosource.Roles(db), mongosink.CreateRoles(other.Client())); err != nil ||
		got.Created != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := stream.Run(t.Context(), mongosource.Users(client, nil),
		mongosink.CreateUsers(other.Client(), passwords)); err != nil || got.Created != 2 {
		t.Errorf("%+v, %v", got, err)
	}

	for name, c := range map[string]struct {
		description bson.Raw
		field       string
	}{
		"fewer roles": {user(t, "app", 1, "top"), "roles"}, "other data": {
			user(t, "app", 7, "bottom", "top"),
			"customData",
		},
	} {
		_, err := stream.Run(t.Context(), source.Of(c.description), mongosink.CreateUsers(client, passwords))
		var conflict *mongosink.AccessConflictError
		if !errors.As(err, &conflict) || conflict.Name != "shop.app" || strings.Join(conflict.Fields, ",") != c.field ||
			stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := stream.Run(t.Context(), source.Of(role(t, "bottom", []string{"find", "insert"})),
		mongosink.CreateRoles(client))
	var conflict *mongosink.AccessConflictError
	if !errors.As(err, &conflict) || strings.Join(conflict.Fields, ",") != "privileges" {
		t.Errorf("more actions: %v", err)
	}
	_, err = stream.Run(t.Context(), source.Of(role(t, "lost", nil, "absent")), mongosink.CreateRoles(client))
	var refused mongo.CommandError
	if !errors.As(err, &refused) || refused.Code != 31 {
		t.Errorf("inherits from nothing: %v", err)
	}
}

func TestCreateUsersBad(t *testing.T) {
	srv, db := newDatabase(t)
	client := db.Client()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		sink  stream.Sink[bson.Raw, mongosink.CreateAccessResult]
		in    bson.Raw
		class stream.Class
		is    error
	}{
		"nil client":   {mongosink.CreateUsers(nil, passwords), user(t, "a", 1), stream.Fatal, nil},
		"nil function": {mongosink.CreateUsers(client, nil), user(t, "a", 1), stream.Fatal, nil},
		"roles of nil": {mongosink.CreateRoles(nil), role(t, "a", nil), stream.Fatal, nil},
		"no name": {
			mongosink.CreateUsers(client, passwords), raw(t, bson.D{e("db", "x")}), stream.Data,
			mongosink.ErrBadDescription,
		},
		"damaged": {mongosink.CreateRoles(client), bson.Raw{1, 2}, stream.Data, mongosink.ErrBadDescription},
		"no password": {
			mongosink.CreateUsers(client, func(string, string) (string, error) {
				return "", broken
			}), user(t, "a", 1), 0,
			broken,
		},
	} {
		_, err := stream.Run(t.Context(), source.Of(c.in), c.sink)
		if err == nil || c.class != 0 && stream.ClassOf(err) != c.class || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(srv.Commands("createUser", "createRole")); n != 0 {
		t.Errorf("%d commands", n)
	}
	srv.Inject(mongotest.Fault{Command: "createUser", Code: 13, Text: "not you"})
	_, err := stream.Run(t.Context(), source.Of(user(t, "a", 1)), mongosink.CreateUsers(client, passwords))
	if stream.ClassOf(err) != stream.Fatal || strings.Contains(err.Error(), secret) {
		t.Errorf("not allowed: %v", err)
	}
	srv.Heal()
	srv.Inject(mongotest.Fault{Command: "createUser", Nth: 1, Lose: true})
	got, err := stream.Run(t.Context(), source.Of(user(t, "a", 1)), mongosink.CreateUsers(client, passwords))
	if err != nil || got.Created != 1 {
		t.Errorf("the reply is lost: %+v, %v", got, err)
	}
}
