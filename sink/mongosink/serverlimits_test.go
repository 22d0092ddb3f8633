package mongosink_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// A server takes fewer documents in one command, stores the first five and refuses the others.
func TestInsertPartRefused(t *testing.T) {
	for _, code := range []int32{13, 8000, 22, 2} {
		srv, coll := serve(t)
		srv.LimitBatches(5)
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 2, Code: code})
		r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, nil))
		var server mongo.CommandError
		if n := len(srv.Documents("shop", "cookies")); n != 5 || r.Inserted != 5 || r.Unknown != 0 ||
			errors.Is(err, mongosink.ErrOutcomeUnknown) || !errors.As(err, &server) {
			t.Errorf("%d: %d are stored; %+v, %v", code, n, r, err)
		}
	}
}

// The server takes smaller messages.
func TestInsertSmallMessages(t *testing.T) {
	srv, coll := serve(t)
	hello := bson.D{
		{Key: "ismaster", Value: true},
		{Key: "setName", Value: "mongotest"},
		{Key: "hosts", Value: bson.A{srv.Addr()}},
		{Key: "me", Value: srv.Addr()},
		{Key: "maxBsonObjectSize", Value: 16 << 20},
		{Key: "maxMessageSizeBytes", Value: 3_000_000},
		{Key: "maxWriteBatchSize", Value: 1000},
		{Key: "maxWireVersion", Value: 25},
		{Key: "logicalSessionTimeoutMinutes", Value: 30},
		{Key: "ok", Value: 1},
	}
	srv.Inject(mongotest.Fault{Command: "hello", Reply: raw(t, hello)})
	docs := make([]bson.Raw, 20)
	for i := range docs {
		docs[i] = raw(t, bson.D{{Key: "_id", Value: i}, {Key: "text", Value: make([]byte, 500_000)}})
	}
	r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.Insert(coll, nil))
	if r.Inserted != 20 || err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, c := range srv.Commands("insert") {
		if c.Size > 2_100_000 {
			t.Errorf("a message of %d bytes", c.Size)
		}
	}
	if n := int64(len(srv.Commands("insert"))); n != r.Batches {
		t.Errorf("%d batches came in %d commands", r.Batches, n)
	}
}

// Without the server nothing is sent, and the run may be repeated.
func TestInsertWithoutServer(t *testing.T) {
	srv := mongotest.NewServer()
	srv.Close()
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()).SetServerSelectionTimeout(100 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	coll := client.Database("shop").Collection("cookies")
	r, err := stream.Run(t.Context(), sourceOf(numbered(t, 3), nil), mongosink.Insert(coll, nil))
	if r != (mongosink.InsertResult{}) || !stream.ClassOf(err).Transient() {
		t.Errorf("%+v, %v, %v", r, err, stream.ClassOf(err))
	}
}
