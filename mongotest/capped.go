package mongotest

import "go.mongodb.org/mongo-driver/v2/bson"

// limits are those of a capped collection, which drops its oldest documents.
type limits struct {
	bytes, docs int64 // 0 means none
	used        int64 // bytes of the documents
}

// A server rounds the size of a capped collection up.
const (
	cappedMin  = 4096
	cappedUnit = 256
)

// setLimits reads the limits from the options of c.
func (c *collection) setLimits(options bson.Raw) {
	if !truthy(options.Lookup("capped")) {
		return
	}
	size, _ := integer(options, "size")
	most, _ := integer(options, "max")
	c.limits = limits{
		bytes: (max(int64(size), cappedMin) + cappedUnit - 1) / cappedUnit * cappedUnit,
		docs:  max(int64(most), 0),
	}
}

// tooLarge returns the refusal of a document that has more bytes than a capped collection, or nil.
func (l limits) tooLarge(doc bson.Raw) *refusal {
	if l.bytes > 0 && int64(len(doc)) > l.bytes {
		return &refusal{2, "object to insert exceeds cappedMaxSize"}
	}
	return nil
}

// count adds up the bytes of docs.
func (l *limits) count(docs []bson.Raw) {
	l.used = 0
	for _, d := range docs {
		l.used += int64(len(d))
	}
}

// exceeded reports whether documents must be dropped.
func (l limits) exceeded(docs int) bool {
	return l.bytes > 0 && l.used > l.bytes || l.docs > 0 && int64(docs) > l.docs
}

// trim drops the oldest documents of a capped collection until it is within its limits. Cursors that
// would have read them next are lost.
func (s *Server) trim(c *collection) {
	for c.limits.exceeded(len(c.docs)) {
		oldest := c.docs[0]
		c.docs = c.docs[1:]
		c.limits.used -= int64(len(oldest))
		delete(c.ids, idOf(oldest))
		s.loseCursors(oldest)
		if len(c.unique) > 0 {
			_ = c.resetUnique() // it succeeded before
			c.findDuplicate()
		}
	}
}

// loseCursors ends the cursors of a capped collection, and of its views, whose next document is gone.
func (s *Server) loseCursors(gone bson.Raw) {
	for _, cur := range s.cursors {
		if cur.at == (bson.Timestamp{}) && len(cur.docs) > 0 && &cur.docs[0][0] == &gone[0] {
			cur.overtaken = true
		}
	}
}
