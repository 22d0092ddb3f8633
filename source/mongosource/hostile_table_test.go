package mongosource_test

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/mongosource/mongotest"
	"github.com/millweir/millweir/stream"
)

// hostileFind reads shop.cookies, which has 10 documents, 3 a batch, from a server that makes fault.
func hostileFind(t *testing.T, ctx context.Context, fault mongotest.Fault, set ...func(*options.ClientOptions)) error {
	srv := mongotest.NewServer()
	t.Cleanup(srv.Close)
	for i := range 10 {
		srv.Add("shop", "cookies", hostileDoc(bson.D{{Key: "_id", Value: i}}))
	}
	srv.Inject(fault)
	o := options.Client().ApplyURI(srv.URI()).SetRetryReads(false)
	opts := mongosource.FindOptions{BatchSize: 3, MaxEmptyBatches: 8}
	switch {
	case fault.Command == "hello":
		o.SetServerSelectionTimeout(time.Second)
	case fault.Hang:
		opts.MaxTime = time.Second
	}
	for _, f := range set {
		f(o)
	}
	client, err := mongo.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	// The client is not disconnected: after a panic it may hold a lock for ever. The process of the row ends.
	find := mongosource.Find(client.Database("shop").Collection("cookies"), bson.D{}, &opts)
	_, err = stream.Run(ctx, find, sink.Discard[bson.Raw]())
	return err
}

func hostileDoc(d bson.D) bson.Raw {
	raw, err := bson.Marshal(d)
	if err != nil {
		panic(err)
	}
	return raw
}

// found is the reply of a find with cursor.
func found(cursor any, others ...bson.E) bson.D {
	return append(bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: cursor}}, others...)
}

func cursorOf(id any, batch string, docs any) bson.D {
	return bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "shop.cookies"}, {Key: batch, Value: docs}}
}

// replied returns a row in which command is answered by reply.
func replied(name, command string, reply bson.D, want func(error) bool) hostile.Row {
	return hostile.Row{Name: "find: " + name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
		return hostileFind(t, ctx, mongotest.Fault{Command: command, Reply: hostileDoc(reply)})
	}}
}

// wired returns a row of a guarded client in which command is answered by what wire makes of the message.
func wired(name, command string, wire func([]byte) []byte, want func(error) bool) hostile.Row {
	return hostile.Row{Name: "find, guarded: " + name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
		return hostileFind(t, ctx, mongotest.Fault{Command: command, Wire: wire}, func(o *options.ClientOptions) { mongosource.Guard(o) })
	}}
}

// withBody returns a wire function that replaces the document of an OP_MSG.
func withBody(doc bson.Raw) func([]byte) []byte {
	return func(m []byte) []byte {
		m = append(m[:21:21], doc...)
		binary.LittleEndian.PutUint32(m, uint32(len(m)))
		return m
	}
}

// nested returns a document of n levels.
func nested(n int) bson.Raw {
	const open = 4 + 2 // a length, and the type and the key of what is inside
	d := make([]byte, 0, n*(open+1)+5)
	for i := n; i > 0; i-- {
		d = binary.LittleEndian.AppendUint32(d, uint32(i*(open+1)+5))
		d = append(d, byte(bson.TypeEmbeddedDocument), 0)
	}
	d = append(d, 5, 0, 0, 0, 0)
	return append(d, make([]byte, n)...)
}

// bomb compresses size zero bytes, and says that they are said.
func bomb(size, said int) func([]byte) []byte {
	return func(m []byte) []byte {
		e, _ := zstd.NewWriter(nil)
		packed := e.EncodeAll(make([]byte, size), nil)
		out := append([]byte{}, m[:12]...)
		out = binary.LittleEndian.AppendUint32(out, 2012)
		out = binary.LittleEndian.AppendUint32(out, 2013)
		out = binary.LittleEndian.AppendUint32(out, uint32(said))
		out = append(append(out, 3), packed...)
		binary.LittleEndian.PutUint32(out, uint32(len(out)))
		return out
	}
}

func TestHostile(t *testing.T) {
	bad := hostile.Is(mongosource.ErrBadReply)
	panicked := func(err error) bool { return bad(err) && hostile.As[*stream.PanicError]()(err) }
	any := func(err error) bool { return err != nil }
	id := int64(77)
	rows := []hostile.Row{
		replied("no cursor", "find", bson.D{{Key: "ok", Value: 1}}, any),
		replied("a cursor that is a number", "find", found(1), any),
		replied("no first batch", "find", found(bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "shop.cookies"}}), panicked),
		replied("a first batch that is a document", "find", found(cursorOf(id, "firstBatch", bson.D{{Key: "a", Value: 1}})), any),
		replied("a first batch of numbers", "find", found(cursorOf(int64(0), "firstBatch", bson.A{1, 2})), hostile.As[*mongosource.MalformedError]()),
		replied("a cursor id that is a text", "find", found(cursorOf("x", "firstBatch", bson.A{})), any),
		replied("a namespace without a dot", "find", found(bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "x"}, {Key: "firstBatch", Value: bson.A{}}}), any),
		replied("another namespace", "find", found(bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "other.db"}, {Key: "firstBatch", Value: bson.A{}}}), hostile.Is(mongosource.ErrCursorLost)),
		replied("an operation time that is a text", "find", found(cursorOf(int64(0), "firstBatch", bson.A{}), bson.E{Key: "operationTime", Value: "x"}), panicked),
		replied("a cluster time that is a text", "find", found(cursorOf(id, "firstBatch", bson.A{}),
			bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: "x"}}}), panicked),
		replied("a time of the snapshot that is a text", "find", found(append(cursorOf(id, "firstBatch", bson.A{}), bson.E{Key: "atClusterTime", Value: "x"})), panicked),
		replied("an error text of 8 MiB", "find", bson.D{{Key: "ok", Value: 0}, {Key: "errmsg", Value: strings.Repeat("\x1b[2J", 2<<20)}, {Key: "code", Value: 2}}, hostile.Class(stream.Fatal)),
		replied("empty batches without an end", "getMore", found(cursorOf(id, "nextBatch", bson.A{})), bad),
		replied("no next batch", "getMore", found(bson.D{{Key: "id", Value: id}}), any),
		replied("a next batch that is a text", "getMore", found(cursorOf(id, "nextBatch", "x")), any),
		replied("no cursor in the middle", "getMore", bson.D{{Key: "ok", Value: 1}}, any),
		replied("a cursor that is lost in the middle", "getMore", bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: 43}, {Key: "errmsg", Value: strings.Repeat("\u202e", 1<<20)}}, hostile.Is(mongosource.ErrCursorLost)),
		{
			Name: "find: a reply that never ends",
			Want: hostile.Is(mongosource.ErrMaxTime),
			Run: func(t *testing.T, ctx context.Context) error {
				return hostileFind(t, ctx, mongotest.Fault{Command: "getMore", Hang: true, Wire: func(m []byte) []byte { return m[:20] }})
			},
		},
		{
			Name: "find, guarded: a reply that never ends",
			Want: hostile.Is(mongosource.ErrMaxTime),
			Run: func(t *testing.T, ctx context.Context) error {
				return hostileFind(t, ctx, mongotest.Fault{Command: "getMore", Hang: true, Wire: func(m []byte) []byte { return m[:20] }},
					func(o *options.ClientOptions) { mongosource.Guard(o) })
			},
		},
		{
			Name: "find, guarded: a cut reply",
			Run: func(t *testing.T, ctx context.Context) error {
				return hostileFind(t, ctx, mongotest.Fault{Command: "getMore", Cut: 50}, func(o *options.ClientOptions) { mongosource.Guard(o) })
			},
		},
		{
			Name: "find, guarded: a compression bomb of 256 MiB that says so, with compression",
			Want: bad,
			Run: func(t *testing.T, ctx context.Context) error {
				return hostileFind(t, ctx, mongotest.Fault{Command: "find", Wire: func(m []byte) []byte { return bomb(1<<20, 256<<20)(m) }},
					func(o *options.ClientOptions) { mongosource.Guard(o.SetCompressors([]string{"zstd"})) })
			},
		},
		{
			Name: "find, guarded: a compression bomb of 96 MiB that says 100 bytes, with compression",
			Want: bad, MaxMemory: 384 << 20, // the server's own 96 MiB, and its encoder's
			Run: func(t *testing.T, ctx context.Context) error {
				return hostileFind(t, ctx, mongotest.Fault{Command: "find", Wire: bomb(96<<20, 100)},
					func(o *options.ClientOptions) { mongosource.Guard(o.SetCompressors([]string{"zstd"})) })
			},
		},
		wired("a compressed reply that nobody asked for", "find", bomb(1<<20, 1<<30), bad),
		wired("a length of 2 GiB", "find", func(m []byte) []byte { return append([]byte("\xff\xff\xff\x7f"), m[4:]...) }, bad),
		wired("a negative length", "find", func(m []byte) []byte { return append([]byte("\xff\xff\xff\xff"), m[4:]...) }, bad),
		wired("a length of 0", "find", func(m []byte) []byte { return append([]byte{0, 0, 0, 0}, m[4:]...) }, bad),
		wired("a reply to another request", "find", func(m []byte) []byte { m[8]++; return m }, bad),
		wired("a message of another kind", "find", func(m []byte) []byte { m[12]++; return m }, bad),
		{
			Name: "find, guarded: a document of 5 million levels",
			Want: any, MaxMemory: 384 << 20, // the server's own copies of 35 MiB
			Run: func(t *testing.T, ctx context.Context) error {
				return hostileFind(t, ctx, mongotest.Fault{Command: "find", Wire: withBody(nested(5_000_000))},
					func(o *options.ClientOptions) { mongosource.Guard(o) })
			},
		},
		wired("a cluster time that is a text", "find", withBody(hostileDoc(found(cursorOf(id, "firstBatch", bson.A{}),
			bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: "x"}}}))), bad),
		wired("a document of random bytes", "find", withBody(bson.Raw(strings.Repeat("\xa5", 4<<10))), any),
		{
			Name: "connect, guarded: a cluster time that is a text in the greeting",
			Want: any,
			Run: func(t *testing.T, ctx context.Context) error {
				return hostileFind(t, ctx, mongotest.Fault{Command: "hello", Reply: hostileDoc(bson.D{
					{Key: "ok", Value: 1},
					{Key: "isWritablePrimary", Value: true},
					{Key: "maxWireVersion", Value: 25},
					{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: "x"}}},
				})}, func(o *options.ClientOptions) { mongosource.Guard(o) })
			},
		},
		{
			Name: "connect, guarded: a greeting of 5 million levels",
			Want: any, MaxMemory: 512 << 20, // the server's own copies of 35 MiB, several at once
			Run: func(t *testing.T, ctx context.Context) error {
				return hostileFind(t, ctx, mongotest.Fault{Command: "hello", Reply: nested(5_000_000)}, func(o *options.ClientOptions) { mongosource.Guard(o) })
			},
		},
	}
	hostile.Table(t, rows)
}
