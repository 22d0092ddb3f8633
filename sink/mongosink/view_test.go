package mongosink_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A view takes no document: a run of any sink ends at the first batch, with the server's reason.
func TestWriteToAView(t *testing.T) {
	srv, db := newDatabase(t)
	if err := db.CreateView(t.Context(), "view", "cookies", mongo.Pipeline{}); err != nil {
		t.Fatal(err)
	}
	coll := db.Collection("view")
	docs := numbered(t, 50)
	for name, run := range map[string]func() error{
		"insert": func() error {
			_, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Insert(coll,
				&mongosink.InsertOptions{BatchDocuments: 10, Parallelism: 1, ContinueOnError: true}))
			return err
		},
		"upsert": func() error {
			_, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Upsert(coll, nil,
				&mongosink.WriteOptions{BatchDocuments: 10, Parallelism: 1, ContinueOnError: true}))
			return err
		},
	} {
		err := run()
		var server mongo.ServerError
		if !errors.As(err, &server) || !server.HasErrorCode(166) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v (%v)", name, err, stream.ClassOf(err))
		}
	}
	if n := len(srv.Commands("insert", "update")); n != 2 {
		t.Errorf("%d batches were sent", n)
	}
}
