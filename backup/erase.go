package backup

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
	"github.com/millweir/millweir/source/mongosource"
)

// EraseIDs returns a function for [RestoreOptions].Erase. It erases the documents with these _ids,
// which are values that marshal to BSON. Numbers are compared as servers do: 1 and 1.0 are equal.
func EraseIDs(ids map[mongosource.Namespace][]any) (
	func(ns mongosource.Namespace, doc bson.Raw) (bool, error), error,
) {
	sorted := map[mongosource.Namespace][]bson.RawValue{}
	for ns, values := range ids {
		for _, value := range values {
			id, err := rawValue(value)
			if err != nil {
				return nil, failed("erase", err)
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
