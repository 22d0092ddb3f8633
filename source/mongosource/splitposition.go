package mongosource

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/printable"
)

// SplitPosition is a place in a [Split] of one collection: its ranges, and a place in each of them.
// The zero value is the beginning. Positions never change, and share no memory with a document. They
// can be stored as JSON (canonical Extended JSON) or as BSON, and read back unchanged.
type SplitPosition struct {
	uuid   [16]byte
	ranges []rangePosition // never changed
}

// rangePosition is a place in one range.
type rangePosition struct {
	span  interval
	after string // the type and the bytes of the last _id; "" before the first document
	done  bool
	at    bson.Timestamp // the time of the snapshot; zero if there is none
}

// UUID returns the UUID of the collection, or zeros for the zero SplitPosition.
func (p SplitPosition) UUID() [16]byte { return p.uuid }

// Done reports whether the split is complete.
func (p SplitPosition) Done() bool {
	for _, r := range p.ranges {
		if !r.done {
			return false
		}
	}
	return len(p.ranges) > 0
}

// String returns the position as JSON, shortened if it is long.
func (p SplitPosition) String() string {
	text, err := p.MarshalJSON()
	if err != nil {
		return "invalid position"
	}
	return printable.Text(string(text))
}

// storedSplit is the form of a stored position.
type storedSplit struct {
	Collection bson.Binary   `bson:"collection"`
	Ranges     []storedRange `bson:"ranges"`
}

type storedRange struct {
	Low   bson.RawValue   `bson:"low,omitempty"`
	High  bson.RawValue   `bson:"high,omitempty"`
	After bson.RawValue   `bson:"after,omitempty"`
	Done  bool            `bson:"done"`
	At    *bson.Timestamp `bson:"at,omitempty"`
}

// MarshalBSON returns the position as a document.
func (p SplitPosition) MarshalBSON() ([]byte, error) {
	if len(p.ranges) == 0 {
		return bson.Marshal(bson.D{})
	}
	stored := storedSplit{Collection: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: p.uuid[:]}}
	for _, r := range p.ranges {
		s := storedRange{Low: storedID(r.span.low), High: storedID(r.span.high), After: storedID(r.after), Done: r.done}
		if r.at != (bson.Timestamp{}) {
			s.At = &r.at
		}
		stored.Ranges = append(stored.Ranges, s)
	}
	return bson.Marshal(stored)
}

// storedID returns the zero value, which is not stored, for no _id.
func storedID(id string) bson.RawValue {
	if id == "" {
		return bson.RawValue{}
	}
	return rawID(id)
}

// UnmarshalBSON reads a document of MarshalBSON.
func (p *SplitPosition) UnmarshalBSON(doc []byte) error {
	if bad := checkDocument(doc); bad != nil {
		return badPosition(bad)
	}
	if len(doc) == emptyDocument {
		*p = SplitPosition{}
		return nil
	}
	var stored storedSplit
	if err := bson.Unmarshal(doc, &stored); err != nil {
		return badPosition(err)
	}
	var read SplitPosition
	if copy(read.uuid[:], stored.Collection.Data) != len(read.uuid) || len(stored.Collection.Data) != len(read.uuid) {
		return badPosition(errors.New("it has no UUID of a collection"))
	}
	for _, s := range stored.Ranges {
		r := rangePosition{span: interval{idFrom(s.Low), idFrom(s.High)}, after: idFrom(s.After), done: s.Done}
		if s.At != nil {
			r.at = *s.At
		}
		read.ranges = append(read.ranges, r)
	}
	if err := read.check(); err != nil {
		return badPosition(err)
	}
	*p = read
	return nil
}

func idFrom(v bson.RawValue) string {
	if v.IsZero() {
		return ""
	}
	return string([]byte{byte(v.Type)}) + string(v.Value)
}

// check returns an error unless the ranges cover all _ids, one after the other.
func (p SplitPosition) check() error {
	last := ""
	for i, r := range p.ranges {
		if r.span.low != last || (r.span.high == "") != (i == len(p.ranges)-1) {
			return fmt.Errorf("range %d does not begin where the one before it ends", i)
		}
		if high := r.span.high; high != "" && !hasWithin(rawID(high)) {
			return fmt.Errorf("range %d has no usable bound", i)
		}
		last = r.span.high
	}
	if len(p.ranges) == 0 {
		return errors.New("it has no ranges")
	}
	return nil
}

// MarshalJSON returns the position as canonical Extended JSON.
func (p SplitPosition) MarshalJSON() ([]byte, error) { return positionJSON(p) }

// UnmarshalJSON reads the JSON of MarshalJSON.
func (p *SplitPosition) UnmarshalJSON(text []byte) error { return parsePosition(text, p, badPosition) }
