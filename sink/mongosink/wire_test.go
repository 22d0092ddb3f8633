package mongosink_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// serve returns a server and a client's view of its empty collection shop.cookies.
func serve(t testing.TB, set ...func(*options.ClientOptions)) (*mongotest.Server, *mongo.Collection) {
	t.Helper()
	return mongofixture.Serve(t, nil, set...)
}

// serveStandalone is like serve, with a server that has no retryable writes if standalone is true.
func serveStandalone(t testing.TB, standalone bool, set ...func(*options.ClientOptions),
) (*mongotest.Server, *mongo.Collection) {
	t.Helper()
	srv := mongotest.NewServer()
	if standalone {
		srv.Standalone()
	}
	return srv, mongofixture.Connect(t, srv, set...).Database("shop").Collection("cookies")
}

// sorted returns docs in the order of their bytes.
func sorted(docs []bson.Raw) []bson.Raw {
	docs = slices.Clone(docs)
	slices.SortFunc(docs, func(a, b bson.Raw) int { return bytes.Compare(a, b) })
	return docs
}

func equal(a, b []bson.Raw) bool {
	return slices.EqualFunc(sorted(a), sorted(b), func(a, b bson.Raw) bool { return bytes.Equal(a, b) })
}

// A document without an _id gets one as its first field. The rest does not change.
func TestInsertWithoutID(t *testing.T) {
	doc := raw(t, bson.D{{Key: "a", Value: 1}})
	srv, coll := serve(t)
	if _, err := stream.Run(t.Context(), sourceOf([]bson.Raw{doc, doc}, nil), mongosink.Insert(coll, nil)); err != nil {
		t.Fatal(err)
	}
	for _, got := range srv.Documents("shop", "cookies") {
		const id = 1 + 4 + 12
		if e := got.Index(0); e.Key() != "_id" || e.Value().Type != bson.TypeObjectID ||
			!bytes.Equal(got[4+id:], doc[4:]) {
			t.Errorf("stored: %v", got)
		}
	}
}

// R13, R15: the options reach the server.
func TestInsertCommand(t *testing.T) {
	srv, coll := serve(t)
	_, err := stream.Run(t.Context(), sourceOf(numbered(t, 3), nil), mongosink.Insert(coll, &mongosink.InsertOptions{
		BypassDocumentValidation: true, Comment: "restore", WriteConcern: &writeconcern.WriteConcern{W: "majority"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = stream.Run(t.Context(), sourceOf(numbered(t, 5)[3:], nil),
		mongosink.Insert(coll, &mongosink.InsertOptions{Ordered: true})); err != nil {
		t.Fatal(err)
	}
	sent := srv.Commands("insert")
	for i, fields := range []map[string]string{
		{
			"bypassDocumentValidation": "true", "comment": `"restore"`, "writeConcern": `{"w": "majority"}`,
			"ordered": "false",
		},
		{"bypassDocumentValidation": "", "comment": "", "writeConcern": `{"w": "majority"}`, "ordered": "true"},
	} {
		for field, want := range fields {
			if got := sent[i].Body.Lookup(field).String(); got != want {
				t.Errorf("insert %d: %s is %s, want %s", i, field, got, want)
			}
		}
	}
}

// R9: no batch exceeds a server's limits, whatever the documents: each of our batches is one
// command.
func TestInsertLimits(t *testing.T) {
	tiny := func(n int) (docs []bson.Raw) {
		for i := range n {
			d := []byte("\x0e\x00\x00\x00\x10_id\x00\x00\x00\x00\x00\x00")
			binary.LittleEndian.PutUint32(d[9:], uint32(i))
			docs = append(docs, d)
		}
		return docs
	}
	large := func(n int) (docs []bson.Raw) {
		for i := range n {
			docs = append(docs, raw(t, bson.D{{Key: "_id", Value: i}, {Key: "b", Value: make([]byte, 16<<20-27)}}))
		}
		return docs
	}
	for name, c := range map[string]struct {
		docs    []bson.Raw
		batches int64
	}{"100,001 tiny": {tiny(100_001), 2}, "7 of 16 MiB": {large(7), 7}} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t)
			r, err := stream.Run(t.Context(), sourceOf(c.docs, nil),
				mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 100_000, BatchBytes: 16 << 20}))
			if err != nil || r.Inserted != int64(len(c.docs)) || r.Batches != c.batches {
				t.Errorf("%+v, %v", r, err)
			}
			sent := srv.Commands("insert")
			if len(sent) != int(c.batches) {
				t.Errorf("%d commands for %d batches", len(sent), c.batches)
			}
			for _, s := range sent {
				if s.Docs > mongotest.MaxBatchDocuments || s.Size > mongotest.MaxMessageBytes {
					t.Errorf("a message of %d documents, %d bytes", s.Docs, s.Size)
				}
			}
		})
	}
}

// R1, R4 over the wire: a duplicate with the same bytes is already there. One with other bytes is a
// conflict that the error names. The other documents are stored.
func TestInsertDuplicates(t *testing.T) {
	docs := numbered(t, 50)
	foreign := raw(t, bson.D{{Key: "_id", Value: 33}, {Key: "name", Value: "other"}})
	for _, ordered := range []bool{true, false} {
		srv, coll := serve(t)
		srv.Add("shop", "cookies", docs[7], docs[8], docs[10], foreign)
		r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.Insert(coll, &mongosink.InsertOptions{
			BatchDocuments: 10, ContinueOnError: !ordered, Ordered: ordered,
		}))
		var e *mongosink.InsertError
		if !errors.Is(err, mongosink.ErrDuplicate) || !errors.Is(err, mongosink.ErrConflict) || !errors.As(err, &e) ||
			e.Total != 1 || e.Failed[0].Index != 33 || !e.Failed[0].Conflict || e.Failed[0].ID.Int32() != 33 {
			t.Errorf("ordered %v: %v", ordered, err)
		}
		want, last := docs, int64(46)
		if ordered {
			want, last = docs[:33], 30
		}
		want = slices.DeleteFunc(slices.Clone(want), func(d bson.Raw) bool { return d.Lookup("_id").Int32() == 33 })
		if r.Inserted != last || r.AlreadyThere != 3 || r.Failed != 1 ||
			!equal(srv.Documents("shop", "cookies"), append(want, foreign)) {
			t.Errorf("ordered %v: %+v, %d are stored", ordered, r, len(srv.Documents("shop", "cookies")))
		}
	}
}

// R3: a run that is repeated stores nothing twice and ends well.
func TestInsertRunAgain(t *testing.T) {
	docs := numbered(t, 5000)
	for name, opts := range map[string]*mongosink.InsertOptions{"ordered": {Ordered: true}, "default": nil} {
		srv, coll := serve(t)
		srv.Add("shop", "cookies", docs[:2345]...)
		r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.Insert(coll, opts))
		if err != nil || r.AlreadyThere != 2345 || r.Inserted != 2655 ||
			!equal(srv.Documents("shop", "cookies"), docs) || len(srv.Commands("insert")) > 10 {
			t.Errorf("%s: %+v, %v; %d commands", name, r, err, len(srv.Commands("insert")))
		}
	}
}

// R2: a reply is lost, or the batch never arrives. Each document is stored once and counted, whether
// the server has retryable writes or not.
func TestInsertReplyLost(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, retry := range []bool{true, false} {
		for i := range 6 {
			docs := numbered(t, 100)
			srv, coll := serve(t, func(o *options.ClientOptions) { o.SetRetryWrites(retry) })
			fault := mongotest.Fault{
				Command: "insert", Nth: 1 + rng.IntN(9), Lose: i%3 == 0, Close: i%3 == 1,
				Cut: 1 + rng.IntN(40), Reset: i%2 == 0,
			}
			srv.Inject(fault)
			r, err := stream.Run(t.Context(), sourceOf(docs, nil),
				mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 10}))
			if stored := srv.Documents("shop", "cookies"); err != nil || !equal(stored, docs) ||
				r.Inserted+r.AlreadyThere != 100 || retry && r.AlreadyThere > 0 {
				t.Errorf("retries %v, %+v: %+v, %v, stored %d", retry, fault, r, err, len(stored))
			}
		}
	}
}

// The reply to the only attempt is lost, and reading back is not possible.
func TestInsertReplyLostForGood(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", Lose: true})
	srv.Inject(mongotest.Fault{Command: "find", Code: 13})
	r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, once))
	if !errors.Is(err, mongosink.ErrOutcomeUnknown) || !mongo.IsNetworkError(err) ||
		r != (mongosink.InsertResult{Unknown: 10}) {
		t.Errorf("%+v, %v", r, err)
	}
}

// An error of the whole command, of the only attempt, proves that nothing was written, or the
// documents are read back.
func TestInsertCommandError(t *testing.T) {
	for _, code := range []int32{2, 73, 13, 26, 50} {
		srv, coll := serve(t)
		srv.Inject(mongotest.Fault{Command: "insert", Code: code})
		r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, once))
		var server mongo.CommandError
		if !errors.As(err, &server) || server.Code != code || errors.Is(err, mongosink.ErrOutcomeUnknown) ||
			r != (mongosink.InsertResult{}) {
			t.Errorf("%d: %v, %+v", code, err, r)
		}
	}
}

func TestInsertWriteConcernError(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", WriteConcernError: 64, WriteErrors: map[int]int32{3: 121}})
	r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, nil))
	if !errors.Is(err, mongosink.ErrOutcomeUnknown) || r.Unknown != 9 || r.Failed != 1 || r.Inserted != 0 {
		t.Errorf("%v, %+v", err, r)
	}
}

// Without a server nothing was sent, so nothing is unknown.
func TestInsertNoServer(t *testing.T) {
	srv, coll := serve(t, func(o *options.ClientOptions) { o.SetServerSelectionTimeout(200 * time.Millisecond) })
	srv.Close()
	r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, nil))
	if err == nil || errors.Is(err, mongosink.ErrOutcomeUnknown) || r != (mongosink.InsertResult{}) {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestInsertCancelledOnTheWire(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", Delay: time.Hour})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for len(srv.Commands("insert")) < 4 { // all batches in flight
			time.Sleep(time.Millisecond)
		}
		cancel(cause)
	}()
	r, err := stream.Run(ctx, sourceOf(numbered(t, 100), nil),
		mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 10}))
	if err != cause || r.Unknown != 40 { //nolint:errorlint // unchanged
		t.Errorf("%v, %+v", err, r)
	}
}

// The contract over the wire, with documents without an _id: a sink that runs twice inserts them
// twice.
func TestInsertContractOnTheWire(t *testing.T) {
	srv, coll := serve(t)
	streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.InsertResult]{
		New: func() stream.Sink[bson.Raw, mongosink.InsertResult] {
			return mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 3})
		},
		In:        func(i int) bson.Raw { return raw(t, bson.D{{Key: "n", Value: i}}) },
		InRecords: true,
		Want: func(t *testing.T, in []bson.Raw, r mongosink.InsertResult) {
			if r.Inserted != int64(len(in)) || r.Bytes != size(in) || r.Failed != 0 || r.Unknown != 0 {
				t.Errorf("%d documents of %d bytes, and the result is %+v", len(in), size(in), r)
			}
		},
		RealIO: true,
		Idle:   []string{"mongo-driver/v2", "mongotest.", "net.", "internal/poll."},
	})
	if len(srv.Documents("shop", "cookies")) == 0 {
		t.Error("nothing reached the server")
	}
}
