package mongosource_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A position after a damaged token is not the zero ChangePosition, and must not be stored as one.
func TestDamagedTokensAreNotStored(t *testing.T) {
	for name, token := range map[string]bson.Raw{
		"nil": nil, "empty": raw(t, bson.D{}), "text": bson.Raw("token"),
		"cut": raw(t, bson.D{{Key: "_data", Value: "82"}})[:10],
	} {
		p := mongosource.AfterToken(token)
		if p == (mongosource.ChangePosition{}) {
			t.Errorf("%s: it is the zero position", name)
		}
		if _, err := bson.Marshal(p); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s, as BSON: %v", name, err)
		}
		if _, err := p.MarshalJSON(); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s, as JSON: %v", name, err)
		}
	}
}
