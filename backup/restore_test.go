package backup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A restore makes all kinds of collections with their documents, options and indexes, and leaves
// nothing else. A second one changes nothing.
func TestRestore(t *testing.T) {
	r, _ := makeRepository(t)
	collections := shop(t)
	makeBackup(t, r, time.Now(), collections...)
	v := view(t, r, "")
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	for i := range 2 {
		report, err := Run(t.Context(), v.Restore(client, nil), 3)
		if err != nil {
			t.Fatal(err)
		}
		want := Counts{
			Collections: 6, Documents: 71, Bytes: v.manifest.Bytes(), Segments: 10,
			Fetched: report.Counts.Fetched,
		}
		if i > 0 {
			want = Counts{Collections: 6, Documents: 71, Bytes: v.manifest.Bytes(), AlreadyThere: 5}
		}
		if report.Counts != want {
			t.Errorf("%+v\nwant %+v", report.Counts, want)
		}
		checkShop(t, srv, collections)
	}
	all := names(t, srv)
	if len(all) != len(collections) {
		t.Errorf("%d collections: %s", len(all), strings.Join(all, "\n"))
	}
	for _, want := range []string{
		`shop.orders collection {"validator"`, `shop.log capped {"capped": true`,
		`shop.seen view {"viewOn": "orders"`, "shop.weather timeseries",
	} {
		if !slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no %s in\n%s", want, strings.Join(all, "\n"))
		}
	}
	indexes, err := stream.Run(t.Context(), mongosource.Indexes(client.Database("shop").Collection("orders")),
		sink.Slice[bson.Raw]())
	if err != nil || len(indexes) != 2 {
		t.Errorf("%d indexes, %v", len(indexes), err)
	}
}

// Options choose collections, names and documents.
func TestRestoreOptions(t *testing.T) {
	r, _ := makeRepository(t)
	collections := shop(t)
	makeBackup(t, r, time.Now(), collections...)
	v := view(t, r, "")
	orders := collections[0].ns
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	opts := &RestoreOptions{
		Include: []string{"shop.orders", "shop.seen"}, From: 5, To: 25,
		Renames:  []RenameRule{{"shop.*", "test.old_*"}},
		EraseIDs: map[mongosource.Namespace][]any{orders: {7, int64(11), 12.0, 999}},
		Filter: func(_ mongosource.Namespace, doc bson.Raw) (bool, error) {
			return doc.Lookup("_id").AsInt64() != 20, nil
		},
	}
	for range 2 {
		report, err := Run(t.Context(), v.Restore(client, opts), 1)
		if err != nil || report.Counts.Documents != 16 || report.Counts.Erased != 3 {
			t.Fatalf("%+v, %v", report.Counts, err)
		}
	}
	var want []bson.Raw
	for i, doc := range collections[0].documents() {
		if i >= 5 && i < 25 && i != 7 && i != 11 && i != 12 && i != 20 {
			want = append(want, doc)
		}
	}
	if got := content(srv, mongosource.Namespace{Database: "test", Collection: "old_orders"},
		mongosource.KindPlain); !sameDocuments(got, want) {
		t.Errorf("%d documents, want %d", len(got), len(want))
	}
	if all := names(t, srv); len(all) != 2 || !strings.Contains(all[1], `"viewOn": "old_orders"`) {
		t.Error(strings.Join(all, "\n"))
	}
}

// What is not possible is refused before anything is changed.
func TestRestoreRefuses(t *testing.T) {
	r, _ := makeRepository(t)
	collections := shop(t)
	makeBackup(t, r, time.Now(), collections...)
	v := view(t, r, "")
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	one := func(mongosource.Namespace) mongosource.Namespace { return collections[0].ns }
	nowhere := func(mongosource.Namespace) mongosource.Namespace { return mongosource.Namespace{Database: "x"} }
	typo := mongosource.Namespace{Database: "shop", Collection: "order"}
	for name, test := range map[string]struct {
		opts RestoreOptions
		want error
	}{
		"rename of nothing": {
			RestoreOptions{DropTarget: true, Renames: []RenameRule{{"shp", "test"}}},
			ErrNoCollection,
		},
		"second of nothing": {
			RestoreOptions{Renames: []RenameRule{{"shop", "test"}, {"shop.order", "a.b"}}},
			ErrNoCollection,
		},
		"exclude nothing": {RestoreOptions{Exclude: []string{"shop.order"}}, ErrNoCollection},
		"erase nothing":   {RestoreOptions{EraseIDs: map[mongosource.Namespace][]any{typo: {1}}}, ErrNoCollection},
		"erase nil":       {RestoreOptions{EraseIDs: map[mongosource.Namespace][]any{collections[0].ns: {nil}}}, nil},
		"bad rule":        {RestoreOptions{Renames: []RenameRule{{"shop.*", "test.a"}}}, nil},
		"two renames":     {RestoreOptions{Rename: nowhere, Renames: []RenameRule{{"shop", "test"}}}, nil},
		"two to one":      {RestoreOptions{Rename: one}, nil},
		"no name":         {RestoreOptions{Rename: nowhere}, nil},
		"server's db":     {RestoreOptions{Renames: []RenameRule{{"shop", "local"}}}, nil},
		"server's own":    {RestoreOptions{Renames: []RenameRule{{"shop.orders", "shop.system.users"}}}, nil},
		"oplog":           {RestoreOptions{Renames: []RenameRule{{"shop.orders", "shop.oplog.rs"}}}, nil},
		"merge and drop":  {RestoreOptions{Merge: true, DropTarget: true}, nil},
		"parallelism":     {RestoreOptions{Parallelism: 65}, nil},
		"bad bound":       {RestoreOptions{From: func() {}}, nil},
		"bad pattern":     {RestoreOptions{Include: []string{""}}, nil},
		"matches nothing": {RestoreOptions{Include: []string{"shop.orders", "shop.x"}}, ErrNoCollection},
		"excludes all":    {RestoreOptions{Exclude: []string{"*"}}, ErrNoCollection},
	} {
		_, err := Run(t.Context(), v.Restore(client, &test.opts), 1)
		if stream.ClassOf(err) != stream.Fatal || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if commands := srv.Commands("create", "insert", "renameCollection", "drop"); len(commands) > 0 {
		t.Errorf("the server was changed: %v", commands[0].Name)
	}
}

// A target that the restore did not make is left as it is, and named.
func TestRestoreTargetExists(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 10, 10)
	makeBackup(t, r, time.Now(), c)
	v := view(t, r, "")
	other := numbers(t, 21)
	for name, have := range map[string][]bson.Raw{
		"fewer documents": other[:19], "more documents": other, "as many, others": other[1:],
		"as many, one changed": append([]bson.Raw{document(t, bson.D{
			{Key: "_id", Value: 0},
			{Key: "name", Value: "é\n1"},
		})}, other[1:20]...),
	} {
		t.Run(name, func(t *testing.T) {
			srv := mongotest.NewServer()
			client := mongofixture.Connect(t, srv)
			srv.Add("shop", "orders", have...)
			for _, opts := range []*RestoreOptions{nil, {To: 100}} {
				_, err := Run(t.Context(), v.Restore(client, opts), 1)
				if !errors.Is(err, ErrTargetExists) || !strings.Contains(err.Error(), "shop.orders") {
					t.Errorf("%v", err)
				}
				if got := srv.Documents("shop", "orders"); !sameDocuments(got, have) || len(names(t, srv)) != 1 {
					t.Error("the server was changed")
				}
			}
			if _, err := Run(t.Context(), v.Restore(client, &RestoreOptions{DropTarget: true}), 1); err != nil {
				t.Error(err)
			}
			checkShop(t, srv, []madeCollection{c})
		})
	}
}

// Merge adds what is missing, and changes nothing if a document differs.
func TestRestoreMerge(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 10, 10)
	makeBackup(t, r, time.Now(), c)
	v := view(t, r, "")
	docs := c.documents()
	own := document(t, bson.D{{Key: "_id", Value: "own"}})
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	srv.Add("shop", "orders", docs[3], own)
	for range 2 {
		if _, err := Run(t.Context(), v.Restore(client, &RestoreOptions{Merge: true}), 1); err != nil {
			t.Fatal(err)
		}
		if got := content(srv, c.ns, c.kind); !sameDocuments(got, append(docs[:20:20], own)) {
			t.Errorf("%d documents", len(got))
		}
	}
	conflict := document(t, bson.D{{Key: "_id", Value: 15}, {Key: "name", Value: "mine"}})
	srv = mongotest.NewServer()
	client = mongofixture.Connect(t, srv)
	srv.Add("shop", "orders", conflict)
	if _, err := Run(t.Context(), v.Restore(client, &RestoreOptions{Merge: true}),
		1); stream.ClassOf(err) != stream.Data {
		t.Error(err)
	}
	if got := srv.Documents("shop", "orders"); !sameDocuments(got, []bson.Raw{conflict}) {
		t.Errorf("%d documents after a conflict", len(got))
	}
}

// A server that gives back other documents than it was given gets no collection.
func TestRestoreComparesWithServer(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 10)
	makeBackup(t, r, time.Now(), c)
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	srv.Inject(mongotest.Fault{Command: "find", Reply: document(t, bson.D{
		{Key: "cursor", Value: bson.D{
			{Key: "firstBatch", Value: append(numbers(t, 9), numbers(t, 11)[10])},
			{Key: "id", Value: int64(0)},
			{Key: "ns", Value: "shop." + view(t, r, "").preparedName(target{entry: &CollectionEntry{
				Database:   "shop",
				Collection: "orders",
			}, to: c.ns})},
		}}, {Key: "ok", Value: 1},
	})})
	if _, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1); !errors.Is(err, ErrNotEqual) {
		t.Error(err)
	}
	srv.Heal()
	if all := names(t, srv); len(all) > 0 {
		t.Error(all)
	}
}

// An index that the server refuses is an error, and the documents are there.
func TestRestoreIncomplete(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 2)
	c.segments[0][1] = document(t, bson.D{{Key: "_id", Value: 5}, {Key: "name", Value: "é\n0"}})
	c.indexes = []bson.D{{
		{Key: "v", Value: 2},
		{Key: "key", Value: bson.D{{Key: "name", Value: 1}}},
		{Key: "name", Value: "unique"},
		{Key: "unique", Value: true},
	}}
	makeBackup(t, r, time.Now(), c, plainCollection(t, "shop", "z", 3))
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	for range 2 {
		report, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1)
		if !errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), "unique") || report.Counts.Documents != 5 {
			t.Errorf("%+v, %v", report, err)
		}
		checkShop(t, srv, []madeCollection{c})
	}
}

// A canceled restore leaves nothing within a second.
func TestRestoreCanceled(t *testing.T) {
	r, _ := makeRepository(t)
	collections := shop(t)
	makeBackup(t, r, time.Now(), collections...)
	v := view(t, r, "")
	for _, command := range []string{"create", "insert", "createIndexes", "aggregate", "find"} {
		srv := mongotest.NewServer()
		client := mongofixture.Connect(t, srv)
		ctx, cancel := context.WithCancelCause(t.Context())
		srv.Inject(mongotest.Fault{Command: command, Nth: 1, If: func(c mongotest.Command) bool {
			cancel(errShort)
			return true
		}})
		_, err := Run(ctx, v.Restore(client, &RestoreOptions{Include: []string{"shop.orders"}}), 1)
		if !errors.Is(err, errShort) {
			t.Errorf("%s: %v", command, err)
		}
		srv.Heal()
		if all := names(t, srv); len(all) > 0 {
			t.Errorf("canceled at %s: %s is left", command, all)
		}
	}
}
