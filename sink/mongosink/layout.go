package mongosink

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/millweir/millweir/internal/bsonwire"
)

// layout describes the fields of a document that decide how a server stores it.
type layout struct {
	ids            int // top-level fields named _id
	idFirst        bool
	badID          bool // no server takes a value like that of _id
	emptyTimestamp bool // a top-level field other than _id is Timestamp(0, 0)
	odd            bool // see walker
}

// field notes what a field means for the layout. Its value begins at field[value].
func (l *layout) field(field []byte, value int, first bool) {
	t, key := field[0], field[1:value]
	switch {
	case string(key) == idKey:
		l.ids++
		l.idFirst = l.idFirst || first
		l.badID = l.badID || invalidID(bsoncore.Value{Type: bsoncore.Type(t), Data: field[value:]})
	case t == bsonwire.TypeTimestamp:
		l.emptyTimestamp = l.emptyTimestamp || string(field[value:]) == emptyTimestamp
	}
}

// missing returns the number of bytes that the document gets before it is sent.
func (l layout) missing() int {
	if l.ids == 0 {
		return idBytes
	}
	return 0
}

const (
	idKey          = "_id\x00" // after the byte of the type
	emptyTimestamp = "\x00\x00\x00\x00\x00\x00\x00\x00"

	// idBytes is the number of bytes that appendWithID adds.
	idBytes = 1 + len(idKey) + len(bson.ObjectID{})
)

// invalidID reports whether servers take no such _id: an array, a regular expression, undefined, or
// a document with a field that begins with $.
func invalidID(id bsoncore.Value) bool {
	switch bson.Type(id.Type) {
	case bson.TypeArray, bson.TypeRegex, bson.TypeUndefined:
		return true
	case bson.TypeEmbeddedDocument:
		fields, _ := id.Document().Elements()
		return slices.ContainsFunc(fields, func(f bsoncore.Element) bool { return strings.HasPrefix(f.Key(), "$") })
	}
	return false
}

// withIDFirst returns doc with its only _id as the first field, as servers store it.
func withIDFirst(doc bson.Raw) bson.Raw {
	fields := doc[len("size") : len(doc)-1]
	for rest := fields; len(rest) > 0; {
		element, tail, _ := bsoncore.ReadElement(rest)
		if len(element) > len(idKey) && string(element[1:1+len(idKey)]) == idKey {
			d := append(make(bson.Raw, 0, len(doc)), doc[:len("size")]...)
			d = append(d, element...)
			d = append(d, fields[:len(fields)-len(rest)]...)
			return append(append(d, tail...), 0)
		}
		rest = tail
	}
	return doc
}
