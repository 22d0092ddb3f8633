package backup_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// A collection is renamed away before it is read, another one takes its name, and it is renamed back
// before the run is resumed. No segment of the other one is in the backup.
func TestRenamedBack(t *testing.T) {
	srv := mongotest.NewServer()
	d := deployment{srv, mongofixture.Connect(t, srv)}
	d.fill(t, "shop", "orders", 0, 3000, 100)
	d.fill(t, "shop", "other", 0, 3000, 101)
	rename := func(from, to string) {
		err := d.client.Database("admin").RunCommand(context.Background(), bson.D{
			{Key: "renameCollection", Value: "shop." + from}, {Key: "to", Value: "shop." + to},
		}).Err()
		if err != nil {
			t.Error(err)
		}
	}
	armed := false
	reading := mongofixture.Connect(t, srv, func(o *options.ClientOptions) {
		o.SetMonitor(&event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if e.CommandName == "find" && armed {
				armed = false
				rename("orders", "away")
				rename("other", "orders")
			}
		}})
	})
	r, _, _ := repository(t)
	opts := small()
	opts.Select.Include = []string{"shop.orders"}
	job, err := r.Backup(t.Context(), reading, opts)
	if err != nil {
		t.Fatal(err)
	}
	armed = true
	if _, err := backup.Run(t.Context(), job, 1); !errors.Is(err, mongosource.ErrCollectionChanged) {
		t.Fatal(err)
	}
	rename("orders", "other")
	rename("away", "orders")
	report, err := resumeOnly(t, r, reading, job)
	if err != nil {
		t.Fatal(err)
	}
	if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
		t.Error(err)
	}
}

// resumeOnly resumes the run of a job.
func resumeOnly(t *testing.T, r *backup.Repository, client *mongo.Client, job backup.Job) (backup.Report, error) {
	t.Helper()
	units, err := job.Units(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, run, _ := cutName(units[0].Job)
	again, err := r.Resume(t.Context(), client, run, nil)
	if err != nil {
		t.Fatal(err)
	}
	return backup.Run(t.Context(), again, 1)
}
