package backup

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// Users and roles are restored if asked for, roles first. Otherwise the report says that they are not.
func TestRestoreAccess(t *testing.T) {
	r, _ := makeRepository(t)
	user := document(t, bson.D{
		{Key: "_id", Value: "shop.ann"},
		{Key: "user", Value: "ann"},
		{Key: "db", Value: "shop"},
		{Key: "roles", Value: bson.A{bson.D{{Key: "role", Value: "clerk"}, {Key: "db", Value: "shop"}}}},
	})
	role := document(t, bson.D{
		{Key: "_id", Value: "shop.clerk"},
		{Key: "role", Value: "clerk"},
		{Key: "db", Value: "shop"},
		{Key: "privileges", Value: bson.A{}},
		{Key: "roles", Value: bson.A{}},
	})
	access := func(kind Kind, name string, doc bson.Raw) madeCollection {
		ns := mongosource.Namespace{Database: "admin", Collection: name}
		return madeCollection{ns: ns, kind: kind, segments: [][]bson.Raw{{doc}}}
	}
	makeBackup(t, r, time.Now(), access(KindUsers, "system.users", user), access(KindRoles, "system.roles", role),
		plainCollection(t, "shop", "orders", 2))
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	report, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1)
	if said := strings.Join(report.Weaker, "; "); err != nil || !strings.Contains(said, "1 users") ||
		!strings.Contains(said, "1 roles") || len(srv.Commands("createUser", "createRole")) > 0 {
		t.Errorf("%q, %v", said, err)
	}
	password := func(string, string) (string, error) { return "secret", nil }
	for range 2 {
		opts := &RestoreOptions{Roles: true, UserPassword: password}
		if _, err := Run(t.Context(), view(t, r, "").Restore(client, opts), 1); err != nil {
			t.Fatal(err)
		}
	}
	made := srv.Commands("createUser", "createRole")
	if len(made) != 2 || made[0].Name != "createRole" || made[1].Name != "createUser" {
		t.Errorf("%d commands", len(made))
	}
}

// Damaged users are found before anything is visible.
func TestRestoreProvesAccess(t *testing.T) {
	r, store := makeRepository(t)
	makeBackup(t, r, time.Now(), withUsers(t), plainCollection(t, "shop", "orders", 2))
	key := store.keys("data/")[0] // of the first collection
	store.objects[key] = bytes.Repeat([]byte("x"), len(store.objects[key]))
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	opts := &RestoreOptions{UserPassword: func(string, string) (string, error) { return "secret", nil }}
	if _, err := Run(t.Context(), view(t, r, "").Restore(client, opts), 1); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if all := srv.Commands("renameCollection"); len(all) > 1 { // the one to the prepared name
		t.Error("something is visible")
	}
	for _, name := range names(t, srv) {
		if !strings.HasPrefix(name, "shop."+preparedPrefix) {
			t.Error(name)
		}
	}
}
