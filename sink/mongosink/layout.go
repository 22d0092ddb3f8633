package mongosink

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// layout describes the top-level fields of a document that decide how a server stores it.
type layout struct {
	ids            int // fields named _id
	idFirst        bool
	badID          bool // no server takes a value like that of _id
	emptyTimestamp bool // a field other than _id is Timestamp(0, 0)
}

// layoutOf walks the top-level fields of doc, whose length and terminator the caller has checked.
// It returns false if a field is not BSON.
func layoutOf(doc bson.Raw) (l layout, ok bool) {
	rest := doc[len("size") : len(doc)-1]
	for first := true; len(rest) > 0; first = false {
		element, tail, ok := bsoncore.ReadElement(rest)
		if !ok {
			return l, false
		}
		switch {
		case isID(element):
			l.ids++
			l.idFirst = l.idFirst || first
			l.badID = l.badID || invalidID(element)
		case isEmptyTimestamp(element):
			l.emptyTimestamp = true
		}
		rest = tail
	}
	return l, true
}

// missing returns the number of bytes that the document gets before it is sent.
func (l layout) missing() int {
	if l.ids == 0 {
		return idBytes
	}
	return 0
}

const idKey = "_id\x00" // after the byte of the type

func isID(element bsoncore.Element) bool {
	return len(element) > len(idKey) && string(element[1:1+len(idKey)]) == idKey
}

// invalidID reports whether servers take no such _id: an array, a regular expression, undefined, or
// a document with a field that begins with $.
func invalidID(element bsoncore.Element) bool {
	switch bson.Type(element[0]) {
	case bson.TypeArray, bson.TypeRegex, bson.TypeUndefined:
		return true
	case bson.TypeEmbeddedDocument:
		fields, _ := element.Value().Document().Elements()
		return slices.ContainsFunc(fields, func(f bsoncore.Element) bool { return strings.HasPrefix(f.Key(), "$") })
	}
	return false
}

func isEmptyTimestamp(element bsoncore.Element) bool {
	const value = "\x00\x00\x00\x00\x00\x00\x00\x00"
	return bson.Type(element[0]) == bson.TypeTimestamp && string(element[len(element)-len(value):]) == value
}

// idBytes is the number of bytes that appendWithID adds.
const idBytes = 1 + len(idKey) + len(bson.ObjectID{})

// withIDFirst returns doc with its only _id as the first field, as servers store it.
func withIDFirst(doc bson.Raw) bson.Raw {
	fields := doc[len("size") : len(doc)-1]
	for rest := fields; len(rest) > 0; {
		element, tail, _ := bsoncore.ReadElement(rest)
		if isID(element) {
			d := append(make(bson.Raw, 0, len(doc)), doc[:len("size")]...)
			d = append(d, element...)
			d = append(d, fields[:len(fields)-len(rest)]...)
			return append(append(d, tail...), 0)
		}
		rest = tail
	}
	return doc
}
