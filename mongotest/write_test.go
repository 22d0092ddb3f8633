package mongotest_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
)

// The server refuses fields of statements that it would ignore.
func TestStatementFieldsRefused(t *testing.T) {
	coll := connect(t, mongotest.NewServer()).Database("shop").Collection("cookies")
	filter, update := bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}
	for name, m := range map[string]mongo.WriteModel{
		"hint":         mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(update).SetHint("_id_"),
		"arrayFilters": mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(update).SetArrayFilters([]any{filter}),
		"delete":       mongo.NewDeleteOneModel().SetFilter(filter).SetHint("_id_"),
	} {
		_, err := coll.BulkWrite(t.Context(), []mongo.WriteModel{m})
		var said mongo.CommandError
		if !errors.As(err, &said) || said.Code != 40415 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
