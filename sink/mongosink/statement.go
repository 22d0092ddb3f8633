package mongosink

import (
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/millweir/millweir/internal/bsonwire"
)

// write adds the statement of an update or a deletion.
func (b *batch) write(index int64, w *Write) error {
	b.open(statement{index: index, bytes: len(w.document.Value), byID: onlyID(w.filter)})
	at := len(b.body)
	c := append(b.body, 0, 0, 0, 0)
	c = bsoncore.AppendDocumentElement(c, "q", bsoncore.Document(w.filter))
	switch w.verb {
	case deletes:
		c = bsoncore.AppendInt32Element(c, "limit", 1)
	case deletesOfMany:
		c = bsoncore.AppendInt32Element(c, "limit", 0)
	default:
		c = bsoncore.AppendValueElement(c, "u", bsoncore.Value{Type: bsoncore.Type(w.document.Type), Data: w.document.Value})
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

// storesByID reports whether the documents that b stores are known by their _ids, so that they can
// be read back, and stored again without harm.
func (b *batch) storesByID() bool {
	if b.verb != inserts && b.verb != replaces {
		return false
	}
	for _, st := range b.statements {
		if b.verb == replaces && !st.byID {
			return false
		}
	}
	return true
}

// shownID returns the _id of statement i for an error: that of the document, or of the filter.
func (b *batch) shownID(i int) bson.RawValue {
	doc := b.document(i)
	if b.verb != inserts {
		doc, _ = doc.Lookup("q").DocumentOK()
	}
	return bsonwire.ShownID(doc)
}
