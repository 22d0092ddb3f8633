package backup

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
	"github.com/millweir/millweir/stream"
)

// idRange is a range of _ids in the order of MongoDB: from from on, up to to, without to. A bound
// that is zero is open.
type idRange struct{ from, to bson.RawValue }

// ErrEmptyRange means that no _id is in a range: To does not come after From in the order of MongoDB.
// A restore with DropTarget would delete all documents of its targets. Its class is Fatal.
var ErrEmptyRange = fatal("no _id is in the range: its end must come after its begin in the order of MongoDB")

// newIDRange returns the range between two values. nil means an open bound.
func newIDRange(from, to any) (r idRange, err error) {
	if r.from, err = rawValue(from); err == nil {
		r.to, err = rawValue(to)
	}
	if err == nil && !r.from.IsZero() && !r.to.IsZero() && bsonorder.Compare(r.from, r.to) >= 0 {
		err = ErrEmptyRange
	}
	return r, err
}

func rawValue(v any) (bson.RawValue, error) {
	if v == nil {
		return bson.RawValue{}, nil
	}
	kind, value, err := bson.MarshalValue(v)
	if err != nil {
		return bson.RawValue{}, stream.Mark(fmt.Errorf("the bound of the _ids is no value of BSON: %w", err),
			stream.Fatal)
	}
	return bson.RawValue{Type: kind, Value: value}, nil
}

// all reports whether every _id is in the range.
func (r idRange) all() bool { return r.from.IsZero() && r.to.IsZero() }

// has reports whether the range has the _id of the document.
func (r idRange) has(doc bson.Raw) bool {
	if r.all() {
		return true
	}
	id := doc.Lookup("_id")
	return (r.from.IsZero() || bsonorder.Compare(id, r.from) >= 0) &&
		(r.to.IsZero() || bsonorder.Compare(id, r.to) < 0)
}

// touches reports whether a segment can have a document of the range.
func (r idRange) touches(s *Segment) bool {
	if s.First.IsZero() || s.Last.IsZero() { // its documents have no order
		return true
	}
	return (r.from.IsZero() || bsonorder.Compare(s.Last, r.from) >= 0) &&
		(r.to.IsZero() || bsonorder.Compare(s.First, r.to) < 0)
}

// inIDOrder reports whether the bounds of the segments are in the order in which [bsonorder.Compare]
// compares. With a collation they are not.
func (h *catalogHead) inIDOrder() bool {
	locale, _ := h.Description.Lookup("options", "collation", "locale").StringValueOK()
	return locale == "" || locale == "simple"
}
