package mongosink_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Documents that the validator of their collection would refuse are refused in a new one, too,
// unless the validation is bypassed. The new collection has the validator.
func TestReplaceCollectionValidator(t *testing.T) {
	docs := numbered(t, 3)
	description := describe(t, "any name", "collection", e("validator", bson.D{e("n", bson.D{e("$gte", 100)})}))
	for name, bypass := range map[string]bool{"validated": false, "bypassed": true} {
		t.Run(name, func(t *testing.T) {
			srv, db := newDatabase(t)
			opts := &mongosink.ReplaceCollectionOptions{Description: description}
			opts.Insert.BypassDocumentValidation = bypass
			got, err := stream.Run(t.Context(), source.Slice(docs),
				mongosink.ReplaceCollection(db.Collection("c"), opts))
			var refused *mongosink.InsertError
			switch {
			case !bypass && (!errors.As(err, &refused) || got.Target != mongosink.TargetUnchanged):
				t.Errorf("%+v, %v, want a refusal", got, err)
			case bypass && (err != nil || !sameDocs(srv.Documents("shop", "c"), docs)):
				t.Errorf("%+v, %v", got, err)
			case bypass:
				_, err := db.Collection("c").InsertOne(t.Context(), bson.D{e("n", 1)})
				if err == nil {
					t.Error("the new collection has no validator")
				}
			}
		})
	}
}
