package mongotest

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// bypassField makes a server keep a top-level Timestamp(0, 0). Without it, servers store their own
// time.
const bypassField = "bypassEmptyTsReplacement"

// refusal is the error of one document of an insert.
type refusal struct {
	code int32
	text string
}

// fields are the top-level fields of a document.
type fields struct {
	all []bsoncore.Element
	id  int // the index of _id, or -1
	ids int // fields named _id
}

// fieldsOf returns false if a top-level field of doc is not BSON.
func fieldsOf(doc bson.Raw) (f fields, ok bool) {
	f.id = -1
	for rest := doc[4 : len(doc)-1]; len(rest) > 0; {
		e, tail, ok := bsoncore.ReadElement(rest)
		if !ok {
			return f, false
		}
		if e.Key() == "_id" {
			f.ids++
			if f.id < 0 {
				f.id = len(f.all)
			}
		}
		f.all, rest = append(f.all, e), tail
	}
	return f, true
}

// fix returns what a server stores for doc: _id is the first field, and the server's time replaces
// each top-level Timestamp(0, 0) except for the _id. bypass keeps these timestamps.
func (s *Server) fix(doc bson.Raw, f fields, bypass bool) (bson.Raw, *refusal) {
	if bad := badID(f); bad != nil {
		return nil, bad
	}
	empty := false
	for i, e := range f.all {
		empty = empty || i != f.id && !bypass && emptyTimestamp(e)
	}
	if f.id == 0 && !empty {
		return doc, nil
	}
	fixed := make([]byte, 4, len(doc)+len("\x07_id\x00")+12)
	if f.id >= 0 {
		fixed = append(fixed, f.all[f.id]...)
	} else {
		fixed = bsoncore.AppendObjectIDElement(fixed, "_id", bson.NewObjectID())
	}
	for i, e := range f.all {
		switch {
		case i == f.id:
		case !bypass && emptyTimestamp(e):
			s.ticks++
			fixed = bsoncore.AppendTimestampElement(fixed, e.Key(), uint32(time.Now().Unix()), s.ticks)
		default:
			fixed = append(fixed, e...)
		}
	}
	return end(fixed, 0), nil
}

func emptyTimestamp(e bsoncore.Element) bool {
	t, i, ok := e.Value().TimestampOK()
	return ok && t == 0 && i == 0
}

// badID returns the reason why a server refuses the _id, or nil.
func badID(f fields) *refusal {
	const badValue, dollarPrefixed = 2, 52
	if f.ids == 0 {
		return nil
	}
	id := f.all[f.id].Value()
	switch bson.Type(id.Type) {
	case bson.TypeArray, bson.TypeRegex, bson.TypeUndefined:
		return &refusal{badValue, fmt.Sprintf("The '_id' value cannot be of type %s", bson.Type(id.Type))}
	case bson.TypeEmbeddedDocument:
		elements, _ := id.Document().Elements()
		for _, e := range elements {
			if key := e.Key(); strings.HasPrefix(key, "$") {
				return &refusal{dollarPrefixed, "_id fields may not contain '$'-prefixed fields: " + key}
			}
		}
	}
	if f.ids > 1 {
		return &refusal{badValue, "can't have multiple _id fields in one document"}
	}
	return nil
}

// RefuseField makes the server refuse every insert and renameCollection with a field of that name, as
// a server does that is too old to know it.
func (s *Server) RefuseField(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown[name] = true
}

// IgnoreUnknownFields makes the server ignore unknown fields of an insert or renameCollection instead
// of refusing it.
func (s *Server) IgnoreUnknownFields() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lenient = true
}
