package integration_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/xoptions"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// insertUnchanged returns options for the driver's InsertMany: in any order, and without changes,
// so that the server does not replace an empty timestamp with its time.
func insertUnchanged(t testing.TB) *options.InsertManyOptionsBuilder {
	t.Helper()
	o := options.InsertMany().SetOrdered(false)
	if err := xoptions.SetInternalInsertManyOptions(o, "addCommandFields",
		bson.D{{Key: "bypassEmptyTsReplacement", Value: true}}); err != nil {
		t.Fatal(err)
	}
	return o
}

// load inserts docs with the driver alone.
func load(t testing.TB, coll *mongo.Collection, docs []bson.Raw) {
	t.Helper()
	for part := range slices.Chunk(docs, 5000) {
		if _, err := coll.InsertMany(t.Context(), part, insertUnchanged(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// stored returns the documents of coll, read with the driver alone.
func stored(t testing.TB, coll *mongo.Collection) []bson.Raw {
	t.Helper()
	cur, err := coll.Find(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	defer cur.Close(t.Context())
	var docs []bson.Raw
	for cur.Next(t.Context()) {
		docs = append(docs, bytes.Clone(cur.Current))
	}
	if err := cur.Err(); err != nil {
		t.Fatal(err)
	}
	return docs
}

func TestFindEveryType(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("types")
		want := documentsFor(t, m)
		load(t, coll, want)
		got, err := stream.Run(t.Context(), mongosource.Find(coll, bson.D{}, nil), sink.Slice[bson.Raw]())
		if err != nil {
			t.Fatal(err)
		}
		sameDocuments(t, got, want)
	})
}

func TestFindBatchEdges(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		db := m.Database(t)
		for _, n := range []int{0, 1, 9, 10, 11, 20, 21} {
			coll := db.Collection("c" + string(rune('a'+n)))
			want := plain(t, n, 20)
			if n > 0 {
				load(t, coll, want)
			}
			got, err := stream.Run(t.Context(),
				mongosource.Find(coll, bson.D{}, &mongosource.FindOptions{BatchSize: 10}), sink.Slice[bson.Raw]())
			if err != nil {
				t.Errorf("%d documents: %v", n, err)
			}
			sameDocuments(t, got, want)
		}
	})
}

// commands records the commands of a client.
type commands struct {
	mu   sync.Mutex
	sent []bson.Raw
}

func (c *commands) client() *options.ClientOptions {
	return options.Client().SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.sent = append(c.sent, bytes.Clone(e.Command))
		},
	})
}

// named returns the commands of that name.
func (c *commands) named(name string) (cmds []bson.Raw) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.sent {
		if cmd.Index(0).Key() == name {
			cmds = append(cmds, cmd)
		}
	}
	return cmds
}

func TestFindOptions(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		var log commands
		coll := m.Database(t, log.client()).Collection("c")
		load(t, coll, plain(t, 100, 10))
		src := mongosource.Find(coll, bson.D{{Key: "n", Value: bson.D{{Key: "$gte", Value: 5}}}},
			&mongosource.FindOptions{
				Projection: bson.D{{Key: "s", Value: 0}},
				Sort:       bson.D{{Key: "n", Value: -1}, {Key: "_id", Value: 1}},
				Skip:       2,
				Limit:      17,
				BatchSize:  5,
				Hint:       "_id_",
				Comment:    "who asks",
			})
		got, err := stream.Run(t.Context(), src, sink.Slice[bson.Raw]())
		if err != nil {
			t.Fatal(err)
		}
		var want []bson.Raw
		for n := 9; n >= 5; n-- {
			for id := n; id < 100; id += 10 {
				want = append(want, marshal(t, bson.D{{Key: "_id", Value: int32(id)}, {Key: "n", Value: int64(n)}}))
			}
		}
		want = want[2 : 2+17]
		if !slices.EqualFunc(got, want, func(a, b bson.Raw) bool { return bytes.Equal(a, b) }) {
			t.Errorf("got %v\nwant %v", got, want)
		}
		find := log.named("find")
		if len(find) != 1 {
			t.Fatalf("%d find commands", len(find))
		}
		for key, want := range map[string]any{
			"hint": "_id_", "comment": "who asks",
			"limit": int64(17), "skip": int64(2), "batchSize": int32(5),
		} {
			if v := find[0].Lookup(key); !v.Equal(rawValue(t, want)) {
				t.Errorf("%s is sent as %v, want %v", key, v, want)
			}
		}
		if more := log.named("getMore"); len(more) != 3 {
			t.Errorf("%d getMore commands for 17 documents in batches of 5, want 3", len(more))
		}
	})
}

func rawValue(t *testing.T, v any) bson.RawValue {
	t.Helper()
	typ, b, err := bson.MarshalValue(v)
	if err != nil {
		t.Fatal(err)
	}
	return bson.RawValue{Type: typ, Value: b}
}

func TestFindLargeDocuments(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	coll := m.Database(t).Collection("large")
	var want []bson.Raw
	for i, size := range []int{16 << 20, 16<<20 - 1, 9 << 20, 1, 16 << 20} {
		d := bson.D{{Key: "_id", Value: int32(i)}, {Key: "b", Value: bson.Binary{Data: []byte{}}}}
		empty := len(marshal(t, d))
		d[1].Value = bson.Binary{Data: bytes.Repeat([]byte{byte(i)}, max(size-empty, 0))}
		raw := marshal(t, d)
		want = append(want, raw)
		if _, err := coll.InsertOne(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
	}
	if len(want[0]) != 16<<20 {
		t.Fatalf("the largest document has %d bytes", len(want[0]))
	}
	got, err := stream.Run(t.Context(), mongosource.Find(coll, bson.D{}, nil), sink.Slice[bson.Raw]())
	if err != nil {
		t.Fatal(err)
	}
	sameDocuments(t, got, want)
}

func TestFindRefusals(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("c")
		load(t, coll, plain(t, 3, 10))
		var server mongo.ServerError
		_, err := stream.Run(t.Context(), mongosource.Find(coll,
			bson.D{{Key: "n", Value: bson.D{{Key: "$nonsense", Value: 1}}}}, nil), sink.Discard[bson.Raw]())
		if !errors.As(err, &server) {
			t.Errorf("an operator that does not exist: %v", err)
		}
	})
}

func TestFindEndsItsCursor(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	var log commands
	coll := m.Database(t, log.client()).Collection("c")
	load(t, coll, plain(t, 5000, 10))
	src := mongosource.Find(coll, bson.D{}, &mongosource.FindOptions{BatchSize: 100})

	got, err := stream.Run(t.Context(), stream.Via(src, stream.Take[bson.Raw](10)), sink.Slice[bson.Raw]())
	if err != nil || len(got) != 10 {
		t.Errorf("Take(10): %d documents, %v", len(got), err)
	}
	if err := src.Each(t.Context(),
		func(bson.Raw) error { return errTest }); err != errTest { //nolint:errorlint // unchanged
		t.Errorf("a failing downstream: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	n := 0
	if err := src.Each(ctx, func(bson.Raw) error { n++; cancel(errTest); return nil }); !errors.Is(err, errTest) ||
		n == 5000 {
		t.Errorf("a cancelled run: %d documents, %v", n, err)
	}
	if n := len(log.named("killCursors")); n != 3 {
		t.Errorf("%d cursors were closed on the server, want 3", n)
	}
}
