package backup_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/internal/bsonorder"
	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// deployment is a server with a client.
type deployment struct {
	*mongotest.Server
	client *mongo.Client
}

func newDeployment(t *testing.T) deployment {
	t.Helper()
	srv := mongotest.NewServer()
	return deployment{srv, mongofixture.Connect(t, srv)}
}

// fill adds documents with the _ids from first on, each of about size bytes.
func (d deployment) fill(t *testing.T, db, coll string, first, n, size int) {
	t.Helper()
	docs := make([]bson.Raw, n)
	for i := range docs {
		docs[i] = mongofixture.Raw(t, bson.D{
			{Key: "_id", Value: first + i},
			{Key: "text", Value: fmt.Sprintf("%0*d", size, first+i)},
		})
	}
	d.Add(db, coll, docs...)
}

// long makes the matrices of kills and faults whole. The long run is
//
//	MILLWEIR_LONG=1 go test ./backup -timeout 1h
var long = flag.Bool("long", os.Getenv("MILLWEIR_LONG") != "", "kill and fail at every step instead of at some")

// step returns the distance between two steps of a matrix.
func step(usual int) int {
	if *long {
		return 1
	}
	return usual
}

// repository returns a new repository in memory.
func repository(t *testing.T) (*backup.Repository, backup.Store, person) {
	t.Helper()
	me := newPerson(t)
	store := memstore.New(nil)
	r, err := backup.Init(t.Context(), store, me.keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, store, me
}

// small are options with segments of the smallest size.
func small() *backup.Options { return &backup.Options{SegmentBytes: 64 << 10} }

// backUp makes a backup.
func backUp(ctx context.Context, r *backup.Repository, d deployment, opts *backup.Options) (backup.Report, error) {
	job, err := r.Backup(ctx, d.client, opts)
	if err != nil {
		return backup.Report{}, err
	}
	return backup.Run(ctx, job, 2)
}

// sameAsServer returns an error unless the backup has exactly the documents of the server, byte for
// byte.
func sameAsServer(ctx context.Context, r *backup.Repository, d deployment, run string) error {
	view, err := r.View(ctx, run)
	if err != nil {
		return err
	}
	if _, err := backup.Run(ctx, view.Verify(backup.Read, nil), 2); err != nil {
		return err
	}
	m := view.Manifest()
	for i := range m.Collections {
		c := &m.Collections[i]
		if c.Kind == backup.KindUsers || c.Kind == backup.KindRoles || c.Kind == mongosource.KindView {
			continue
		}
		got, err := stream.Run(ctx, view.Documents(c.Namespace(), nil), sink.Slice[bson.Raw]())
		if err != nil {
			return fmt.Errorf("%s: %w", c.Namespace(), err)
		}
		want := d.Documents(c.Database, c.Collection)
		if c.Kind == mongosource.KindPlain {
			slices.SortFunc(want, func(a, b bson.Raw) int {
				return bsonorder.Compare(a.Lookup("_id"), b.Lookup("_id"))
			})
		}
		if !slices.EqualFunc(got, want, func(a, b bson.Raw) bool { return bytes.Equal(a, b) }) {
			return fmt.Errorf("%s has %d documents, and %d in the backup", c.Namespace(), len(want), len(got))
		}
	}
	return nil
}

// A backup has every document of what is selected, in segments, whatever the kind of a collection.
func TestBackup(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 3000, 100)
	d.fill(t, "shop", "cookies", 0, 3, 10)
	d.fill(t, "crm", "odd. na*me\\ é", 0, 5, 10)
	d.fill(t, "config", "settings", 0, 5, 10)
	db := d.client.Database("crm")
	for _, command := range []bson.D{
		{{Key: "create", Value: "empty"}},
		{{Key: "create", Value: "log"}, {Key: "capped", Value: true}, {Key: "size", Value: 1 << 20}},
		{{Key: "create", Value: "seen"}, {Key: "viewOn", Value: "log"}, {Key: "pipeline", Value: bson.A{}}},
		{{Key: "create", Value: "at"}, {Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "t"}}}},
		{{Key: "create", Value: "byid"}, {Key: "clusteredIndex", Value: bson.D{
			{Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "unique", Value: true},
		}}},
	} {
		if err := db.RunCommand(t.Context(), command).Err(); err != nil {
			t.Fatal(err)
		}
	}
	d.fill(t, "crm", "log", 10, 1000, 100)
	d.fill(t, "crm", "log", 0, 9, 100)
	d.fill(t, "crm", "byid", 0, 9, 100)
	r, err := backup.Init(t.Context(), dirstore.New(t.TempDir(), nil), newPerson(t).keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	report, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
		t.Error(err)
	}
	if c := report.Counts; c.Collections != 8 || c.Documents != 3000+3+5+1009+9 || c.Segments < 12 {
		t.Errorf("%+v", c)
	}
	if report.Consistency != "fuzzy" { // the capped collection
		t.Errorf("the consistency %s", report.Consistency)
	}
}

// Without documents, a backup is an error unless it was asked for.
func TestBackupEmpty(t *testing.T) {
	d := newDeployment(t)
	r, _, _ := repository(t)
	if _, err := backUp(t.Context(), r, d, nil); !errors.Is(err, backup.ErrNothing) {
		t.Errorf("no collection: %v", err)
	}
	if err := d.client.Database("shop").CreateCollection(t.Context(), "cookies"); err != nil {
		t.Fatal(err)
	}
	if _, err := backUp(t.Context(), r, d, nil); !errors.Is(err, backup.ErrNothing) {
		t.Errorf("no document: %v", err)
	}
	report, err := backUp(t.Context(), r, d, &backup.Options{AllowEmpty: true})
	if err != nil || sameAsServer(t.Context(), r, d, report.Run) != nil {
		t.Error(err)
	}
}

// What cannot be selected is an error, and nothing is stored.
func TestSelect(t *testing.T) {
	d := newDeployment(t)
	for _, name := range []string{"orders", "cookies", "log_1", "log_2"} {
		d.fill(t, "shop", name, 0, 3, 10)
	}
	d.fill(t, "config", "settings", 0, 3, 10)
	r, _, _ := repository(t)
	orders := mongosource.Namespace{Database: "shop", Collection: "orders"}
	for name, test := range map[string]struct {
		opts  backup.Options
		want  error
		count int64
	}{
		"all":      {backup.Options{}, nil, 4},
		"some":     {backup.Options{Select: backup.Select{Include: []string{"shop.log_*"}}}, nil, 2},
		"excluded": {backup.Options{Select: backup.Select{Exclude: []string{"shop.log_*"}}}, nil, 2},
		"config":   {backup.Options{Select: backup.Select{Include: []string{"config"}}}, nil, 1},
		"nothing": {
			backup.Options{Select: backup.Select{Include: []string{"shop", "crm"}}},
			backup.ErrNothing,
			0,
		},
		"nothing allowed": {
			backup.Options{Select: backup.Select{Include: []string{"shop", "crm"}}, AllowMissing: true},
			nil, 4,
		},
		"users": {backup.Options{Select: backup.Select{Users: true, Roles: true}}, nil, 6},
		"filter": {backup.Options{Select: backup.Select{
			Filters: map[mongosource.Namespace]bson.D{orders: {{Key: "_id", Value: 1}}},
		}}, nil, 4},
		"filter of nothing": {backup.Options{Select: backup.Select{
			Filters: map[mongosource.Namespace]bson.D{{Database: "shop", Collection: "x"}: {}},
		}}, backup.ErrNothing, 0},
	} {
		report, err := backUp(t.Context(), r, d, &test.opts)
		if !errors.Is(err, test.want) || report.Counts.Collections != test.count {
			t.Errorf("%s: %d collections, %v", name, report.Counts.Collections, err)
		}
		if name == "filter" && report.Counts.Documents != 10 {
			t.Errorf("%s: %d documents", name, report.Counts.Documents)
		}
		if name == "filter" || name == "nothing allowed" {
			if len(report.Weaker) != 2 {
				t.Errorf("%s: weaker: %q", name, report.Weaker)
			}
		}
	}
}

// Settings that cannot work are refused before anything is stored.
func TestBackupRefuses(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 3, 10)
	store := dirstore.New(t.TempDir(), nil) // it cannot protect objects
	r, err := backup.Init(t.Context(), store, newPerson(t).keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]backup.Options{
		"segments":    {SegmentBytes: 1},
		"encoding":    {Encoding: "xml"},
		"consistency": {Consistency: 7},
		"parent":      {Parent: "yesterday"},
		"both":        {Parent: "20261129t160000z-1f2e3d4c5b6a7988", NoReuse: true},
		"no parent":   {Parent: "20261129t160000z-1f2e3d4c5b6a7988"},
		"pattern":     {Select: backup.Select{Include: []string{""}}},
		"no hold":     {RetainUntil: time.Now().Add(time.Hour)},
	} {
		if _, err := r.Backup(t.Context(), d.client, &opts); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	n, err := stream.Run(t.Context(), store.List("jobs/"), sink.Discard[backup.Object]())
	if err != nil || n > 0 {
		t.Errorf("%d objects, %v", n, err)
	}
}
