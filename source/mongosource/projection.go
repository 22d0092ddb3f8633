package mongosource

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// keepsID reports whether a projection leaves the _id unchanged.
func keepsID(projection any) bool {
	if projection == nil {
		return true
	}
	doc, err := bson.Marshal(projection)
	if err != nil {
		return true // the driver says what is wrong with it
	}
	elements, err := bson.Raw(doc).Elements()
	if err != nil {
		return true
	}
	for _, e := range elements {
		switch key := e.Key(); {
		case strings.HasPrefix(key, "_id."):
			return false
		case key == "_id":
			keep, _ := e.Value().BooleanOK()
			if n, _ := e.Value().AsInt64OK(); !keep && n == 0 {
				return false
			}
		}
	}
	return true
}
