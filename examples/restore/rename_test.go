package main_test

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/exectest"
)

func failure(code int32) bson.D {
	return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "errmsg", Value: "scripted"}}
}

var unmet = bson.D{{Key: "ok", Value: 1.0}, {Key: "writeConcernError", Value: bson.D{
	{Key: "code", Value: int32(64)},
	{Key: "codeName", Value: "WriteConcernFailed"},
	{Key: "errmsg", Value: "waiting for replication timed out"},
}}}

// TestRenamed replies to the rename with errors that do not say whether it took place, or say it
// wrongly. FerretDB renames in one step if the target does not exist. If it does, FerretDB rejects
// the one step, and the program renames in two.
func TestRenamed(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	docs := w.Fill(t, "cookies", 20)
	backup(t, w, "cookies", "-recipient", w.Recipient)
	pass := answer{carry: true}
	for _, c := range []struct {
		name    string
		answers []answer
		drop    bool
		code    int
		says    []string
		old     bool // the target is unchanged
	}{
		{"done, interrupted", []answer{{carry: true, doc: failure(11602)}}, false, 0, nil, false},
		{"done, lost", []answer{{carry: true, lose: true}}, false, 0, nil, false},
		{"done, any error", []answer{{carry: true, doc: failure(8)}}, false, 0, nil, false},
		{
			"done, not confirmed",
			[]answer{{carry: true, doc: unmet}},
			false, 3,
			[]string{"shop.back has the documents of the backup now", "did not confirm"},
			false,
		},
		{"not done, interrupted", []answer{{doc: failure(11602)}}, false, 0, nil, false},
		{"not done, lost, twice", []answer{{lose: true}, {lose: true}}, false, 0, nil, false},
		{"done late, interrupted", []answer{{late: 120 * time.Millisecond, doc: failure(50)}}, false, 0, nil, false},
		{"done late, lost", []answer{{late: 120 * time.Millisecond, lose: true}}, false, 0, nil, false},
		{
			"refused",
			[]answer{{doc: failure(20)}},
			false, 1,
			[]string{"scripted", "shop.back is as it was", "dropped again"},
			true,
		},
		{
			"lost, then refused",
			[]answer{{lose: true}, {doc: failure(20)}},
			false, 1,
			[]string{"scripted", "shop.back is as it was", "dropped again"},
			true,
		},
		{"old moved, interrupted", []answer{pass, {carry: true, doc: failure(11602)}}, true, 0, nil, false},
		{"old moved, lost", []answer{pass, {carry: true, lose: true}}, true, 0, nil, false},
		{"old not moved, lost", []answer{pass, {lose: true}}, true, 0, nil, false},
		{
			"old refused",
			[]answer{pass, {doc: failure(20)}},
			true, 1,
			[]string{"shop.back is as it was", "dropped again"},
			true,
		},
		{"new moved, interrupted", []answer{pass, pass, {carry: true, doc: failure(11602)}}, true, 0, nil, false},
		{"new moved, lost", []answer{pass, pass, {carry: true, lose: true}}, true, 0, nil, false},
		{"new not moved, lost", []answer{pass, pass, {lose: true}}, true, 0, nil, false},
		{
			"new refused",
			[]answer{pass, pass, {doc: failure(20)}},
			true, 1,
			[]string{"shop.back is as it was", "dropped again"},
			true,
		},
		{
			"new refused, back lost",
			[]answer{pass, pass, {doc: failure(20)}, {lose: true}},
			true, 1,
			[]string{"shop.back is as it was", "dropped again"},
			true,
		},
		{
			"new refused, back too",
			[]answer{pass, pass, {doc: failure(20)}, {doc: failure(20)}},
			true, 1,
			[]string{"the old documents are in shop.back_replaced_"},
			false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before []bson.Raw
			args := arguments(w)
			if c.drop {
				before, args = w.Fill(t, "back", 3), append(args, "-drop")
			}
			r := w.Run(t, []string{"MONGODB_URI=" + database(t, w, c.answers...)}, "restore", args...)
			exectest.OneLine(t, r, c.code, c.says...)
			want := docs
			switch {
			case c.old:
				want = before
			case strings.Contains(r.Stderr, "_replaced_"):
				want = nil
			}
			same(t, w.Documents(t, "back"), want)
			names, err := w.DB.ListCollectionNames(t.Context(),
				bson.D{{Key: "name", Value: bson.D{{Key: "$ne", Value: "cookies"}}}})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if strings.HasPrefix(name, "back_") && !strings.Contains(r.Stderr, name) {
					t.Errorf("%s is left, and nobody told of it", name)
				}
				if err := w.DB.Collection(name).Drop(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
