package mongotest

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

const (
	firstBatch = 101 // documents, if a find has no batchSize
	batchBytes = 16 << 20
)

type collection struct {
	db, name string
	uuid     [16]byte
	docs     []bson.Raw
	made     *made               // instead of docs; nil for most collections
	versions []version           // of docs, in the order of time
	ids      map[string]struct{} // the key of each _id; nil if they must be read again

	kind    string        // collection, view or timeseries
	options bson.Raw      // with which it was created
	indexes []bson.Raw    // except for the one on _id
	unique  []uniqueIndex // those of indexes that are unique
	rule    validator
	limits  limits
}

type cursor struct {
	ns        string
	docs      []bson.Raw     // that have not been sent
	made      *madeReader    // instead of docs; nil for most cursors
	at        bson.Timestamp // the time of its snapshot, or zero
	overtaken bool           // the next document of a capped collection was dropped
	dropped   bool           // the collection was dropped: the next getMore reports it
	changes   *changeStream  // reads the change log instead of docs; nil for other cursors
	session   string         // in which it was opened
}

// make returns the collection, and creates it if it does not exist.
func (s *Server) make(db, name string) *collection {
	ns := db + "." + name
	c := s.data[ns]
	if c == nil {
		c = &collection{db: db, name: name, kind: plainType, options: document(bson.D{})}
		_, _ = rand.Read(c.uuid[:]) // never fails
		s.data[ns] = c
		s.order = append(s.order, ns)
		s.changed(c)
	}
	return c
}

// remove drops the collection.
func (s *Server) remove(ns string) {
	if c := s.data[ns]; c != nil {
		s.logChange(c.db, c.name, bson.D{{Key: "operationType", Value: "drop"}})
	}
	s.forget(ns)
}

// forget takes the collection out of the data, and ends its cursors.
func (s *Server) forget(ns string) {
	delete(s.data, ns)
	for i, name := range s.order {
		if name == ns {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
			break
		}
	}
	for _, c := range s.cursors {
		if c.ns == ns && c.changes == nil {
			c.dropped, c.docs = true, nil
		}
	}
}

// insert stores doc and reports whether its _id was free.
func (c *collection) insert(doc bson.Raw) bool {
	if c.ids == nil {
		c.ids = make(map[string]struct{}, len(c.docs)+1)
		for _, d := range c.docs {
			c.ids[idOf(d)] = struct{}{}
		}
	}
	id := idOf(doc)
	if _, taken := c.ids[id]; taken {
		return false
	}
	c.ids[id] = struct{}{}
	c.docs = append(c.docs, doc)
	c.limits.used += int64(len(doc))
	return true
}

// idOf returns the key of doc's _id.
func idOf(doc bson.Raw) string {
	v, err := doc.LookupErr("_id")
	if err != nil {
		return ""
	}
	return string(appendKey(nil, v))
}

// batch builds the reply with the next documents of a cursor: at least one, and at most count and
// 16 MiB of them.
func batch(field, ns string, id int64, docs []bson.Raw, count int) (reply bson.Raw, taken int) {
	return batchAt(field, ns, id, docs, count, bson.Timestamp{})
}

// batchAt is like batch, for a cursor that reads at a time.
func batchAt(field, ns string, id int64, docs []bson.Raw, count int, at bson.Timestamp) (reply bson.Raw, taken int) {
	size := 0
	for taken < len(docs) && taken < count && (taken == 0 || size+len(docs[taken]) <= batchBytes) {
		size += len(docs[taken])
		taken++
	}
	if taken == len(docs) {
		id = 0
	}
	b := make([]byte, 4, size+12*taken+len(ns)+128)
	b = append(append(b, byte(bson.TypeEmbeddedDocument)), "cursor\x00"...)
	cur := len(b)
	b = append(b, 0, 0, 0, 0, byte(bson.TypeArray))
	b = append(append(b, field...), 0)
	arr := len(b)
	b = append(b, 0, 0, 0, 0)
	for i, d := range docs[:taken] {
		b = append(b, byte(bson.TypeEmbeddedDocument))
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(append(b, 0), d...)
	}
	b = end(b, arr)
	b = append(append(b, byte(bson.TypeInt64)), "id\x00"...)
	b = binary.LittleEndian.AppendUint64(b, uint64(id))
	b = append(append(b, byte(bson.TypeString)), "ns\x00"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ns)+1))
	b = append(append(b, ns...), 0)
	if at != (bson.Timestamp{}) {
		b = bsoncore.AppendTimestampElement(b, "atClusterTime", at.T, at.I)
	}
	b = end(b, cur)
	b = append(append(b, byte(bson.TypeDouble)), "ok\x00\x00\x00\x00\x00\x00\x00\xf0\x3f"...)
	return end(b, 0), taken
}

// end ends the document that begins at start.
func end(b []byte, start int) []byte {
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}
