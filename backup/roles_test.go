package backup_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A server does not list a database that has roles only. They are in the backup, or it says that they
// are left out.
func TestRolesOfEmptyDatabase(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 3, 10)
		for _, db := range []string{"admin", "shop", "empty"} {
			err := d.client.Database(db).RunCommand(t.Context(), bson.D{
				{Key: "createRole", Value: "clerk"},
				{Key: "privileges", Value: bson.A{}},
				{Key: "roles", Value: bson.A{}},
			}).Err()
			if err != nil {
				t.Fatal(err)
			}
		}
		want := 3
		if hidden {
			want = 1 // admin has no collection either
			d.Inject(mongotest.Fault{Command: "find", Code: 13, If: func(c mongotest.Command) bool {
				target, _ := c.Body.Index(0).Value().StringValueOK()
				return target == "system.roles"
			}})
		}
		r, _, _ := repository(t)
		report, err := backUp(t.Context(), r, d, &backup.Options{Select: backup.Select{Roles: true}})
		if err != nil {
			t.Fatal(err)
		}
		view, err := r.View(t.Context(), report.Run)
		if err != nil {
			t.Fatal(err)
		}
		roles := mongosource.Namespace{Database: "admin", Collection: "system.roles"}
		n, err := stream.Run(t.Context(), view.Documents(roles, nil), sink.Discard[bson.Raw]())
		if err != nil || int(n) != want {
			t.Errorf("hidden %v: %d roles, %v", hidden, n, err)
		}
		if all := strings.Join(report.Weaker, "\n"); strings.Contains(all, "roles") != hidden {
			t.Errorf("hidden %v: weaker: %q", hidden, report.Weaker)
		}
	}
}
