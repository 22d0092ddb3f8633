package backup

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
	"github.com/millweir/millweir/source/mongosource"
)

// eraseIDs returns a function for [RestoreOptions].Erase that erases the documents with these _ids.
func eraseIDs(ids map[mongosource.Namespace][]any) (
	func(ns mongosource.Namespace, doc bson.Raw) (bool, error), error,
) {
	sorted := map[mongosource.Namespace][]bson.RawValue{}
	for ns, values := range ids {
		for _, value := range values {
			id, err := rawValue(value)
			if err == nil && id.IsZero() {
				err = fatal("an _id is nil")
			}
			if err != nil {
				return nil, fmt.Errorf("erase: %w", err)
			}
			sorted[ns] = append(sorted[ns], id)
		}
		slices.SortFunc(sorted[ns], bsonorder.Compare)
	}
	return func(ns mongosource.Namespace, doc bson.Raw) (bool, error) {
		_, found := slices.BinarySearchFunc(sorted[ns], doc.Lookup("_id"), bsonorder.Compare)
		return found, nil
	}, nil
}
