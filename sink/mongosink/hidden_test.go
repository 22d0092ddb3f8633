package mongosink_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// hides returns a source of vs that ignores the errors of the sink.
func hides[T any](vs ...T) stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		for _, v := range vs {
			_ = emit(v)
		}
		return nil
	})
}

// A source ignores the error that the sink returns for one of the elements. The run fails, and the sink
// sends no element after that one.
func TestFailsIfASourceIgnoresErrors(t *testing.T) {
	docs := numbered(t, 3)
	docs[1] = raw(t, bson.D{e("a", 1), e("_id", 1)}) // its _id is not first
	var writes []mongosink.Write
	for _, d := range docs {
		writes = append(writes, mongosink.InsertOne(d))
	}
	for name, c := range map[string]struct {
		run  func(cookies *mongo.Collection) error
		want error
	}{
		"Insert": {func(cookies *mongo.Collection) error {
			_, err := stream.Run(t.Context(), hides(docs...), mongosink.Insert(cookies, nil))
			return err
		}, mongosink.ErrIDNotFirst},
		"Bulk": {func(cookies *mongo.Collection) error {
			_, err := stream.Run(t.Context(), hides(writes...), mongosink.Bulk(cookies, nil))
			return err
		}, mongosink.ErrIDNotFirst},
		"Merge": {func(cookies *mongo.Collection) error {
			_, err := stream.Run(t.Context(), hides(docs[0], raw(t, bson.D{e("a", 1)}), docs[2]),
				mongosink.Merge(cookies, nil))
			return err
		}, mongosink.ErrNoID},
		"ReplaceCollection": {func(cookies *mongo.Collection) error {
			_, err := stream.Run(t.Context(), hides(docs...), mongosink.ReplaceCollection(cookies, nil))
			return err
		}, mongosink.ErrIDNotFirst},
		"CreateCollections": {func(cookies *mongo.Collection) error {
			_, err := stream.Run(t.Context(), hides(bson.Raw("bad"), describe(t, "cookies", "collection")),
				mongosink.CreateCollections(cookies.Database(), nil))
			return err
		}, mongosink.ErrBadDescription},
		"CreateUsers": {func(cookies *mongo.Collection) error {
			password := func(string, string) (string, error) { return "p", nil }
			_, err := stream.Run(t.Context(), hides(bson.Raw("bad")),
				mongosink.CreateUsers(cookies.Database().Client(), password))
			return err
		}, mongosink.ErrBadDescription},
	} {
		srv, cookies := serve(t)
		if err := c.run(cookies); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if stored := srv.Documents("shop", "cookies"); slices.ContainsFunc(stored, func(d bson.Raw) bool {
			return d.Lookup("_id").AsInt64() > 1
		}) {
			t.Errorf("%s: %v are stored", name, stored)
		}
	}
}

// A source ignores the error that the staging collection cannot be created.
func TestReplaceCollectionIfASourceIgnoresErrors(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "create", Nth: 1, Code: 13})
	_, err := stream.Run(t.Context(), hides(numbered(t, 3)...), mongosink.ReplaceCollection(coll, nil))
	if err == nil || len(srv.Documents("shop", "cookies")) > 0 {
		t.Errorf("%v; %v are stored", err, srv.Documents("shop", "cookies"))
	}
}
