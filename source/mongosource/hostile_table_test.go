package mongosource_test

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// hostileFind reads shop.cookies from a server with fault. The collection has 10 documents, in
// batches of 3.
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
	// The client is not disconnected: after a panic it may hold a lock forever. The process of the
	// test case ends.
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

// found returns the reply of a find with cursor.
func found(cursor any, others ...bson.E) bson.D {
	return append(bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: cursor}}, others...)
}

func cursorOf(id any, batch string, docs any) bson.D {
	return bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "shop.cookies"}, {Key: batch, Value: docs}}
}

// lazily is a long text that is built only when it is sent: otherwise it would take memory in the
// other test cases too.
type lazily struct {
	text  string
	count int
}

// MarshalBSONValue returns the repeated text.
func (l lazily) MarshalBSONValue() (byte, []byte, error) {
	t, data, err := bson.MarshalValue(strings.Repeat(l.text, l.count))
	return byte(t), data, err
}

// faulty returns a test case with a server that has fault.
func faulty(name string, fault mongotest.Fault, want func(error) bool,
	set ...func(*options.ClientOptions),
) hostile.Row {
	return hostile.Row{Name: "find: " + name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
		return hostileFind(t, ctx, fault, set...)
	}}
}

// replied returns a test case in which the server answers command with reply.
func replied(name, command string, reply bson.D, want func(error) bool) hostile.Row {
	return hostile.Row{Name: "find: " + name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
		return hostileFind(t, ctx, mongotest.Fault{Command: command, Reply: hostileDoc(reply)})
	}}
}

// wired returns a test case in which wire changes the reply to command.
func wired(name, command string, wire func([]byte) []byte, want func(error) bool,
	set ...func(*options.ClientOptions),
) hostile.Row {
	return faulty(name, mongotest.Fault{Command: command, Wire: wire}, want, set...)
}

// greeted returns a test case in which the server answers every greeting with reply.
func greeted(name string, reply bson.Raw, set ...func(*options.ClientOptions)) hostile.Row {
	return hostile.Row{
		Name: "connect: " + name, Want: hostile.Is(mongosource.ErrBadReply),
		Run: func(t *testing.T, ctx context.Context) error {
			for {
				err := hostileFind(t, ctx, mongotest.Fault{Command: "hello", Reply: reply}, set...)
				if stream.ClassOf(err) != stream.Retryable { // otherwise the machine was too slow for a greeting
					return err
				}
			}
		},
	}
}

// guarding guards the client of a test case.
func guarding(o *options.ClientOptions) { mongosource.Guard(o) }

// truncated cuts a reply after its first bytes and keeps the connection open.
var truncated = mongotest.Fault{Command: "getMore", Hang: true, Wire: func(m []byte) []byte { return m[:20] }}

// sized returns a wire function that replaces the length of a message.
func sized(n uint32) func([]byte) []byte {
	return func(m []byte) []byte {
		binary.LittleEndian.PutUint32(m, n)
		return m
	}
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
	const open = 4 + 2 // the length, and the type and key of the nested element
	d := make([]byte, 0, n*(open+1)+5)
	for i := n; i > 0; i-- {
		d = binary.LittleEndian.AppendUint32(d, uint32(i*(open+1)+5))
		d = append(d, byte(bson.TypeEmbeddedDocument), 0)
	}
	d = append(d, 5, 0, 0, 0, 0)
	return append(d, make([]byte, n)...)
}

func TestHostile(t *testing.T) {
	bad := hostile.Is(mongosource.ErrBadReply)
	panicked := func(err error) bool { return bad(err) && hostile.As[*stream.PanicError]()(err) }
	id := int64(77)
	emptyBatch := func(others ...bson.E) bson.D { return found(cursorOf(id, "firstBatch", bson.A{}), others...) }
	rows := []hostile.Row{
		replied("no cursor", "find", bson.D{{Key: "ok", Value: 1}}, bad),
		replied("a cursor that is a number", "find", found(1), bad),
		replied("no first batch", "find", found(bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "shop.cookies"}}),
			panicked),
		replied("a first batch that is a document", "find",
			found(cursorOf(id, "firstBatch", bson.D{{Key: "a", Value: 1}})), bad),
		replied("a first batch of numbers", "find", found(cursorOf(int64(0), "firstBatch", bson.A{1, 2})),
			hostile.As[*mongosource.MalformedError]()),
		replied("a cursor id that is a text", "find", found(cursorOf("x", "firstBatch", bson.A{})), bad),
		replied("a namespace without a dot", "find", found(bson.D{
			{Key: "id", Value: id},
			{Key: "ns", Value: "x"},
			{Key: "firstBatch", Value: bson.A{}},
		}), bad),
		replied("a namespace that is a number", "find",
			found(bson.D{{Key: "id", Value: id}, {Key: "ns", Value: 1}, {Key: "firstBatch", Value: bson.A{}}}), bad),
		replied("another namespace", "find", found(bson.D{
			{Key: "id", Value: id},
			{Key: "ns", Value: "other.db"},
			{Key: "firstBatch", Value: bson.A{}},
		}), hostile.Is(mongosource.ErrCursorLost)),
		replied("a resume token that is a text", "find",
			found(append(cursorOf(id, "firstBatch", bson.A{}), bson.E{Key: "postBatchResumeToken", Value: "x"})), bad),
		replied("an operation time that is a text", "find", emptyBatch(bson.E{Key: "operationTime", Value: "x"}),
			panicked),
		replied("a cluster time that is a text", "find",
			emptyBatch(bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: "x"}}}), panicked),
		replied("a time of the snapshot that is a text", "find",
			found(append(cursorOf(id, "firstBatch", bson.A{}), bson.E{Key: "atClusterTime", Value: "x"})), panicked),
		replied("an error text of 8 MiB", "find",
			bson.D{{Key: "ok", Value: 0}, {Key: "errmsg", Value: lazily{"\x1b[2J", 2 << 20}}, {Key: "code", Value: 2}},
			hostile.Class(stream.Fatal)),
		replied("an empty document", "find", bson.D{}, bad),
		replied("a failure without a reason", "find", bson.D{
			{Key: "ok", Value: 0},
			{Key: "errmsg", Value: 1},
			{Key: "code", Value: "2"},
		}, bad),
		replied("empty batches without an end", "getMore", found(cursorOf(id, "nextBatch", bson.A{})), bad),
		replied("no next batch", "getMore", found(bson.D{{Key: "id", Value: id}}), bad),
		replied("a next batch that is a text", "getMore", found(cursorOf(id, "nextBatch", "x")), bad),
		replied("no cursor in the middle", "getMore", bson.D{{Key: "ok", Value: 1}}, bad),
		replied("an empty document in the middle", "getMore", bson.D{}, bad),
		replied("a cursor that is lost in the middle", "getMore",
			bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: 43}, {Key: "errmsg", Value: lazily{"\u202e", 1 << 20}}},
			hostile.Is(mongosource.ErrCursorLost)),
		wired("a length of 2 GiB", "find", sized(1<<31-1), bad),
		wired("a negative length", "find", sized(1<<32-1), bad),
		wired("a length of 0", "getMore", sized(0), bad),
		wired("a length of 7", "find", sized(7), bad),
		wired("a length of 18", "find", sized(18), bad),
		wired("a message of another kind", "find", func(m []byte) []byte { m[12]++; return m }, bad),
		wired("a section of another kind", "find", func(m []byte) []byte { m[20] = 9; return m }, bad),
		wired("a document of random bytes", "getMore", withBody(bson.Raw(strings.Repeat("\xa5", 4<<10))), bad),
		wired("a document with damage in it", "find", withBody(bson.Raw("\x0a\x00\x00\x00\x77abc\x00\x00")), bad),
		wired("a compressed message of another compressor", "find", func(m []byte) []byte {
			return compressed(m, 2013, 9, m[16:], len(m)-16)
		}, bad),
		wired("a compressed message that is no snappy", "find", func(m []byte) []byte {
			return compressed(m, 2013, bySnappy, []byte{0xff}, 100)
		}, bad),
		wired("a compressed message that is no zlib", "find", func(m []byte) []byte {
			return compressed(m, 2013, byZlib, m[16:], 100)
		}, bad),
		wired("a compressed message that is no zstd", "find", func(m []byte) []byte {
			return compressed(m, 2013, byZstd, m[16:], 100)
		}, bad),
		wired("a compressed message of another size", "find", lying(bySnappy, 5), bad),
		wired("a compressed message of a negative size", "find", lying(bySnappy, -1<<30), bad),
		faulty("a reply that never ends", truncated, hostile.Is(mongosource.ErrMaxTime)),
		faulty("a cut reply", mongotest.Fault{Command: "getMore", Cut: 50}, hostile.Class(stream.Retryable)),
		greeted("an empty greeting", hostileDoc(bson.D{})),
	}
	hostile.Table(t, rows)
}
