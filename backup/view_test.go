package backup

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

var cookies = mongosource.Namespace{Database: "shop", Collection: "cookies"}

// The name "" means the newest backup, and the manifest needs no identity.
func TestViewNewest(t *testing.T) {
	r, store := makeRepository(t)
	if _, err := r.View(t.Context(), ""); !errors.Is(err, ErrNoBackup) {
		t.Errorf("an empty repository: %v", err)
	}
	now := time.Now()
	makeBackup(t, r, now.Add(-time.Hour), plainCollection(t, "shop", "old", 1))
	newest := makeBackup(t, r, now, plainCollection(t, "shop", "cookies", 3))
	reader, err := Open(t.Context(), store, Keys{})
	if err != nil {
		t.Fatal(err)
	}
	v := view(t, reader, "")
	if m := v.Manifest(); m.Run != newest || m.Documents() != 3 {
		t.Errorf("%+v", m)
	}
	_, err = stream.Run(t.Context(), v.Documents(cookies, nil), counter())
	if !errors.Is(err, ErrNoKey) {
		t.Errorf("documents without an identity: %v", err)
	}
	store.objects[manifestKey(newest)] = []byte("{}\n")
	if _, err := r.View(t.Context(), ""); err == nil {
		t.Error("a damaged newest backup was left out")
	}
}

// A range of _ids and a filter give exactly their documents, and only the segments of the range are
// fetched.
func TestDocuments(t *testing.T) {
	r, store := makeRepository(t)
	c := plainCollection(t, "shop", "cookies", 10, 10, 10)
	makeBackup(t, r, time.Now(), c)
	v := view(t, r, "")
	all := c.documents()
	even := func(doc bson.Raw) (bool, error) { return doc.Lookup("_id").AsInt64()%2 == 0, nil }
	for name, test := range map[string]struct {
		opts     *DocumentsOptions
		want     []bson.Raw
		segments int
	}{
		"all":          {nil, all, 3},
		"verify first": {&DocumentsOptions{VerifyFirst: true}, all, 3},
		"from":         {&DocumentsOptions{From: 10}, all[10:], 2},
		"to":           {&DocumentsOptions{To: int64(10)}, all[:10], 1},
		"within":       {&DocumentsOptions{From: 9.5, To: 20}, all[10:20], 1},
		"across":       {&DocumentsOptions{From: 9, To: 21, VerifyFirst: true}, all[9:21], 3},
		"of text":      {&DocumentsOptions{From: "a"}, nil, 0},
		"of null":      {&DocumentsOptions{From: bson.Null{}, To: 1}, all[:1], 1},
		"filter":       {&DocumentsOptions{To: 4, Filter: even}, []bson.Raw{all[0], all[2]}, 1},
	} {
		store.gets = nil
		got, err := stream.Run(t.Context(), v.Documents(cookies, test.opts), sink.Slice[bson.Raw]())
		if err != nil || !slices.EqualFunc(got, test.want, func(a, b bson.Raw) bool { return bytes.Equal(a, b) }) {
			t.Errorf("%s: %d documents, want %d, %v", name, len(got), len(test.want), err)
		}
		fetched := 0
		for _, key := range store.gets {
			if key == store.keys("data/")[0] {
				fetched++
			}
		}
		if fetched != test.segments {
			t.Errorf("%s: %d segments were fetched, want %d", name, fetched, test.segments)
		}
	}
	for name, test := range map[string]struct {
		ns   mongosource.Namespace
		opts DocumentsOptions
		want error
	}{
		"no collection": {
			mongosource.Namespace{Database: "shop", Collection: "x"},
			DocumentsOptions{},
			ErrNoCollection,
		},
		"filter fails": {cookies, DocumentsOptions{Filter: func(bson.Raw) (bool, error) {
			return true, errShort
		}}, errShort},
	} {
		if _, err := stream.Run(t.Context(), v.Documents(test.ns, &test.opts), counter()); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := stream.Run(t.Context(), v.Documents(cookies, &DocumentsOptions{From: func() {}}),
		counter()); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("a bound that is no value: %v", err)
	}
}

// With a collation, the server's order is another one: every segment is read.
func TestDocumentsCollation(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "cookies", 3, 3)
	c.options = bson.D{{Key: "collation", Value: bson.D{{Key: "locale", Value: "de"}}}}
	c.segments[0], c.segments[1] = c.segments[1], c.segments[0]
	makeBackup(t, r, time.Now(), c)
	n, err := stream.Run(t.Context(), view(t, r, "").Documents(cookies, &DocumentsOptions{From: 4}), counter())
	if err != nil || n != 2 {
		t.Error(n, err)
	}
}

// With VerifyFirst, no document of a damaged segment is emitted.
func TestDocumentsVerifyFirst(t *testing.T) {
	r, store := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 10, 10))
	key := store.keys("data/")[0]
	body := bytes.Clone(store.objects[key])
	body[len(body)-1] ^= 1
	store.objects[key] = body
	got, err := stream.Run(t.Context(), view(t, r, "").Documents(cookies, &DocumentsOptions{VerifyFirst: true}),
		sink.Slice[bson.Raw]())
	if stream.ClassOf(err) != stream.Data || len(got) != 10 {
		t.Errorf("%d documents, %v", len(got), err)
	}
}
