package mongotest

import (
	"bytes"
	"fmt"
	"sort"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Generated describes the documents of a collection that is too large for memory. They are made each
// time when they are read.
type Generated struct {
	Documents int // their number

	// ID returns the _id of the i-th document. The _ids ascend.
	ID func(i int) bson.ObjectID

	// Document returns the i-th document, whose _id is ID(i): the same bytes each time. Calls do not
	// overlap, and the server keeps no document.
	Document func(i int) bson.Raw
}

// AddGenerated adds a collection with the documents of g. It supports what a scan and a count need:
// find by conditions of the _id and sorted by it, count, $collStats, CountDocuments, splitVector, and
// the commands about its indexes and its name. Everything else is refused. A snapshot read of it
// returns the present documents. It panics if the collection exists.
func (s *Server) AddGenerated(db, coll string, g *Generated) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data[db+"."+coll] != nil {
		panic("mongotest: AddGenerated: the collection " + db + "." + coll + " exists")
	}
	s.make(db, coll).made = &made{of: g, count: g.Documents, all: true}
}

// ChangeGenerated replaces the documents of a generated collection, which keeps its UUID. It panics if
// there is no such collection.
func (s *Server) ChangeGenerated(db, coll string, g *Generated) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.data[db+"."+coll]
	if c == nil || c.made == nil {
		panic("mongotest: ChangeGenerated: there is no generated collection " + db + "." + coll)
	}
	c.made = &made{of: g, count: g.Documents, all: true}
	s.changed(c)
}

// Recognize makes the server keep an inserted document that is one of g by its number instead of by its
// bytes, so that a client can insert more than memory holds. The first document of a collection
// decides: a collection that begins with a document of g takes no others.
func (s *Server) Recognize(g *Generated) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = append(s.known, g)
}

// HasGenerated reports whether a collection has all documents of g, and no others.
func (s *Server) HasGenerated(db, coll string, g *Generated) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.data[db+"."+coll]
	return c != nil && c.made != nil && c.made.of == g && c.made.count == g.Documents
}

// made holds documents by their numbers.
type made struct {
	of    *Generated
	count int
	all   bool     // all of them are there
	bits  []uint64 // which are there, unless all are
}

func (m *made) has(i int) bool { return m.all || m.bits[i/64]>>(i%64)&1 == 1 }

// find returns the number of the first document with this _id or a greater one.
func (g *Generated) find(id bson.ObjectID) int {
	return sort.Search(g.Documents, func(i int) bool {
		at := g.ID(i)
		return bytes.Compare(at[:], id[:]) >= 0
	})
}

// number returns the number of a document of g, or a negative one if doc is none.
func (g *Generated) number(doc bson.Raw) int {
	id, ok := doc.Lookup("_id").ObjectIDOK()
	if !ok {
		return -1
	}
	if i := g.find(id); i < g.Documents && bytes.Equal(g.Document(i), doc) {
		return i
	}
	return -1
}

// keep stores doc by its number, if c is a collection of numbers or becomes one. Otherwise it does
// nothing and returns false.
func (s *Server) keep(c *collection, doc bson.Raw) (kept bool, bad *refusal) {
	if c.made == nil {
		if len(c.docs) > 0 || c.kind != plainType || !c.options.Lookup("capped").IsZero() || len(c.unique) > 0 {
			return false, nil
		}
		for _, g := range s.known {
			if g.number(doc) >= 0 {
				c.made = &made{of: g, bits: make([]uint64, (g.Documents+63)/64)}
				break
			}
		}
		if c.made == nil {
			return false, nil
		}
	}
	const badValue, duplicateKey = 2, 11000
	m := c.made
	i := m.of.number(doc)
	switch {
	case i < 0:
		return true, &refusal{badValue, fmt.Sprintf("mongotest: the document %s is not one of those of %s.%s",
			doc.Lookup("_id"), c.db, c.name)}
	case m.has(i):
		return true, &refusal{duplicateKey, fmt.Sprintf(
			"E11000 duplicate key error collection: %s.%s index: _id_ dup key: { _id: %s }", c.db, c.name,
			doc.Lookup("_id"))}
	}
	m.bits[i/64] |= 1 << (i % 64)
	m.count++
	return true, nil
}

// size returns the size of the documents in bytes, estimated from some of them.
func (m *made) size() int64 {
	const samples = 1000
	n, sum := min(samples, m.of.Documents), int64(0)
	for k := range n {
		sum += int64(len(m.of.Document(k * (m.of.Documents / n))))
	}
	return sum / int64(max(n, 1)) * int64(m.count)
}
