package integration_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// emptied returns documents with a Timestamp(0, 0). In some of them a server would replace it with
// its own time.
func emptied(t testing.TB, first int32) []bson.Raw {
	t.Helper()
	zero, in := bson.Timestamp{}, bson.D{{Key: "t", Value: bson.Timestamp{}}}
	return []bson.Raw{
		marshal(t, bson.D{{Key: "_id", Value: first}, {Key: "t", Value: zero}}),
		marshal(t, bson.D{
			{Key: "_id", Value: first + 1},
			{Key: "", Value: zero},
			{Key: "$t", Value: zero},
			{Key: "a.b", Value: zero},
		}),
		marshal(t, bson.D{{Key: "_id", Value: first + 2}, {Key: "t", Value: zero}, {Key: "t", Value: zero}}),
		marshal(t, bson.D{
			{Key: "_id", Value: first + 3},
			{Key: "in", Value: in},
			{Key: "list", Value: bson.A{zero, in}},
		}),
		marshal(t, bson.D{
			{Key: "_id", Value: first + 4},
			{Key: "a", Value: bson.Timestamp{T: 1}},
			{Key: "b", Value: bson.Timestamp{I: 1}},
		}),
		marshal(t, bson.D{{Key: "_id", Value: zero}, {Key: "t", Value: zero}}),
	}
}

// TestOddDocumentsThroughABackup backs odd documents up and restores them in every way. Each must
// come back byte for byte.
func TestOddDocumentsThroughABackup(t *testing.T) {
	n := 5000
	if long {
		n = 100_000
	}
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	g := bsonrand.New(44)
	g.Odd = true
	docs := emptied(t, int32(n))
	for i := range n {
		doc := g.Doc()
		if i%10 == 0 {
			doc = append(doc[:len(doc)-1:len(doc)-1], "\x11t\x00"+"\x00\x00\x00\x00\x00\x00\x00\x00"+"\x00"...)
			binary.LittleEndian.PutUint32(doc, uint32(len(doc)))
		}
		docs = append(docs, withID(t, int32(i), doc))
	}
	var want []bson.Raw
	for part := range slices.Chunk(docs, 500) { // one command each, which the server stores or rejects as a whole
		want = append(want, insertTaken(t, j.coll, part, func(bson.Raw, string) {})...)
	}
	empty := 0
	for _, d := range want {
		elements, err := d.Elements()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range elements {
			if sec, i, ok := e.Value().TimestampOK(); ok && sec == 0 && i == 0 && e.Key() != "_id" {
				empty++
				break
			}
		}
	}
	if len(want) < n/2 || empty < n/50 {
		t.Fatalf("the server took %d documents, %d of them with an empty timestamp", len(want), empty)
	}
	sameDocuments(t, stored(t, j.coll), want)
	run(t, "millweir", j.env, j.backup()...).succeeded(t)
	for _, c := range []struct {
		name  string
		flags []string
		set   func(coll *mongo.Collection)
	}{
		{"missing", nil, func(*mongo.Collection) {}},
		{"replace", []string{"--replace"}, func(coll *mongo.Collection) { load(t, coll, plain(t, 3, 3)) }},
		{"empty", []string{"--merge"}, func(coll *mongo.Collection) {
			if err := db.CreateCollection(t.Context(), coll.Name()); err != nil {
				t.Fatal(err)
			}
		}},
		{"merge", []string{"--merge"}, func(coll *mongo.Collection) { load(t, coll, want[:len(want)/2]) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			coll := db.Collection(c.name)
			c.set(coll)
			run(t, "millweir", j.env, j.restore(c.name, c.flags...)...).succeeded(t)
			sameDocuments(t, stored(t, coll), want)
		})
	}
	if t.Failed() {
		return
	}
	t.Logf("%d odd documents came back byte for byte, %d of them with an empty timestamp", len(want), empty)
}

// Insert sends an empty timestamp only to a server that proves that it keeps one, unless the
// options allow more.
func TestInsertEmptyTimestamps(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll, mayReplace := m.Database(t).Collection("c"), m.IsFerretDB() || m.IsSecantusPy()
		docs := append(plain(t, 3, 3), marshal(t,
			bson.D{{Key: "_id", Value: "t"}, {Key: "t", Value: bson.Timestamp{}}}))
		want := docs
		res, err := stream.Run(t.Context(), source.Slice(docs),
			mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 1}))
		if mayReplace {
			want = docs[:3]
		}
		var bad *mongosink.DocumentError
		if errors.As(err, &bad) != mayReplace || (err == nil) == mayReplace ||
			errors.Is(err, mongosink.ErrEmptyTimestamp) != mayReplace || mayReplace && bad.Index != 3 {
			t.Errorf("%+v, %v", res, err)
		}
		sameDocuments(t, stored(t, coll), want)

		allowed := m.Database(t).Collection("allowed")
		if _, err := stream.Run(t.Context(), source.Slice(docs),
			mongosink.Insert(allowed, &mongosink.InsertOptions{AllowEmptyTimestamps: true})); err != nil {
			t.Error(err)
		}
		sameDocuments(t, stored(t, allowed), docs)
	})
}

func TestInsertIDNotFirst(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("c")
		doc := marshal(t, bson.D{{Key: "a", Value: 1}, {Key: "_id", Value: 7}, {Key: "b", Value: "x"}})
		moved := marshal(t, bson.D{{Key: "_id", Value: 7}, {Key: "a", Value: 1}, {Key: "b", Value: "x"}})
		res, err := stream.Run(t.Context(), source.Of(doc), mongosink.Insert(coll, nil))
		if !errors.Is(err, mongosink.ErrIDNotFirst) || res != (mongosink.InsertResult{}) {
			t.Errorf("%+v, %v", res, err)
		}
		sameDocuments(t, stored(t, coll), nil)
		if _, err := stream.Run(t.Context(), source.Of(doc),
			mongosink.Insert(coll, &mongosink.InsertOptions{MoveID: true})); err != nil {
			t.Error(err)
		}
		sameDocuments(t, stored(t, coll), []bson.Raw{moved})
	})
}
