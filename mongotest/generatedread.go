package mongotest

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// span is a range of numbers of generated documents, without to.
type span struct{ from, to int }

// madeReader reads generated documents in order.
type madeReader struct {
	of    *made
	spans []span
	left  int // documents to read at most
}

// peek returns the next documents: at most one more than fit into a batch of count.
func (r *madeReader) peek(count int) (docs []bson.Raw) {
	size := 0
	for _, s := range r.spans {
		for i := s.from; i < s.to; i++ {
			if len(docs) > count || len(docs) == r.left || size > batchBytes {
				return docs
			}
			if r.of.has(i) {
				docs = append(docs, r.of.of.Document(i))
				size += len(docs[len(docs)-1])
			}
		}
	}
	return docs
}

// skip passes over n documents.
func (r *madeReader) skip(n int) {
	r.left -= n
	for n > 0 {
		s := &r.spans[0]
		if r.of.has(s.from) {
			n--
		}
		if s.from++; s.from == s.to {
			r.spans = r.spans[1:]
		}
	}
}

// batch builds the reply with the next documents, and reports whether there are more.
func (r *madeReader) batch(field, ns string, id int64, count int, at bson.Timestamp) (reply bson.Raw, more bool) {
	docs := r.peek(count)
	reply, taken := batchAt(field, ns, id, docs, count, at)
	r.skip(taken)
	return reply, taken < len(docs)
}

// madeOf returns the generated documents of a collection, or nil if it has others.
func (s *Server) madeOf(ns string) *made {
	if c := s.data[ns]; c != nil {
		return c.made
	}
	return nil
}

// findMade is find for generated documents.
func (s *Server) findMade(req *request, ns string, v view, m *made) bson.Raw {
	for _, field := range []string{"projection", "skip", "hint"} {
		if !req.body.Lookup(field).IsZero() {
			return failure(2, "mongotest: "+field+" is not supported for a generated collection")
		}
	}
	order := req.body.Lookup("sort")
	if by, _ := order.DocumentOK(); !order.IsZero() &&
		string(by) != string(document(bson.D{{Key: "_id", Value: int32(1)}})) {
		return failure(2, unsupported("for a generated collection, the sort", order).Error())
	}
	filter, _ := req.body.Lookup("filter").DocumentOK()
	spans, err := m.of.spans(filter)
	if err != nil {
		return failure(2, err.Error())
	}
	r := &madeReader{of: m, spans: spans, left: m.of.Documents}
	if n, given := integer(req.body, "limit"); given && n > 0 {
		r.left = n
	}
	size, given := integer(req.body, "batchSize")
	if !given {
		size = firstBatch
	}
	s.nextID++
	id := s.nextID
	if single, _ := req.body.Lookup("singleBatch").BooleanOK(); single {
		id = 0
	}
	reply, more := r.batch("firstBatch", ns, id, req.limited(size), v.at)
	if more && id != 0 {
		s.cursors[id] = &cursor{ns: ns, made: r, at: v.at, session: v.session}
	}
	return reply
}

// moreMade is getMore for generated documents.
func (s *Server) moreMade(req *request, id int64, c *cursor) bson.Raw {
	size, given := integer(req.body, "batchSize")
	if !given {
		size = c.made.of.of.Documents
	}
	reply, more := c.made.batch("nextBatch", c.ns, id, req.limited(size), c.at)
	if !more {
		delete(s.cursors, id)
	}
	return reply
}

// aggregateMade is aggregate for generated documents: $collStats, and the stages of CountDocuments.
func (s *Server) aggregateMade(ns string, v view, m *made, stages []bson.RawValue) bson.Raw {
	count := m.count
	for i, stage := range stages {
		name, operand, _ := only(stage)
		switch {
		case name == "$collStats" && len(stages) == 1:
			out, err := collStats(ns, m.size(), m.count, operand)
			if err != nil {
				return failure(2, err.Error())
			}
			return s.openCursor(v, ns, []bson.Raw{out}, firstBatch)
		case name == "$match" && i == 0:
			filter, _ := operand.DocumentOK()
			spans, err := m.of.spans(filter)
			if err != nil {
				return failure(2, err.Error())
			}
			count = m.within(spans)
		case name == "$group" && i == len(stages)-1:
			out, err := groupOf(count, operand)
			if err != nil {
				return failure(2, err.Error())
			}
			return s.openCursor(v, ns, out, firstBatch)
		default:
			return failure(40324, fmt.Sprintf("the stage %q is not supported for a generated collection (mongotest)",
				name))
		}
	}
	return failure(2, "mongotest: this pipeline is not supported for a generated collection")
}

// within returns the number of documents in spans.
func (m *made) within(spans []span) (n int) {
	for _, s := range spans {
		if m.all {
			n += s.to - s.from
			continue
		}
		for i := s.from; i < s.to; i++ {
			if m.has(i) {
				n++
			}
		}
	}
	return n
}

// splitKeys returns the keys of splitVector: one after each step documents.
func (m *made) splitKeys(bytes, objects int) (keys []bson.RawValue) {
	step := m.of.Documents
	if size := m.size(); size >= 2*int64(bytes) && m.count > 0 {
		step = bytes / max(int(size)/m.count, 1)
	}
	step = max(min(step, objects), 1)
	for i := step; i < m.of.Documents; i += step {
		id := m.of.ID(i)
		keys = append(keys, bson.RawValue{Type: bson.TypeObjectID, Value: id[:]})
	}
	return keys
}

// spans returns the numbers of the documents that match filter, which may only compare the _id.
//
// The _ids in the filter divide the documents into ranges. All documents of a range compare with these
// _ids in the same way, so the first one stands for all.
func (g *Generated) spans(filter bson.Raw) (found []span, err error) {
	if len(filter) <= emptyDocument {
		return []span{{0, g.Documents}}[:min(g.Documents, 1)], nil
	}
	matches, err := parseFilter(filter)
	if err != nil {
		return nil, err
	}
	ids, err := comparedIDs(nil, bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: filter})
	if err != nil {
		return nil, err
	}
	cuts := []int{0, g.Documents}
	for _, id := range ids {
		i := g.find(id)
		cuts = append(cuts, i)
		if i < g.Documents && g.ID(i) == id {
			cuts = append(cuts, i+1)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	for k, from := range cuts[:len(cuts)-1] {
		if matches(document(bson.D{{Key: "_id", Value: g.ID(from)}})) {
			found = append(found, span{from, cuts[k+1]})
		}
	}
	return found, nil
}

// comparedIDs appends the ObjectIDs in v, a filter that may have no field but _id.
func comparedIDs(ids []bson.ObjectID, v bson.RawValue) ([]bson.ObjectID, error) {
	switch v.Type {
	case bson.TypeObjectID:
		return append(ids, v.ObjectID()), nil
	case bson.TypeString:
		if text := v.StringValue(); strings.HasPrefix(text, "$") && text != "$_id" {
			return nil, unsupported("for a generated collection, a condition of", v)
		}
		return ids, nil
	case bson.TypeEmbeddedDocument, bson.TypeArray:
	default:
		return ids, nil
	}
	elements, err := bson.Raw(v.Value).Elements()
	for _, e := range elements {
		isField := v.Type == bson.TypeEmbeddedDocument && e.Key() != "_id" && !strings.HasPrefix(e.Key(), "$")
		if isField {
			return nil, unsupported("for a generated collection, a condition of the field "+e.Key(), v)
		}
		if ids, err = comparedIDs(ids, e.Value()); err != nil {
			return nil, err
		}
	}
	return ids, err
}
