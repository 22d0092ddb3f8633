package bsonwire

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	maxShownID    = 1 << 10 // bytes of an _id in an error
	maxShownDepth = 200     // levels of documents and arrays in it
)

// ShownID returns a copy of the _id of doc for an error. It returns the zero value if there is
// none, or if it is malformed or longer than 1 KiB. doc may be malformed after the _id.
func ShownID(doc []byte) bson.RawValue {
	for i := LengthSize; i < len(doc) && doc[i] != 0; {
		t, key := doc[i], i+1
		value := KeyEnd(doc, key, len(doc))
		if value < 0 {
			break
		}
		end, err := ValueEnd(doc, t, value, len(doc))
		if err != nil {
			break
		}
		if string(doc[key:value-1]) != "_id" {
			i = end
			continue
		}
		c := Checker{Src: doc, Level: Values, MaxDepth: maxShownDepth}
		if end-value > maxShownID || !c.Value(t, value, end, 1) {
			break
		}
		return bson.RawValue{Type: bson.Type(t), Value: bytes.Clone(doc[value:end])}
	}
	return bson.RawValue{}
}
