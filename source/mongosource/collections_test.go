package mongosource_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// onTheWire are the settings of conformance tests that use a real connection.
var onTheWire = []string{"mongo-driver/v2", "mongotest.", "net.", "internal/poll."}

// described returns the reply of listCollections with these descriptions.
func described(t testing.TB, of ...bson.D) bson.Raw {
	t.Helper()
	return raw(t, bson.D{{Key: "cursor", Value: bson.D{
		{Key: "firstBatch", Value: of},
		{Key: "id", Value: int64(0)},
		{Key: "ns", Value: "shop.$cmd.listCollections"},
	}}, {Key: "ok", Value: 1}})
}

// M10, M11: every kind of collection is recognized, and odd names are kept.
func TestCollections(t *testing.T) {
	entry := func(name, kind string, options bson.D) bson.D {
		return bson.D{{Key: "name", Value: name}, {Key: "type", Value: kind}, {Key: "options", Value: options}}
	}
	srv, coll := serve(t, nil)
	srv.Inject(mongotest.Fault{Command: "listCollections", Reply: described(t,
		append(entry("plain", "collection", bson.D{{Key: "validator", Value: bson.D{}}}), bson.E{
			Key: "info", Value: bson.D{{Key: "uuid", Value: bson.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}}},
		}, bson.E{Key: "idIndex", Value: bson.D{{Key: "name", Value: "_id_"}}}),
		entry("log", "collection", bson.D{{Key: "capped", Value: true}}),
		entry("sorted", "collection", bson.D{{Key: "clusteredIndex", Value: bson.D{{Key: "unique", Value: true}}}}),
		entry("seen", "view", bson.D{{Key: "viewOn", Value: "plain"}}),
		entry("at", "timeseries", bson.D{{Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "t"}}}}),
		entry("system.views", "collection", bson.D{}),
		entry("a\nb/c $d", "collection", bson.D{}),
	)})
	for _, system := range []bool{false, true} {
		got, err := stream.Run(t.Context(), mongosource.Collections(coll.Database(),
			&mongosource.CollectionsOptions{System: system}), sink.Slice[mongosource.Collection]())
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, c := range got {
			kinds = append(kinds, fmt.Sprintf("%q is %s", c.Name, c.Kind))
		}
		want := []string{
			`"plain" is collection`, `"log" is capped`, `"sorted" is clustered`, `"seen" is view`,
			`"at" is timeseries`, `"system.views" is collection`, `"a\nb/c $d" is collection`,
		}
		if !system {
			want = slices.Delete(want, 5, 6)
		}
		if !slices.Equal(kinds, want) {
			t.Errorf("%q, want %q", kinds, want)
		}
		if c := got[0]; string(c.UUID[:]) != "0123456789abcdef" || c.IDIndex.Lookup("name").StringValue() != "_id_" ||
			c.Options.String() != `{"validator": {}}` {
			t.Errorf("%+v", c)
		}
	}
	srv.Heal()
	srv.Inject(mongotest.Fault{Command: "listCollections", Reply: described(t, bson.D{{Key: "name", Value: 1}})})
	if _, err := stream.Run(t.Context(), mongosource.Collections(coll.Database(), nil),
		sink.Slice[mongosource.Collection]()); !errors.Is(err, mongosource.ErrBadReply) {
		t.Errorf("without a name: %v", err)
	}
}

func TestDatabases(t *testing.T) {
	srv, coll := serve(t, numbered(t, 1))
	srv.Add("local", "c", numbered(t, 1)...)
	srv.Add("a b", "c", numbered(t, 1)...)
	for _, system := range []bool{false, true} {
		got, err := stream.Run(t.Context(), mongosource.Databases(coll.Database().Client(),
			&mongosource.DatabasesOptions{System: system}), sink.Slice[string]())
		want := []string{"shop", "a b"}
		if system {
			want = []string{"shop", "local", "a b"}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, want %q, %v", got, want, err)
		}
	}
	srv.Inject(mongotest.Fault{Command: "listDatabases", Code: 13})
	if _, err := stream.Run(t.Context(), mongosource.Databases(coll.Database().Client(), nil),
		sink.Slice[string]()); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("not allowed: %v", err)
	}
}

func TestIndexes(t *testing.T) {
	_, coll := serve(t, numbered(t, 1))
	for name, want := range map[string]int{"cookies": 1, "absent": 0} {
		got, err := collect(t.Context(), mongosource.Indexes(coll.Database().Collection(name)))
		if err != nil || len(got) != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestAggregate(t *testing.T) {
	docs := numbered(t, 30)
	srv, coll := serve(t, docs)
	opts := &mongosource.AggregateOptions{
		BatchSize: 10, Comment: "nightly", AllowDiskUse: true, Hint: "_id_",
		Let: bson.D{{Key: "x", Value: 1}},
	}
	after := mongo.Pipeline{{{Key: "$match", Value: bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: 4}}}}}}}
	got, err := collect(t.Context(), mongosource.Aggregate(coll, after, opts))
	if err != nil || !equal(got, docs[5:]) {
		t.Errorf("%d documents, %v", len(got), err)
	}
	body := srv.Commands("aggregate")[0].Body
	for field, want := range map[string]string{
		"comment": `"nightly"`, "allowDiskUse": "true", "hint": `"_id_"`, "let": `{"x": {"$numberInt":"1"}}`,
		"cursor": `{"batchSize": {"$numberInt":"10"}}`,
	} {
		if got := body.Lookup(field).String(); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	srv.Inject(mongotest.Fault{Command: "getMore", Nth: 2, Code: 43})
	got, err = collect(t.Context(), mongosource.Aggregate(coll, mongo.Pipeline{}, opts))
	if !errors.Is(err, mongosource.ErrCursorLost) || !equal(got, docs[:20]) {
		t.Errorf("%d documents, %v", len(got), err)
	}
}

func TestListingBadSettings(t *testing.T) {
	srv, coll := serve(t, nil)
	run := func(src stream.Source[bson.Raw]) error {
		_, err := collect(t.Context(), src)
		return err
	}
	_, noDatabase := stream.Run(t.Context(), mongosource.Collections(nil, nil), sink.Slice[mongosource.Collection]())
	_, noClient := stream.Run(t.Context(), mongosource.Databases(nil, nil), sink.Slice[string]())
	for name, err := range map[string]error{
		"nil database": noDatabase, "nil client": noClient,
		"indexes of nil": run(mongosource.Indexes(nil)),
		"nil collection": run(mongosource.Aggregate(nil, mongo.Pipeline{}, nil)),
		"nil pipeline":   run(mongosource.Aggregate(coll, nil, nil)),
		"$out":           run(mongosource.Aggregate(coll, mongo.Pipeline{{{Key: "$out", Value: "x"}}}, nil)),
		"$merge":         run(mongosource.Aggregate(coll, bson.A{bson.M{"$merge": "x"}}, nil)),
		"negative batch": run(mongosource.Aggregate(coll, mongo.Pipeline{},
			&mongosource.AggregateOptions{BatchSize: -1})),
		"negative time": run(mongosource.Aggregate(coll, mongo.Pipeline{},
			&mongosource.AggregateOptions{MaxTime: -1})),
		"no pipeline": run(mongosource.Aggregate(coll, 7, nil)),
	} {
		if stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if sent := srv.Commands(); len(sent) != 0 {
		t.Errorf("%v was sent", sent)
	}
}

func TestListingContracts(t *testing.T) {
	srv, coll := serve(t, nil)
	client := coll.Database().Client()
	filled := func(n int) *mongo.Database { // n collections
		db := client.Database(fmt.Sprint("of-", n))
		for i := len(mustList(t, db)); i < n; i++ {
			srv.Add(db.Name(), fmt.Sprint("c", i), numbered(t, 1)...)
		}
		return db
	}
	t.Run("Collections", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[mongosource.Collection]{
			New: func(n int) stream.Source[mongosource.Collection] {
				return mongosource.Collections(filled(n), nil)
			},
			Records: true, RealIO: true, Idle: onTheWire,
		})
	})
	t.Run("Aggregate", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[bson.Raw]{
			New: func(n int) stream.Source[bson.Raw] {
				name := fmt.Sprint("of-", n)
				if srv.Documents("docs", name) == nil {
					srv.Add("docs", name, numbered(t, n)...)
				}
				return mongosource.Aggregate(client.Database("docs").Collection(name), mongo.Pipeline{},
					&mongosource.AggregateOptions{BatchSize: 3})
			},
			Records: true, RealIO: true, Idle: onTheWire,
		})
	})
	t.Run("Indexes", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[bson.Raw]{
			New: func(n int) stream.Source[bson.Raw] {
				srv.Add("indexed", "c", numbered(t, 1)...)
				return stream.Via(stream.Via(mongosource.Indexes(client.Database("indexed").Collection("c")),
					stream.FlatMap(func(d bson.Raw) []bson.Raw { return slices.Repeat([]bson.Raw{d}, n) })),
					stream.Map(func(d bson.Raw) bson.Raw { return slices.Clone(d) }))
			},
			Records: true, RealIO: true, Idle: onTheWire,
		})
	})
	t.Run("Databases", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[string]{
			New: func(n int) stream.Source[string] {
				other, there := serve(t, nil)
				for i := range n {
					other.Add(fmt.Sprint("db", i), "c", numbered(t, 1)...)
				}
				return mongosource.Databases(there.Database().Client(), nil)
			},
			Records: true, RealIO: true, Idle: onTheWire,
		})
	})
}

func mustList(t testing.TB, db *mongo.Database) []string {
	t.Helper()
	names, err := db.ListCollectionNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
