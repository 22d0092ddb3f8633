package backup_test

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/mongofixture"
)

// A collection grows a hundredfold over five backups, and shrinks again. Its units and segments
// follow. Unchanged documents are not stored again, and each backup has the documents of the
// server.
func TestGrowth(t *testing.T) {
	for name, next := range map[string]func(i int) any{
		"at the end": func(i int) any { return i },
		"everywhere": func(i int) any { return (i * 7919) % 10007 },
		"in the middle": func(i int) any {
			if i < 12 {
				return fmt.Sprintf("a%d", i)
			}
			return fmt.Sprintf("a5-%06d", i)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDeployment(t)
			r, _, _ := repository(t)
			count := 0
			var last backup.Report
			for _, n := range []int{20, 50, 126, 320, 800, 2000} {
				for ; count < n; count++ {
					d.Add("shop", "orders", mongofixture.Raw(t, bson.D{
						{Key: "_id", Value: next(count)},
						{Key: "text", Value: fmt.Sprintf("%0*d", 2000, count)},
						{Key: "keep", Value: count%20 == 0},
					}))
				}
				last = followed(t, r, d, int64(n))
			}
			job, err := r.Backup(t.Context(), d.client, small())
			if err != nil {
				t.Fatal(err)
			}
			units, err := job.Units(t.Context())
			if err != nil || len(units) < 4 {
				t.Errorf("%d units for %d segments, %v", len(units), last.Counts.Segments, err)
			}
			again, err := backup.Run(t.Context(), job, 2)
			if err != nil || again.Counts.Stored > last.Counts.Bytes/100 {
				t.Errorf("nothing has changed: %+v, %v", again.Counts, err)
			}

			coll := d.client.Database("shop").Collection("orders")
			if _, err := coll.DeleteMany(t.Context(), bson.D{{Key: "keep", Value: false}}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				last = followed(t, r, d, 100)
			}
			if last.Counts.Stored > 0 {
				t.Errorf("nothing has changed: %+v", last.Counts)
			}
		})
	}
}

// followed makes a backup, and checks its segments.
func followed(t *testing.T, r *backup.Repository, d deployment, documents int64) backup.Report {
	t.Helper()
	report, err := backUp(t.Context(), r, d, small())
	if err != nil || report.Counts.Documents != documents {
		t.Fatalf("%+v, %v", report.Counts, err)
	}
	if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
		t.Fatal(err)
	}
	least := report.Counts.Bytes / (64 << 10)
	if n := report.Counts.Segments; n < least || n > 3*least+8 {
		t.Errorf("%d documents: %d segments for %d bytes", documents, n, report.Counts.Bytes)
	}
	return report
}

// Documents that were imported since the last backup become several units, which can be read at
// once.
func TestGrowthAtOnce(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 100, 2000)
	r, _, _ := repository(t)
	first, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	d.fill(t, "shop", "orders", 100, 1900, 2000)
	job, err := r.Backup(t.Context(), d.client, small())
	if err != nil {
		t.Fatal(err)
	}
	units, err := job.Units(t.Context())
	if err != nil || len(units) < 4 {
		t.Errorf("%d units, %v", len(units), err)
	}
	report, err := backup.Run(t.Context(), job, 4)
	if err != nil || report.Counts.Reused < first.Counts.Stored/2 {
		t.Errorf("%+v after %+v, %v", report.Counts, first.Counts, err)
	}
	if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
		t.Error(err)
	}
}
