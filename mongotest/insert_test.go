package mongotest_test

import (
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

func marshal(t testing.TB, v any) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// insert sends a plain insert command, which no method of the driver does.
func insert(t *testing.T, db *mongo.Database, doc any, more ...bson.E) error {
	t.Helper()
	return db.RunCommand(t.Context(),
		append(bson.D{{Key: "insert", Value: "cookies"}, {Key: "documents", Value: bson.A{doc}}}, more...)).Err()
}

// An insert changes documents as mongod does.
func TestInsertChanges(t *testing.T) {
	srv := mongotest.NewServer()
	db := connect(t, srv).Database("shop")
	empty := bson.Timestamp{}
	bypass := bson.E{Key: "bypassEmptyTsReplacement", Value: true}
	doc := bson.D{
		{Key: "a", Value: empty},
		{Key: "in", Value: bson.D{{Key: "a", Value: empty}}},
		{Key: "_id", Value: empty},
	}
	first := bson.D{
		{Key: "_id", Value: empty},
		{Key: "a", Value: empty},
		{Key: "in", Value: bson.D{{Key: "a", Value: empty}}},
	}
	for name, more := range map[string][]bson.E{"bypassed": {bypass}, "plain": nil} {
		if err := insert(t, db, doc, more...); err != nil {
			t.Fatal(err)
		}
		got := srv.Documents("shop", "cookies")[0]
		if kept := string(got) == string(marshal(t, first)); kept != (name == "bypassed") {
			t.Errorf("%s: stored %v", name, got)
		}
		if sec, _ := got.Lookup("a").Timestamp(); (sec > 0) != (name == "plain") || got.Index(0).Key() != "_id" ||
			!got.Lookup("_id").Equal(marshal(t, first).Lookup("_id")) {
			t.Errorf("%s: stored %v", name, got)
		}
		if err := db.Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := insert(t, db, bson.D{{Key: "a", Value: 1}}); err != nil ||
		srv.Documents("shop", "cookies")[0].Index(0).Key() != "_id" {
		t.Errorf("without an _id: %v", err)
	}
}

func TestInsertRefuses(t *testing.T) {
	srv := mongotest.NewServer()
	db := connect(t, srv).Database("shop")
	for name, c := range map[string]struct {
		id   any
		code int
	}{
		"array":      {bson.A{1}, 2},
		"pattern":    {bson.Regex{Pattern: "a"}, 2},
		"undefined":  {bson.Undefined{}, 2},
		"expression": {bson.D{{Key: "$a", Value: 1}}, 52},
	} {
		err := insert(t, db, bson.D{{Key: "_id", Value: c.id}})
		if server, ok := err.(mongo.ServerError); !ok || !server.HasErrorCode(c.code) { //nolint:errorlint // the driver's own
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := insert(t, db, bson.D{{Key: "_id", Value: 1}, {Key: "_id", Value: 2}}); err == nil {
		t.Error("two _ids: no error")
	}
	if n := len(srv.Documents("shop", "cookies")); n > 0 {
		t.Errorf("%d documents are stored", n)
	}
}

// An older server refuses the field, and a server that ignores unknown fields changes the document.
func TestUnknownFields(t *testing.T) {
	srv := mongotest.NewServer()
	db := connect(t, srv).Database("shop")
	bypass := bson.E{Key: "bypassEmptyTsReplacement", Value: true}
	unknown := func(err error) bool {
		server, ok := err.(mongo.ServerError) //nolint:errorlint // the driver's own
		return ok && server.HasErrorCode(40415)
	}
	if err := insert(t, db, bson.D{}, bson.E{Key: "odd", Value: 1}); !unknown(err) {
		t.Errorf("an odd field: %v", err)
	}
	srv.RefuseField(bypass.Key)
	if err := insert(t, db, bson.D{}, bypass); !unknown(err) {
		t.Errorf("an older server: %v", err)
	}
	srv.IgnoreUnknownFields()
	if err := insert(t, db, bson.D{{Key: "a", Value: bson.Timestamp{}}}, bypass,
		bson.E{Key: "odd", Value: 1}); err != nil {
		t.Error(err)
	}
	if sec, _ := srv.Documents("shop", "cookies")[0].Lookup("a").Timestamp(); sec == 0 {
		t.Error("a field that is ignored has an effect")
	}
}

// Values of all types are in the order of a real server: each is greater than those before it, and
// a scan continues after each.
func TestOrder(t *testing.T) {
	decimal, err := bson.ParseDecimal128("2.5")
	if err != nil {
		t.Fatal(err)
	}
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("cookies")
	var ids []any
	for i, id := range []any{
		bson.MinKey{},
		nil, -1.5, int32(0), int64(1) << 60, "", "a",
		bson.D{},
		bson.D{{Key: "a", Value: 1}},
		bson.D{{Key: "a", Value: 2}},
		bson.D{{Key: "a", Value: 2}, {Key: "b", Value: 1}},
		bson.Binary{Data: []byte("b")},
		bson.Binary{Data: []byte("aa")},
		bson.ObjectID{1},
		bson.ObjectID{2},
		false, true, bson.DateTime(-1), bson.DateTime(1),
		bson.Timestamp{T: 1, I: 9},
		bson.Timestamp{T: 2},
		bson.JavaScript("x"),
		bson.MaxKey{},
	} {
		if i == 4 {
			ids = append(ids, 2.25, decimal)
		}
		ids = append(ids, id)
	}
	for _, id := range slices.Backward(ids) {
		srv.Add("shop", "cookies", marshal(t, bson.D{{Key: "_id", Value: id}}))
	}
	sorted := func(filter any, direction int) string {
		cur, err := coll.Find(t.Context(), filter, options.Find().SetSort(bson.D{{Key: "_id", Value: direction}}))
		if err != nil {
			t.Fatal(err)
		}
		var docs []bson.Raw
		if err := cur.All(t.Context(), &docs); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(docs)
	}
	text := func(ids []any) string {
		docs := []bson.Raw{}
		for _, id := range ids {
			docs = append(docs, marshal(t, bson.D{{Key: "_id", Value: id}}))
		}
		return fmt.Sprint(docs)
	}
	for i, id := range ids {
		after := bson.D{{
			Key:   "$expr",
			Value: bson.D{{Key: "$gt", Value: bson.A{"$_id", bson.D{{Key: "$literal", Value: id}}}}},
		}}
		if got := sorted(after, 1); got != text(ids[i+1:]) {
			t.Errorf("after %v came %v", id, got)
		}
	}
	if got, want := sorted(bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: 0}}}}, 1),
		text([]any{2.25, decimal, int64(1) << 60}); got != want {
		t.Errorf("$gt within its type: %v, want %v", got, want)
	}
	slices.Reverse(ids)
	if got := sorted(bson.D{}, -1); got != text(ids) {
		t.Errorf("descending: %v", got)
	}
}
