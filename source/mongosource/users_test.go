package mongosource_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// addAccess creates n users and n roles in the database of coll.
func addAccess(t testing.TB, db *mongo.Database, n int) {
	t.Helper()
	for i := range n {
		for _, command := range []bson.D{
			{
				{Key: "createRole", Value: fmt.Sprint("r", i)},
				{Key: "privileges", Value: bson.A{}},
				{Key: "roles", Value: bson.A{}},
			},
			{{Key: "createUser", Value: fmt.Sprint("u", i)}, {Key: "pwd", Value: "x"}, {Key: "roles", Value: bson.A{}}},
		} {
			if err := db.RunCommand(t.Context(), command).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestUsersAndRoles(t *testing.T) {
	srv, coll := serve(t, nil)
	db, client := coll.Database(), coll.Database().Client()
	addAccess(t, db, 2)
	addAccess(t, client.Database("other"), 1)
	for name, c := range map[string]struct {
		src  stream.Source[bson.Raw]
		want []string // _ids
	}{
		"users":          {mongosource.Users(client, nil), []string{"shop.u0", "shop.u1", "other.u0"}},
		"roles":          {mongosource.Roles(db), []string{"shop.r0", "shop.r1"}},
		"roles of other": {mongosource.Roles(client.Database("other")), []string{"other.r0"}},
	} {
		got, err := collect(t.Context(), c.src)
		var ids []string
		for _, d := range got {
			ids = append(ids, d.Lookup("_id").StringValue())
		}
		if err != nil || fmt.Sprint(ids) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q, %v", name, ids, err)
		}
	}
	if _, err := collect(t.Context(),
		mongosource.Users(client, &mongosource.UsersOptions{Credentials: true})); err != nil {
		t.Error(err)
	}
	asked := srv.Commands("usersInfo")
	if asked[0].Body.Lookup("showCredentials").Boolean() || !asked[1].Body.Lookup("showCredentials").Boolean() {
		t.Error("credentials are read if and only if they are asked for")
	}

	for name, c := range map[string]struct {
		fault mongotest.Fault
		class stream.Class // 0: it succeeds
		is    error
	}{
		"not allowed": {mongotest.Fault{Code: 13}, stream.Fatal, nil},
		"closed once": {mongotest.Fault{Nth: 1, Close: true}, 0, nil},
		"no list": {
			mongotest.Fault{Reply: raw(t, bson.D{{Key: "ok", Value: 1}})},
			stream.Fatal,
			mongosource.ErrBadReply,
		},
		"no documents": {mongotest.Fault{Reply: raw(t,
			bson.D{{Key: "ok", Value: 1}, {Key: "users", Value: bson.A{1}}})}, stream.Fatal, mongosource.ErrBadReply},
		"another server": {mongotest.Fault{Code: 59}, stream.Fatal, nil},
	} {
		srv.Heal()
		c.fault.Command = "usersInfo"
		srv.Inject(c.fault)
		_, err := collect(t.Context(), mongosource.Users(client, nil))
		if c.class == 0 && err != nil || c.class != 0 && stream.ClassOf(err) != c.class || c.is != nil &&
			!errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, src := range map[string]stream.Source[bson.Raw]{
		"nil client": mongosource.Users(nil, nil), "nil database": mongosource.Roles(nil),
	} {
		if _, err := collect(t.Context(), src); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAccessContracts(t *testing.T) {
	for name, list := range map[string]func(*mongo.Database) stream.Source[bson.Raw]{
		"Users": func(db *mongo.Database) stream.Source[bson.Raw] { return mongosource.Users(db.Client(), nil) },
		"Roles": mongosource.Roles,
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestSource(t, streamtest.Source[bson.Raw]{
				New: func(n int) stream.Source[bson.Raw] {
					_, coll := serve(t, nil)
					addAccess(t, coll.Database(), n)
					return list(coll.Database())
				},
				Records: true, RealIO: true, Idle: onTheWire,
			})
		})
	}
}

// A collection can be created from what Raw returns, and Raw keeps what the server said.
func TestCollectionRaw(t *testing.T) {
	c := mongosource.Collection{
		Name: "a\nb", Kind: mongosource.KindCapped, UUID: [16]byte{1},
		Options: raw(t, bson.D{{Key: "capped", Value: true}}), IDIndex: raw(t, bson.D{{Key: "name", Value: "_id_"}}),
	}
	if got, want := c.Raw().String(),
		`{"name": "a\nb","type": "collection","options": {"capped": true},"info": {"uuid": `+
			`{"$binary":{"base64":"AQAAAAAAAAAAAAAAAAAAAA==","subType":"04"}}},"idIndex": {"name": "_id_"}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := (mongosource.Collection{Name: "v", Kind: mongosource.KindView}).Raw().String(),
		`{"name": "v","type": "view","options": {},"info": {}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
