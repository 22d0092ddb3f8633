package backup_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
)

// Documents that the collection's own validator would refuse come back: they were there before it.
func TestRestoreInvalidDocuments(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 5, 10)
	rule := bson.D{
		{Key: "collMod", Value: "orders"},
		{Key: "validator", Value: bson.D{{Key: "price", Value: bson.D{{Key: "$exists", Value: true}}}}},
	}
	if err := d.client.Database("shop").RunCommand(t.Context(), rule).Err(); err != nil {
		t.Fatal(err)
	}
	r, _, _ := repository(t)
	report, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	view, err := r.View(t.Context(), report.Run)
	if err != nil {
		t.Fatal(err)
	}
	other := newDeployment(t)
	for _, opts := range []*backup.RestoreOptions{nil, {DropTarget: true}, {Merge: true}} {
		if opts != nil && opts.Merge {
			one := bson.D{{Key: "_id", Value: 3}}
			if _, err := other.client.Database("shop").Collection("orders").DeleteOne(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := backup.Run(t.Context(), view.Restore(other.client, opts), 1); err != nil {
			t.Fatal(err)
		}
		if got := other.Documents("shop", "orders"); len(got) != 5 {
			t.Errorf("%d documents", len(got))
		}
	}
}
