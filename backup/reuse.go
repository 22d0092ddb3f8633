package backup

import (
	"context"
	"errors"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// maxReusedRows is how many segments that are named again share a receipt.
const maxReusedRows = 16

// reusing names segments of the parent again.
type reusing struct {
	*unitRun
	of    int // the collection
	rows  []receiptRow
	small smallRanges // after the rows
}

// flush stores a receipt of the rows that were gathered.
func (u *reusing) flush(ctx context.Context, last bool) error {
	if len(u.rows) == 0 {
		return nil
	}
	to := u.rows[len(u.rows)-1].To
	r := &receiptRecord{From: u.rows[0].From, To: to, Until: to, Done: last, Rows: u.rows}
	u.rows = nil
	return u.putReceipt(ctx, r)
}

// readParentRanges reads a range unit by the segments of the parent: one whose documents have not
// changed is named again, and others are stored.
func (w *unitRun) readParentRanges(ctx context.Context, c int) error {
	if w.begun && !sameValue(w.from, w.until) { // in the middle of a segment of the parent
		if err := w.store(ctx, c, w.until, sameValue(w.until, w.unit.To)); err != nil || w.done {
			return err
		}
	}
	u := &reusing{unitRun: w, of: c}
	waiting := true // for the segment that begins where the unit is
	_, err := stream.Run(ctx, w.parentSegments(ctx, c), sink.ForEach(func(ctx context.Context, s Segment) error {
		waiting = waiting && !sameValue(s.From, w.from)
		if waiting || w.done {
			return nil
		}
		return u.take(ctx, s)
	}))
	if err == nil && !w.done {
		err = damaged("the segments of the parent do not cover the unit")
	}
	return err
}

// take names a segment of the parent again, or stores its range. Small ranges that follow each
// other are stored as one. One that has grown is not small: it was not read to its end.
func (u *reusing) take(ctx context.Context, s Segment) error {
	last := sameValue(s.To, u.unit.To)
	same, size, err := u.unchanged(ctx, u.of, &s)
	if err != nil {
		return err
	}
	isSmall := size < u.plan.SegmentBytes/smallPart
	if !isSmall || u.small.size+size > u.plan.SegmentBytes {
		if err := u.settle(ctx, false); err != nil {
			return err
		}
	}
	switch {
	case isSmall:
		u.small.add(s, same, size)
	case same:
		return u.name(ctx, s, last)
	default:
		if err := u.flush(ctx, false); err != nil {
			return err
		}
		return u.store(ctx, u.of, s.To, last)
	}
	if last {
		return u.settle(ctx, true)
	}
	return nil
}

// name names a segment again, with a receipt once there are several. If its object is lost, it is
// stored again.
func (u *reusing) name(ctx context.Context, s Segment, last bool) error {
	found, err := u.protect(ctx, s.Object)
	switch {
	case err != nil:
		return err
	case !found:
		if err := u.flush(ctx, false); err != nil {
			return err
		}
		return u.store(ctx, u.of, s.To, last)
	}
	u.rows = append(u.rows, receiptRow{u.of, s})
	if last || len(u.rows) == maxReusedRows {
		return u.flush(ctx, last)
	}
	return nil
}

// settle stores the small ranges. A single one that is unchanged is named again.
func (u *reusing) settle(ctx context.Context, last bool) error {
	small := u.small
	u.small = smallRanges{}
	switch {
	case small.count == 0:
		return nil
	case small.count == 1 && small.same:
		return u.name(ctx, small.segment, last)
	}
	if err := u.flush(ctx, false); err != nil {
		return err
	}
	return u.store(ctx, u.of, small.segment.To, last)
}

// smallRanges are ranges of the parent that follow each other and have few documents now.
type smallRanges struct {
	count   int
	size    int64   // bytes of their documents now
	same    bool    // all are unchanged
	segment Segment // of the last one
}

func (r *smallRanges) add(s Segment, same bool, size int64) {
	r.same = same && (r.count == 0 || r.same)
	r.count++
	r.size += size
	r.segment = s
}

// parentSegments returns a source of the segments of a collection in the parent.
func (w *unitRun) parentSegments(ctx context.Context, c int) stream.Source[Segment] {
	m, err := w.repo.manifest(ctx, w.plan.Parent)
	if err != nil {
		return stream.Fail[Segment](err)
	}
	n := w.plan.Collections[c].InParent
	identities, err := w.repo.recordIdentities(ctx, m.Epoch)
	switch {
	case err != nil:
		return stream.Fail[Segment](err)
	case n >= len(m.Collections):
		return stream.Fail[Segment](damaged("the parent %s has no collection %d", m.Run, n))
	}
	return stream.Via(w.repo.catalog(m, n, identities), stream.FilterMap(func(row catalogRow) (s Segment, ok bool) {
		if row.segment == nil {
			return s, false
		}
		return *row.segment, true
	}))
}

// unchanged reports whether the range of a segment of the parent has the same documents now, and
// the bytes of those documents. A range that was not read to its end has no known size: it is
// large. If the range is the same, s gets the time of this read.
func (w *unitRun) unchanged(ctx context.Context, c int, s *Segment) (same bool, size int64, err error) {
	if s.Encoding != w.plan.Encoding {
		return false, math.MaxInt64, nil
	}
	entry := &w.plan.Collections[c]
	coll := w.client.Database(entry.Database).Collection(entry.Collection)
	var readAt bson.Timestamp
	docs := mongosource.Scan(coll, entry.filter(), w.scanOptions(entry, s.From, s.To, &readAt))
	count := newTally()
	_, err = stream.Run(ctx, stream.Via(docs, stream.Monitor[bson.Raw](&w.meters.back)),
		sink.ForEach(func(_ context.Context, doc bson.Raw) error {
			count.add(doc)
			if count.documents > s.Documents || count.bytes > s.Bytes {
				return errChanged
			}
			return nil
		}))
	switch {
	case errors.Is(err, errChanged):
		return false, math.MaxInt64, nil
	case errors.Is(err, mongosource.ErrSnapshotTooOld) && w.plan.At == (bson.Timestamp{}):
		return false, math.MaxInt64, nil // a receipt is stored after each segment of what is read again
	case err != nil || count.result() != s.Tally:
		return false, count.bytes, err
	}
	s.At, s.Read = readAt, readNow()
	return true, count.bytes, nil
}

// protect protects an object that is named again, as new ones are. It reports whether the object
// was found.
func (w *unitRun) protect(ctx context.Context, key string) (found bool, err error) {
	if err = w.repo.hold(ctx, key); errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// errChanged ends the read of a range as soon as it has more than the segment of the parent.
var errChanged = errors.New("the range has changed")

// errSeveral ends the search for the only segment of a small collection.
var errSeveral = errors.New("the collection has several segments")

// unchangedWhole returns the segment of the parent that has the same documents as a small collection.
func (w *unitRun) unchangedWhole(ctx context.Context, c int) (row receiptRow, same bool, err error) {
	if w.plan.Collections[c].InParent < 0 {
		return row, false, nil
	}
	n := 0
	_, err = stream.Run(ctx, w.parentSegments(ctx, c), sink.ForEach(func(_ context.Context, s Segment) error {
		if n++; n > 1 {
			return errSeveral
		}
		row = receiptRow{c, s}
		return nil
	}))
	if errors.Is(err, errSeveral) || err != nil {
		return row, false, ignoreSeveral(err)
	}
	same, _, err = w.unchanged(ctx, c, &row.Segment)
	return row, same, err
}

func ignoreSeveral(err error) error {
	if errors.Is(err, errSeveral) {
		return nil
	}
	return err
}
