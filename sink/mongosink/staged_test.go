package mongosink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// sameDocs reports whether two lists have the same documents, in any order.
func sameDocs(a, b []bson.Raw) bool {
	sorted := func(docs []bson.Raw) (texts []string) {
		for _, d := range docs {
			texts = append(texts, string(d))
		}
		slices.Sort(texts)
		return texts
	}
	return slices.Equal(sorted(a), sorted(b))
}

// names returns the names of the collections of db.
func names(t testing.TB, db *mongo.Database) []string {
	t.Helper()
	all, err := db.ListCollectionNames(context.WithoutCancel(t.Context()), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

var quick = mongosink.InsertOptions{BatchDocuments: 10}

// The documents, options and indexes of the new collection replace those of the old one.
func TestReplaceCollection(t *testing.T) {
	docs := numbered(t, 95)
	old := []bson.Raw{raw(t, bson.D{e("_id", "old")})}
	for name, c := range map[string]struct {
		before []bson.Raw // nil: the target does not exist
		opts   mongosink.ReplaceCollectionOptions
		want   []bson.Raw
		err    error
	}{
		"missing":       {nil, mongosink.ReplaceCollectionOptions{}, docs, nil},
		"missing, drop": {nil, mongosink.ReplaceCollectionOptions{DropTarget: true}, docs, nil},
		"filled":        {old, mongosink.ReplaceCollectionOptions{}, docs, mongosink.ErrTargetExists}, // R7
		"empty": {
			[]bson.Raw{},
			mongosink.ReplaceCollectionOptions{},
			docs,
			mongosink.ErrTargetExists,
		},
		"filled, drop": {old, mongosink.ReplaceCollectionOptions{DropTarget: true}, docs, nil},
		"nothing":      {nil, mongosink.ReplaceCollectionOptions{}, nil, nil},
		"nothing for filled": {
			old,
			mongosink.ReplaceCollectionOptions{DropTarget: true},
			nil,
			mongosink.ErrEmptyInput,
		},
		"nothing for empty": {[]bson.Raw{}, mongosink.ReplaceCollectionOptions{DropTarget: true}, nil, nil},
		"nothing, allowed": {
			old,
			mongosink.ReplaceCollectionOptions{DropTarget: true, AllowEmpty: true},
			nil,
			nil,
		},
		"staging name": {nil, mongosink.ReplaceCollectionOptions{StagingName: "stage"}, docs, nil},
		"leftover of another run": {
			old,
			mongosink.ReplaceCollectionOptions{DropTarget: true, StagingName: "left"},
			docs, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, db := newDatabase(t)
			if c.before != nil {
				srv.Add("shop", "c", c.before...)
			}
			if c.opts.StagingName == "left" {
				srv.Add("shop", "left", numbered(t, 3)...)
			}
			c.opts.Insert = quick
			c.opts.Description = describe(t, "any name", "collection",
				e("validator", bson.D{e("_id", bson.D{e("$exists", true)})}))
			c.opts.Indexes = []bson.Raw{index(t, "z_1_a_1", bson.D{e("z", 1), e("a", 1)})}
			before := listed(t, db)
			got, err := stream.Run(t.Context(), source.Slice(c.want), mongosink.ReplaceCollection(db.Collection("c"),
				&c.opts))
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Fatalf("%+v, %v", got, err)
			}
			if c.err != nil {
				if got.Target != mongosink.TargetUnchanged || got.Staging != "" || !sameDocs(srv.Documents("shop", "c"),
					c.before) ||
					!slices.Equal(listed(t, db), before) || stream.ClassOf(err) != stream.Fatal {
					t.Errorf("%+v, %v: %q", got, err, listed(t, db))
				}
				return
			}
			if got.Target != mongosink.TargetReplaced || got.Inserted != int64(len(c.want)) || got.Indexes != 1 ||
				got.Staging != "" || got.Old != "" || !sameDocs(srv.Documents("shop", "c"), c.want) {
				t.Errorf("%+v: %d documents", got, len(srv.Documents("shop", "c")))
			}
			want := []string{`"c" collection {"validator": {"_id": {"$exists": true}}}`}
			if have := listed(t, db); !slices.Equal(have, want) {
				t.Errorf("%q, want %q", have, want)
			}
			if len(indexesOf(t, db.Collection("c"))) != 2 {
				t.Errorf("%q", indexesOf(t, db.Collection("c")))
			}
		})
	}
}

// R12: the commands come in an order in which nothing can expire, and the collection is visible
// last.
func TestReplaceCollectionOrder(t *testing.T) {
	srv, db := newDatabase(t)
	_, err := stream.Run(t.Context(), source.Slice(numbered(t, 5)),
		mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
			Insert: mongosink.InsertOptions{BypassDocumentValidation: true}, // R13
			Description: describe(t, "c", "collection", e("clusteredIndex", bson.D{
				e("key", bson.D{e("_id", 1)}),
				e("unique", true),
			}), e("expireAfterSeconds", int64(60))),
			Indexes: []bson.Raw{index(t, "ttl", bson.D{e("a", 1)}, e("expireAfterSeconds", 60))},
		}))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, c := range srv.Commands("create", "insert", "createIndexes", "renameCollection", "collMod") {
		order = append(order, c.Name)
		if has := !c.Body.Lookup("expireAfterSeconds").IsZero(); has != (c.Name == "collMod") {
			t.Errorf("%s", c.Body)
		}
		if c.Name == "insert" && !c.Body.Lookup("bypassDocumentValidation").Boolean() {
			t.Errorf("%s", c.Body)
		}
	}
	if want := []string{"create", "insert", "createIndexes", "renameCollection", "collMod"}; !slices.Equal(order,
		want) {
		t.Errorf("%q", order)
	}
	if got := listed(t, db)[0]; !strings.Contains(got, `"expireAfterSeconds": {"$numberLong":"60"}`) {
		t.Error(got)
	}
}

// R11: indexes that the server refuses do not keep the documents from being published.
func TestReplaceCollectionRefusedIndex(t *testing.T) {
	srv, db := newDatabase(t)
	docs := []bson.Raw{raw(t, bson.D{e("_id", 1), e("a", 1)}), raw(t, bson.D{e("_id", 2), e("a", 1)})}
	got, err := stream.Run(t.Context(), source.Slice(docs),
		mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{Indexes: []bson.Raw{
			index(t, "a_1", bson.D{e("a", 1)}, e("unique", true)), index(t, "b_1", bson.D{e("b", 1)}),
		}}))
	var refused *mongosink.IndexError
	if !errors.As(err, &refused) || len(refused.Failed) != 1 || got.Target != mongosink.TargetReplaced ||
		got.Indexes != 1 ||
		!sameDocs(srv.Documents("shop", "c"), docs) {
		t.Errorf("%+v, %v", got, err)
	}
}

// R6: an input that fails, even at its end, and a run that is stopped leave the target as it is and
// nothing else.
func TestReplaceCollectionFails(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		docs    int
		opts    mongosink.ReplaceCollectionOptions
		prepare func(*mongotest.Server)
		created bool
	}{
		"at the beginning": {docs: 0},
		"at the end":       {docs: 95, created: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv, db := newDatabase(t)
			old := numbered(t, 3)
			srv.Add("shop", "c", old...)
			c.opts.DropTarget, c.opts.Insert = true, quick
			got, err := stream.Run(t.Context(), sourceOf(numbered(t, c.docs), broken),
				mongosink.ReplaceCollection(db.Collection("c"), &c.opts))
			if err != broken || got.Target != mongosink.TargetUnchanged || got.Staging != "" {
				t.Errorf("%+v, %v", got, err)
			}
			if !slices.Equal(names(t, db), []string{"c"}) || !sameDocs(srv.Documents("shop", "c"), old) {
				t.Errorf("%q", names(t, db))
			}
			if made := len(srv.Commands("create")) > 0; made != c.created {
				t.Errorf("created: %v", made)
			}
		})
	}
	for name, c := range map[string]struct {
		faults []mongotest.Fault
		check  func(context.Context, *mongo.Collection) error
		class  stream.Class
	}{
		"create refused": {[]mongotest.Fault{{Command: "create", Code: 13}}, nil, stream.Fatal},
		"insert refused": {
			[]mongotest.Fault{{Command: "insert", Nth: 2, WriteErrors: map[int]int32{1: 121}}},
			nil,
			stream.Data,
		},
		"insert forbidden": {[]mongotest.Fault{{Command: "insert", Code: 13}}, nil, stream.Fatal},
		"index forbidden":  {[]mongotest.Fault{{Command: "createIndexes", Code: 13}}, nil, stream.Fatal},
		"rename refused":   {[]mongotest.Fault{{Command: "renameCollection", Code: 20}}, nil, stream.Fatal},
		"count refused":    {[]mongotest.Fault{{Command: "aggregate", Code: 13}}, nil, stream.Fatal},
		"check fails":      {nil, func(context.Context, *mongo.Collection) error { return broken }, 0},
		"another writer": {nil, func(ctx context.Context, staging *mongo.Collection) error {
			if err := staging.Drop(ctx); err != nil {
				return err
			}
			return broken
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, db := newDatabase(t)
			old := numbered(t, 3)
			srv.Add("shop", "c", old...)
			for _, f := range c.faults {
				srv.Inject(f)
			}
			got, err := stream.Run(t.Context(), source.Slice(numbered(t, 95)),
				mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
					DropTarget: true, Insert: quick, Check: c.check, SettleTimeout: 300 * time.Millisecond,
					Indexes: []bson.Raw{index(t, "a_1", bson.D{e("a", 1)})},
				}))
			if err == nil || got.Target != mongosink.TargetUnchanged || got.Staging != "" ||
				c.check != nil && !errors.Is(err, broken) || c.class != 0 && stream.ClassOf(err) != c.class {
				t.Errorf("%+v, %v: %v", got, stream.ClassOf(err), err)
			}
			if !slices.Equal(names(t, db), []string{"c"}) || !sameDocs(srv.Documents("shop", "c"), old) {
				t.Errorf("%q", names(t, db))
			}
		})
	}
}

// The name of the staging collection fits into the limit of servers.
func TestReplaceCollectionLongName(t *testing.T) {
	srv, db := newDatabase(t)
	name := strings.Repeat("é", 125)
	got, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)),
		mongosink.ReplaceCollection(db.Collection(name), nil))
	if err != nil || got.Target != mongosink.TargetReplaced || len(srv.Documents("shop", name)) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReplaceCollectionBad(t *testing.T) {
	srv, db := newDatabase(t)
	coll := db.Collection("c")
	view := describe(t, "v", "view", e("viewOn", "x"), e("pipeline", bson.A{}))
	series := describe(t, "s", "timeseries", e("timeseries", bson.D{e("timeField", "t")}))
	for name, replace := range map[string]stream.Sink[bson.Raw, mongosink.ReplaceCollectionResult]{
		"nil":           mongosink.ReplaceCollection(nil, nil),
		"negative time": mongosink.ReplaceCollection(coll, &mongosink.ReplaceCollectionOptions{SettleTimeout: -1}),
		"clean-up":      mongosink.ReplaceCollection(coll, &mongosink.ReplaceCollectionOptions{CleanupTimeout: -1}),
		"insert": mongosink.ReplaceCollection(coll,
			&mongosink.ReplaceCollectionOptions{Insert: mongosink.InsertOptions{BatchDocuments: -1}}),
		"staging is the target": mongosink.ReplaceCollection(coll,
			&mongosink.ReplaceCollectionOptions{StagingName: "c"}),
		"a view": mongosink.ReplaceCollection(coll,
			&mongosink.ReplaceCollectionOptions{Description: view}),
		"a time series": mongosink.ReplaceCollection(coll,
			&mongosink.ReplaceCollectionOptions{Description: series}),
		"no description": mongosink.ReplaceCollection(coll,
			&mongosink.ReplaceCollectionOptions{Description: raw(t, bson.D{})}),
		"no index": mongosink.ReplaceCollection(coll,
			&mongosink.ReplaceCollectionOptions{Indexes: []bson.Raw{{}}}),
	} {
		if _, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)),
			replace); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(srv.Commands()); n != 0 {
		t.Errorf("%d commands", n)
	}
	if _, err := stream.Run(t.Context(), source.Of(view, series), mongosink.CreateCollections(db, nil)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v", "s"} {
		_, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)), mongosink.ReplaceCollection(db.Collection(name),
			&mongosink.ReplaceCollectionOptions{DropTarget: true}))
		if !errors.Is(err, mongosink.ErrNotReplaceable) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTarget(t *testing.T) {
	got := fmt.Sprint(mongosink.TargetUnchanged, mongosink.TargetReplaced, mongosink.TargetMoved,
		mongosink.TargetUnknown)
	if got != "unchanged replaced moved unknown" {
		t.Error(got)
	}
}
