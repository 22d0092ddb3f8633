package mongosink

import (
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// layout describes the top-level fields of a document that decide how a server stores it.
type layout struct {
	ids            int // fields named _id
	idFirst        bool
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

func isEmptyTimestamp(element bsoncore.Element) bool {
	const value = "\x00\x00\x00\x00\x00\x00\x00\x00"
	return bson.Type(element[0]) == bson.TypeTimestamp && string(element[len(element)-len(value):]) == value
}

// withID returns doc with a new ObjectID as its first field, as drivers and servers add it.
func withID(doc bson.Raw) bson.Raw {
	id := bson.NewObjectID()
	d := make(bson.Raw, 0, len(doc)+idBytes)
	d = binary.LittleEndian.AppendUint32(d, uint32(cap(d)))
	d = append(append(d, byte(bson.TypeObjectID)), idKey...)
	d = append(d, id[:]...)
	return append(d, doc[len("size"):]...)
}

// idBytes is the number of bytes that withID adds.
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
