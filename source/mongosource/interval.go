package mongosource

import (
	"go.mongodb.org/mongo-driver/v2/bson"
)

// interval is a range of _ids in the order in which servers sort: from low up to high, without high.
// An empty bound means no bound. Other bounds are the type and the bytes of an _id, one for which
// [hasWithin] holds.
type interval struct{ low, high string }

// rawID returns the _id of a type and its bytes, as [idOf] returns them.
func rawID(id string) bson.RawValue {
	return bson.RawValue{Type: bson.Type(id[0]), Value: []byte(id[1:])}
}

// limit is a lower limit of _ids: $gt or $gte, and the type and bytes of an _id.
type limit struct{ operator, id string }

// begin returns the lower limit of the documents of v after an _id, or of all of v for "". Without a
// limit, its id is empty.
func (v interval) begin(after string) limit {
	if after != "" {
		return limit{"$gt", after}
	}
	return limit{"$gte", v.low}
}

// within returns a filter for the documents of v from a limit on whose _ids have a type that compares
// with it. last says that v has no other documents after the limit. It returns nil if such a filter
// does not find exactly these documents.
func (v interval) within(from limit) (filter bson.D, last bool) {
	if from.id == "" || !hasWithin(rawID(from.id)) {
		return nil, false
	}
	low := rawID(from.id)
	bounds := bson.D{{Key: from.operator, Value: low}}
	if v.high == "" {
		return bson.D{{Key: "_id", Value: bounds}}, false
	}
	if high := rawID(v.high); comparableType(low.Type) == comparableType(high.Type) {
		bounds = append(bounds, bson.E{Key: "$lt", Value: high})
		last = true
	}
	return bson.D{{Key: "_id", Value: bounds}}, last
}

// across returns a filter for the documents of v from a limit on, of all types.
func (v interval) across(from limit) bson.D {
	var bounds bson.A
	if from.id != "" {
		bounds = append(bounds, crossing(from.operator, rawID(from.id)))
	}
	if v.high != "" {
		bounds = append(bounds, crossing("$lt", rawID(v.high)))
	}
	switch len(bounds) {
	case 0:
		return bson.D{}
	case 1:
		return bson.D{{Key: "$expr", Value: bounds[0]}}
	}
	return bson.D{{Key: "$expr", Value: bson.D{{Key: "$and", Value: bounds}}}}
}

// crossing compares the _id with a constant, across types.
func crossing(operator string, id bson.RawValue) bson.D {
	return bson.D{{Key: operator, Value: bson.A{"$_id", bson.D{{Key: "$literal", Value: id}}}}}
}

// comparableType returns a type that stands for all types that compare with t in a filter.
func comparableType(t bson.Type) bson.Type {
	switch t {
	case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128:
		return bson.TypeDouble
	case bson.TypeSymbol:
		return bson.TypeString
	}
	return t
}
