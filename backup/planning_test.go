package backup_test

import (
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A collection that may not be read during the plan, and may later, does not prove that the server
// reads snapshots: the backup says fuzzy, or is refused.
func TestConsistencyUnproven(t *testing.T) {
	for _, level := range []mongosource.Consistency{mongosource.Fuzzy, mongosource.PerRange, mongosource.Instant} {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 900, 250)
		for _, command := range []string{"find", "aggregate"} {
			d.Inject(mongotest.Fault{Command: command, Code: 13, If: func(c mongotest.Command) bool {
				_, err := c.Body.LookupErr("readConcern", "level")
				return err == nil
			}})
		}
		r, _, _ := repository(t)
		opts := small()
		opts.AllowMissing = true
		opts.Consistency = level
		job, err := r.Backup(t.Context(), d.client, opts)
		if level != mongosource.Fuzzy {
			if err == nil || !strings.Contains(err.Error(), "consistency") {
				t.Errorf("%v: %v", level, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		d.Heal()
		report, err := backup.Run(t.Context(), job, 1)
		if err != nil || report.Consistency != "fuzzy" || report.Counts.Documents != 900 {
			t.Errorf("%s: %+v, %v", report.Consistency, report.Counts, err)
		}
	}
}

// A star never selects a database of the server, also if another pattern does.
func TestSelectSystem(t *testing.T) {
	d := newDeployment(t)
	for _, n := range []mongosource.Namespace{
		{Database: "shop", Collection: "log"},
		{Database: "config", Collection: "log"},
		{Database: "config", Collection: "settings"},
		{Database: "local", Collection: "log"},
		{Database: "admin", Collection: "log"},
	} {
		d.fill(t, n.Database, n.Collection, 0, 3, 10)
	}
	for _, test := range []struct{ include, want []string }{
		{[]string{"*", "config.settings"}, []string{"config.settings", "shop.log"}},
		{[]string{"*.log", "config.settings"}, []string{"config.settings", "shop.log"}},
		{[]string{"*", "c*.settings"}, nil},
		{[]string{"admin", "config.*"}, []string{"admin.log", "config.log", "config.settings"}},
	} {
		r, _, _ := repository(t)
		report, err := backUp(t.Context(), r, d, &backup.Options{Select: backup.Select{Include: test.include}})
		if test.want == nil {
			if err == nil {
				t.Errorf("%q: a backup was made", test.include)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", test.include, err)
			continue
		}
		view, err := r.View(t.Context(), report.Run)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range view.Manifest().Collections {
			got = append(got, c.Namespace().String())
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %q", test.include, got)
		}
	}
}

// A name that is not valid UTF-8 would make a manifest that no one accepts.
func TestSelectInvalidName(t *testing.T) {
	for _, n := range []mongosource.Namespace{
		{Database: "shop", Collection: "bad\xff"},
		{Database: "bad\xff", Collection: "orders"},
	} {
		d := newDeployment(t)
		d.fill(t, "shop", "orders", 0, 3, 10)
		d.Add(n.Database, n.Collection, mustRaw(bson.D{{Key: "_id", Value: 1}}))
		r, store, _ := repository(t)
		if _, err := backUp(t.Context(), r, d, nil); stream.ClassOf(err) != stream.Fatal ||
			!strings.Contains(err.Error(), "UTF-8") || len(keysOf(t, store, "jobs/")) > 0 {
			t.Errorf("%q: %v", n, err)
		}
		report, err := backUp(t.Context(), r, d, &backup.Options{AllowMissing: true})
		if err != nil || report.Counts.Collections != 1 || len(report.Weaker) != 2 {
			t.Errorf("%q: %+v, %q, %v", n, report.Counts, report.Weaker, err)
			continue
		}
		if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
			t.Errorf("%q: %v", n, err)
		}
	}
}
