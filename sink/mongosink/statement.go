package mongosink

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/millweir/millweir/internal/bsonwire"
)

// write adds the statement of an update or a deletion.
func (b *batch) write(index int64, w *Write) error {
	b.open(statement{index: index, bytes: len(w.document.Value), byID: w.repeatable()})
	at := len(b.body)
	c := append(b.body, 0, 0, 0, 0)
	c = bsoncore.AppendDocumentElement(c, "q", bsoncore.Document(w.filter))
	switch w.verb {
	case deletes:
		c = bsoncore.AppendInt32Element(c, "limit", 1)
	case deletesOfMany:
		c = bsoncore.AppendInt32Element(c, "limit", 0)
	default:
		c = bsoncore.AppendValueElement(c, "u", bsoncore.Value{
			Type: bsoncore.Type(w.document.Type),
			Data: w.document.Value,
		})
	}
	if w.verb == updatesOfMany {
		c = bsoncore.AppendBooleanElement(c, "multi", true)
	}
	if w.upsert {
		c = bsoncore.AppendBooleanElement(c, "upsert", true)
	}
	if len(w.fields) > 0 {
		more, err := bson.Marshal(w.fields)
		if err != nil {
			b.statements = b.statements[:len(b.statements)-1]
			return err
		}
		c = append(c, more[bsonwire.LengthSize:len(more)-1]...)
	}
	b.body = append(c, 0)
	binary.LittleEndian.PutUint32(b.body[at:], uint32(len(b.body)-at))
	b.closed()
	b.bytes += len(w.document.Value)
	return nil
}

// onlyID reports whether a filter is the equality of an _id, and nothing else.
func onlyID(filter bson.Raw) bool {
	first, err := filter.IndexErr(0)
	_, more := filter.IndexErr(1)
	if err != nil || more == nil || first.Key() != "_id" {
		return false
	}
	switch v := first.Value(); v.Type {
	case bson.TypeRegex, bson.TypeArray, bson.TypeUndefined, bson.TypeNull:
		return false
	case bson.TypeEmbeddedDocument:
		return !invalidID(bsoncore.Value{Type: bsoncore.Type(v.Type), Data: v.Value})
	}
	return true
}

// repeatable reports whether w gives the document with one _id a known state. A second execution then
// changes nothing, and reading the document back shows the first one.
func (w *Write) repeatable() bool {
	if len(w.fields) > 0 || !onlyID(w.filter) {
		return false
	}
	return w.verb == replaces || w.verb == deletes || w.verb == updates && w.setsFields()
}

// setsFields reports whether an update does nothing but set fields of the top level.
func (w *Write) setsFields() bool {
	operators, err := bson.Raw(w.document.Value).Elements()
	if err != nil || w.document.Type != bson.TypeEmbeddedDocument || len(operators) != 1 ||
		operators[0].Key() != "$set" {
		return false
	}
	fields, ok := operators[0].Value().DocumentOK()
	return ok && notPlain(fields) == ""
}

// notPlain returns the first key of fields that a server takes for a path or an operator, or does not
// set. It returns "" if there is none.
func notPlain(fields bson.Raw) string {
	elements, err := fields.Elements()
	for _, e := range elements {
		if key := e.Key(); key == "_id" || key == "" || strings.HasPrefix(key, "$") || strings.Contains(key, ".") {
			return strconv.Quote(key)
		}
	}
	if err != nil {
		return "a damaged one"
	}
	return ""
}

// stored returns the document that statement i stores: of an insert, or of a replacement by _id.
// Servers put the _id in front of a replacement that has none.
func (b *batch) stored(i int) bson.Raw {
	doc := b.document(i)
	if b.verb == inserts {
		return doc
	}
	replacement := doc.Lookup("u").Document()
	if _, err := replacement.LookupErr("_id"); err == nil {
		return replacement
	}
	id := doc.Lookup("q", "_id")
	c := bsoncore.AppendValueElement(make([]byte, bsonwire.LengthSize, len(replacement)+len(id.Value)+8), "_id",
		bsoncore.Value{Type: bsoncore.Type(id.Type), Data: id.Value})
	c = append(c, replacement[bsonwire.LengthSize:]...)
	binary.LittleEndian.PutUint32(c, uint32(len(c)))
	return c
}

// id returns the _id of the document that statement i stores, changes or deletes.
func (b *batch) id(i int) bson.RawValue {
	if b.verb == inserts || b.verb == replaces {
		return b.stored(i).Lookup("_id")
	}
	return b.document(i).Lookup("q", "_id")
}

// shownBy reports whether a document with the _id of statement i shows that it was executed.
func (b *batch) shownBy(i int, doc bson.Raw) bool {
	switch b.verb {
	case inserts, replaces:
		return bytes.Equal(doc, b.stored(i))
	case updates:
		set, _ := b.document(i).Lookup("u", "$set").Document().Elements()
		return !slices.ContainsFunc(set, func(e bson.RawElement) bool { return !doc.Lookup(e.Key()).Equal(e.Value()) })
	}
	return false
}

// idempotent reports whether each statement gives the document with one _id a known state. So the
// batch can be read back, and executed again without harm.
func (b *batch) idempotent() bool {
	return b.verb == inserts || !slices.ContainsFunc(b.statements, func(st statement) bool { return !st.byID })
}

// shownID returns the _id of statement i for an error: that of the document, or of the filter.
func (b *batch) shownID(i int) bson.RawValue {
	doc := b.document(i)
	if b.verb != inserts {
		doc, _ = doc.Lookup("q").DocumentOK()
	}
	return bsonwire.ShownID(doc)
}
