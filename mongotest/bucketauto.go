package mongotest

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// bucketAuto is the stage {$bucketAuto: {groupBy: expression, buckets: n}}: documents in n groups of
// about equal size. Documents with equal values are in one group.
func bucketAuto(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) {
	d, _ := v.DocumentOK()
	elements, _ := d.Elements()
	n, _ := integer(d, "buckets")
	if n <= 0 || len(elements) != 2 {
		return nil, unsupported("a $bucketAuto other than of groupBy and buckets", v)
	}
	by, err := parseExpression(d.Lookup("groupBy"))
	if err != nil {
		return nil, err
	}
	values := make([]bson.RawValue, 0, len(docs))
	for _, d := range docs {
		v := by(d)
		if v.IsZero() {
			return nil, fmt.Errorf("mongotest: a document has no value for groupBy")
		}
		values = append(values, v)
	}
	slices.SortFunc(values, bsonorder.Compare)
	size := max((len(values)+n/2)/n, 1) // rounded
	var out []bson.Raw
	for len(values) > 0 {
		end := min(size, len(values))
		if len(out) == n-1 {
			end = len(values)
		}
		for end < len(values) && bsonorder.Compare(values[end-1], values[end]) == 0 {
			end++
		}
		above := values[min(end, len(values)-1)]
		out = append(out, document(bson.D{
			{Key: "_id", Value: bson.D{{Key: "min", Value: values[0]}, {Key: "max", Value: above}}},
			{Key: "count", Value: int32(end)},
		}))
		values = values[end:]
	}
	return out, nil
}
