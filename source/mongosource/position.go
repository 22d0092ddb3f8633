package mongosource

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// Position is a place in the scan of one collection: after the document with a certain _id. The
// zero value is the beginning. Positions are values: they can be compared, and share no memory with
// a document. They can be stored as JSON (canonical Extended JSON) or as BSON, and read back
// unchanged.
type Position struct {
	uuid [16]byte
	id   string // the type and the bytes of the _id; "" before the first document
	done bool
}

// UUID returns the UUID of the collection, or zeros for the zero Position.
func (p Position) UUID() [16]byte { return p.uuid }

// ID returns the _id of the last document, or the zero value if there is none.
func (p Position) ID() bson.RawValue {
	if p.id == "" {
		return bson.RawValue{}
	}
	return rawID(p.id)
}

// Done reports whether the scan is complete: the document was the last one, and the collection was
// still the same after it.
func (p Position) Done() bool { return p.done }

// String returns the position as JSON, shortened if the _id is long.
func (p Position) String() string {
	text, err := p.MarshalJSON()
	if err != nil {
		return "invalid position"
	}
	return printable.Text(string(text))
}

// The fields of a stored position.
const (
	uuidField = "collection"
	idField   = "after"
	doneField = "done"
)

// MarshalBSON returns the position as a document.
func (p Position) MarshalBSON() ([]byte, error) {
	if p == (Position{}) {
		return bson.Marshal(bson.D{})
	}
	d := bson.D{{Key: uuidField, Value: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: p.uuid[:]}}}
	if p.id != "" {
		d = append(d, bson.E{Key: idField, Value: p.ID()})
	}
	return bson.Marshal(append(d, bson.E{Key: doneField, Value: p.done}))
}

// UnmarshalBSON reads a document of MarshalBSON.
func (p *Position) UnmarshalBSON(doc []byte) error {
	if bad := checkDocument(doc); bad != nil {
		return badPosition(bad)
	}
	elements, err := bson.Raw(doc).Elements()
	if err != nil {
		return badPosition(err)
	}
	var read Position
	hasUUID, hasDone := false, false
	for _, e := range elements {
		v := e.Value()
		switch e.Key() {
		case uuidField:
			var data []byte
			_, data, hasUUID = v.BinaryOK()
			hasUUID = hasUUID && copy(read.uuid[:], data) == len(read.uuid) && len(data) == len(read.uuid)
		case idField:
			read.id = string([]byte{byte(v.Type)}) + string(v.Value)
		case doneField:
			read.done, hasDone = v.BooleanOK()
		default:
			return badPosition(errors.New("it has an unknown field"))
		}
	}
	if len(elements) > 0 && (!hasUUID || !hasDone) {
		return badPosition(errors.New("a field is missing or has another type"))
	}
	*p = read
	return nil
}

// MarshalJSON returns the position as canonical Extended JSON.
func (p Position) MarshalJSON() ([]byte, error) { return positionJSON(p) }

// UnmarshalJSON reads the JSON of MarshalJSON.
func (p *Position) UnmarshalJSON(text []byte) error { return parsePosition(text, p, badPosition) }

func badPosition(err error) error {
	return stream.Mark(fmt.Errorf("mongosource: not a position: %w", err), stream.Fatal)
}

// idOf returns the type and the bytes of the _id of doc, or "" if it has none.
func idOf(doc bson.Raw) string {
	v, err := doc.LookupErr("_id")
	if err != nil {
		return ""
	}
	return string([]byte{byte(v.Type)}) + string(v.Value)
}

// hasID reports whether doc has an _id that can be read.
func hasID(doc bson.Raw) bool {
	_, err := doc.LookupErr("_id")
	return err == nil
}
