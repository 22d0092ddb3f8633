package mongosink_test

import (
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A merge that moves the _id can run again: the collection has the moved form.
func TestMergeMoveID(t *testing.T) {
	srv, coll := serve(t)
	docs := append(numbered(t, 5), raw(t, bson.D{e("a", 1), e("_id", "moved"), e("b", 2)}),
		raw(t, bson.D{e("a", 1), e("_id", bson.D{e("n", 1)})}))
	for run := range 2 {
		for _, dry := range []bool{true, false} {
			got, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Merge(coll, &mongosink.MergeOptions{
				DryRun: dry, Insert: mongosink.InsertOptions{MoveID: true},
			}))
			missing := int64(len(docs) * (1 - run))
			if err != nil || got.Missing != missing || got.Present != int64(len(docs))-missing {
				t.Errorf("run %d, dry %v: %+v, %v", run, dry, got, err)
			}
		}
	}
	if n := len(srv.Documents("shop", "cookies")); n != len(docs) {
		t.Errorf("%d documents", n)
	}
	// Not a document, and without MoveID.
	odd := bson.Raw("\x0b\x00\x00\x00\x10a\x00\x01\x00\x00\x00")
	if _, err := stream.Run(t.Context(), source.Of(odd), mongosink.Merge(coll, &mongosink.MergeOptions{
		InsertWithoutID: true, Insert: mongosink.InsertOptions{MoveID: true},
	})); !errors.Is(err, mongosink.ErrMalformed) {
		t.Error(err)
	}
	if _, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Merge(coll, nil)); !errors.Is(err,
		mongosink.ErrConflict) {
		t.Error(err)
	}
}

// Errors of the insertion have the index of the document in the input, not among the missing ones.
func TestMergeIndex(t *testing.T) {
	docs := append(numbered(t, 30), raw(t, bson.D{e("_id", bson.D{e("n", 1)})}),
		raw(t, bson.D{e("a", 1), e("_id", 30)}))
	srv, coll := serve(t)
	srv.Add("shop", "cookies", docs[:20]...)
	_, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Merge(coll, nil))
	var unsent *mongosink.DocumentError
	if !errors.As(err, &unsent) || !errors.Is(err, mongosink.ErrIDNotFirst) || unsent.Index != 31 {
		t.Errorf("%+v, %v", unsent, err)
	}

	srv, coll = serve(t)
	srv.Add("shop", "cookies", slices.Concat(docs[:5], docs[10:20])...)
	srv.Inject(mongotest.Fault{Command: "insert", WriteErrors: map[int]int32{4: 121, 5: 121, 15: 121}})
	_, err = stream.Run(t.Context(), source.Slice(docs[:31]), mongosink.Merge(coll, &mongosink.MergeOptions{
		Insert: mongosink.InsertOptions{ContinueOnError: true},
	}))
	var refused *mongosink.InsertError
	if !errors.As(err, &refused) || len(refused.Failed) != 3 {
		t.Fatal(err)
	}
	for i, want := range []int64{9, 20, 30} {
		if got := refused.Failed[i].Index; got != want {
			t.Errorf("document %d of the input, want %d", got, want)
		}
	}
}

// The settings of the insertion are checked before the first command, of a dry run too.
func TestMergeInsertSettings(t *testing.T) {
	srv, coll := serve(t)
	for _, dry := range []bool{true, false} {
		_, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)), mongosink.Merge(coll, &mongosink.MergeOptions{
			DryRun: dry, Insert: mongosink.InsertOptions{Comment: make(chan int)},
		}))
		if stream.ClassOf(err) != stream.Fatal || len(srv.Commands()) != 0 {
			t.Errorf("dry %v: %v", dry, err)
		}
	}
}
