package main

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/bench/internal/childtest"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// TestMain lets the test's own binary act as the programs that the command starts.
func TestMain(m *testing.M) { childtest.Main(m, runProgram) }

func start(t *testing.T) *s3test.Server {
	t.Helper()
	srv := s3test.New(nil)
	t.Cleanup(srv.Close)
	childtest.SetEnv(t)
	return srv
}

// TestRows runs everything once. The command verifies each run. Missed bars are ignored, because the test
// uses little data.
func TestRows(t *testing.T) {
	srv := start(t)
	var out bytes.Buffer
	err := runCommand(t.Context(), []string{
		"-quick", "-rounds", "1", "-json", "-size", "0.3", "-collections", "30", "-s3", srv.URL,
	}, &out, io.Discard)
	if err != nil && !errors.Is(err, report.ErrMissed) {
		t.Fatal(err)
	}
	for _, row := range []string{
		"backup", "restore", "many-backup", "many-verify", "many-restore", "again", "growth-backup-s3",
		"growth-verify-s3", "growth-restore-s3",
	} {
		if !strings.Contains(out.String(), `"row":"`+row+`"`) {
			t.Errorf("the row %s is missing", row)
		}
	}
}

// Another document, one too few, one too many and a missing collection are found in a target.
func TestTargetIsChecked(t *testing.T) {
	all := newTemplates()
	d := large(all, 300_000, 0)
	insert := func(change func(srv *mongotest.Server, c collection, i int) bool) error {
		srv := d.target()
		defer srv.Close()
		client, done, err := connect(srv.URI())
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		for _, c := range d.collections {
			for i := range c.documents.Documents {
				if change(srv, c, i) {
					continue
				}
				if _, err := client.Database(c.database).Collection(c.name).InsertOne(t.Context(),
					c.documents.Document(i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return checkTarget(t.Context(), theirs, srv, d)
	}
	last := d.collections[len(d.collections)-1]
	if err := insert(func(*mongotest.Server, collection, int) bool { return false }); err != nil {
		t.Errorf("a whole target: %v", err)
	}
	if err := insert(func(_ *mongotest.Server, c collection, i int) bool {
		return c.name == last.name && i == c.documents.Documents-1
	}); err == nil {
		t.Error("a missing document was not found")
	}
	if err := insert(func(_ *mongotest.Server, c collection, _ int) bool { return c.name == last.name }); err == nil {
		t.Error("a missing collection was not found")
	}
	if err := insert(func(srv *mongotest.Server, c collection, i int) bool {
		if c.name == last.name && i == 0 {
			srv.Add(c.database, "more", c.documents.Document(0))
		}
		return false
	}); err == nil {
		t.Error("a collection too many was not found")
	}
}

// A changed document in a backup is found.
func TestDocumentsAreCompared(t *testing.T) {
	all := newTemplates()
	same, changed := large(all, 300_000, 0).collections[0], large(all, 300_000, 0.01).collections[0]
	for name, want := range map[string]struct {
		documents *mongotest.Generated
		ok        bool
	}{
		"the same":   {same.documents, true},
		"changed":    {changed.documents, false},
		"one fewer":  {all.of(0, same.documents.Documents-1, same.documents.Documents), false},
		"one more":   {all.of(0, same.documents.Documents+1, same.documents.Documents+1), false},
		"of another": {all.of(1, same.documents.Documents, same.documents.Documents), false},
	} {
		err := same.compare(documentsOf(want.documents))
		if (err == nil) != want.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func documentsOf(g *mongotest.Generated) iter.Seq2[bson.Raw, error] {
	return func(yield func(bson.Raw, error) bool) {
		for i := range g.Documents {
			if !yield(g.Document(i), nil) {
				return
			}
		}
	}
}
