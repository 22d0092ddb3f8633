package backup_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// series are the options of a time series.
func series(meta string) bson.D {
	return bson.D{{Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "t"}, {Key: "metaField", Value: meta}}}}
}

// A time series is created again after the plan, with the same options: its buckets have another UUID.
func TestTimeSeriesCreatedAgain(t *testing.T) {
	for _, again := range []bool{false, true} {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 3, 10)
		db := d.client.Database("crm")
		create := func() {
			command := append(bson.D{{Key: "create", Value: "at"}}, series("a")...)
			if err := db.RunCommand(t.Context(), command).Err(); err != nil {
				t.Fatal(err)
			}
		}
		create()
		r, _, _ := repository(t)
		job, err := r.Backup(t.Context(), d.client, small())
		if err != nil {
			t.Fatal(err)
		}
		if again {
			if err := db.Collection("at").Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
			create()
		}
		_, err = backup.Run(t.Context(), job, 1)
		if again != errors.Is(err, mongosource.ErrCollectionChanged) || !again && err != nil {
			t.Errorf("created again %v: %v", again, err)
		}
	}
}

// A server shows no UUID of a time series at all: its description must stay the same.
func TestTimeSeriesWithoutUUID(t *testing.T) {
	for _, meta := range []string{"a", "b"} {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 3, 10)
		d.fill(t, "crm", "at", 0, 3, 10)
		show := func(meta string) {
			d.Heal()
			found := bson.A{bson.D{
				{Key: "name", Value: "at"},
				{Key: "type", Value: "timeseries"},
				{Key: "options", Value: series(meta)},
				{Key: "info", Value: bson.D{{Key: "readOnly", Value: false}}},
			}}
			reply := mustRaw(bson.D{{Key: "cursor", Value: bson.D{
				{Key: "id", Value: int64(0)},
				{Key: "ns", Value: "crm.$cmd.listCollections"},
				{Key: "firstBatch", Value: found},
			}}, {Key: "ok", Value: 1}})
			d.Inject(mongotest.Fault{Command: "listCollections", Reply: reply, If: func(c mongotest.Command) bool {
				db, _ := c.Body.Lookup("$db").StringValueOK()
				return db == "crm"
			}})
		}
		show("a")
		r, _, _ := repository(t)
		job, err := r.Backup(t.Context(), d.client, small())
		if err != nil {
			t.Fatal(err)
		}
		show(meta)
		_, err = backup.Run(t.Context(), job, 1)
		if (meta == "b") != errors.Is(err, mongosource.ErrCollectionChanged) || meta == "a" && err != nil {
			t.Errorf("the field %s: %v", meta, err)
		}
	}
}
