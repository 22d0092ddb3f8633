package backup

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// storeOnce reads from where the unit is to a bound, and stores the documents as segments.
func (w *unitRun) storeOnce(ctx context.Context, c int, to bson.RawValue, last bool) error {
	entry := &w.plan.Collections[c]
	coll := w.client.Database(entry.Database).Collection(entry.Collection)
	var readAt bson.Timestamp
	docs := mongosource.Scan(coll, entry.filter(), w.scanOptions(entry, w.from, to, &readAt))
	return w.storeSegments(ctx, docs, &cutter{max: w.plan.SegmentBytes, needsBound: true},
		func(ctx context.Context, part stream.Source[bson.Raw], cut *cutter) error {
			s, err := w.storeSegment(ctx, c, part)
			if err != nil {
				return err
			}
			s.From, s.To, s.At = w.from, to, readAt
			if cut.more {
				s.To = cut.next
				// The scan compares the collection after its last document only, and a receipt stays
				// valid if that fails.
				if err := w.checkSame(ctx, entry); err != nil {
					return err
				}
			}
			return w.putReceipt(ctx, &receiptRecord{
				From: s.From, To: s.To, Until: to, Done: last && !cut.more, Rows: []receiptRow{{c, s}},
			})
		})
}

// storeSegments cuts documents into segments and calls store with each, at least once.
func (w *unitRun) storeSegments(ctx context.Context, docs stream.Source[bson.Raw], cut *cutter,
	store func(context.Context, stream.Source[bson.Raw], *cutter) error,
) error {
	parts := stream.Via2(docs, stream.Map(cut.see), stream.SplitWhen(cut.begins))
	n, err := stream.Run(ctx, parts, sink.ForEach(func(ctx context.Context, part stream.Source[bson.Raw]) error {
		cut.more = false
		return store(ctx, part, cut)
	}))
	if err != nil || n > 0 {
		return err
	}
	return store(ctx, source.Empty[bson.Raw](), cut) // so that the segments cover the whole range
}

// cutter says where a segment ends.
type cutter struct {
	max        int64 // bytes of a segment
	needsBound bool  // cut only before a document whose _id can be a bound

	bytes int64 // of the segment
	begun bool
	more  bool          // another segment follows
	next  bson.RawValue // its first _id
}

// see counts the first document, which begins passes over.
func (c *cutter) see(doc bson.Raw) bson.Raw {
	if !c.begun {
		c.begun, c.bytes = true, int64(len(doc))
	}
	return doc
}

// begins reports whether a document, one after the first, begins a segment.
func (c *cutter) begins(doc bson.Raw) bool {
	id := doc.Lookup("_id")
	if c.bytes+int64(len(doc)) <= c.max || c.needsBound && !mongosource.IsBound(id) {
		c.bytes += int64(len(doc))
		return false
	}
	c.bytes, c.more, c.next = int64(len(doc)), true, cloneValue(id)
	return true
}

// cloneValue returns a copy of v that shares no memory.
func cloneValue(v bson.RawValue) bson.RawValue {
	return bson.RawValue{Type: v.Type, Value: append([]byte(nil), v.Value...)}
}

// storeSegment stores documents as an object of one segment. The bounds are left to the caller.
func (w *unitRun) storeSegment(ctx context.Context, c int, docs stream.Source[bson.Raw]) (Segment, error) {
	number := w.segments
	s := w.newSegment(dataKey(w.run, w.number, number, w.plan.Encoding, w.repo.plain), number)
	body := w.encoded(docs, c, &s)
	if _, err := consume(ctx, &w.meters, body, w.repo.store.Put(s.Object, nil), nothing); err != nil {
		return s, err
	}
	s.Read = readNow()
	return s, nil
}

// encoded returns a source of the bytes of a segment, which describes them in s.
func (w *unitRun) encoded(docs stream.Source[bson.Raw], c int, s *Segment) stream.Source[[]byte] {
	entry := &w.plan.Collections[c]
	var ends ids
	return stream.Via2(docs, stream.Map(ends.see),
		stream.Measure(&w.meters.work, encode(w.repo.segmentPlace(s, entry.Database, entry.Collection), s.Encoding,
			w.data,
			func(all stored) {
				s.Length, s.SHA256, s.Tally = all.Length, all.SHA256, all.Tally
				if entry.hasOrder() {
					s.First, s.Last = ends.first(), ends.last()
				}
			})))
}

// ids remembers the first and the last _id of documents.
type ids struct{ head, tail bson.RawValue }

func (e *ids) see(doc bson.Raw) bson.Raw {
	id := doc.Lookup("_id")
	if e.head.IsZero() {
		e.head = cloneValue(id)
	}
	e.tail.Type, e.tail.Value = id.Type, append(e.tail.Value[:0], id.Value...)
	return doc
}

func (e *ids) first() bson.RawValue { return e.head }
func (e *ids) last() bson.RawValue  { return cloneValue(e.tail) }
