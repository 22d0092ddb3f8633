package backup

import (
	"bytes"
	"context"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
	"github.com/millweir/millweir/stream"
)

// documentDiff compares the documents of two collections.
type documentDiff struct {
	a, b *cursor
	emit func(DifferenceKind, bson.RawValue) error
}

func (d *documentDiff) run() error {
	for {
		if same, err := d.skip(); same || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		x, err := d.a.peek()
		if err != nil {
			return err
		}
		y, err := d.b.peek()
		if err != nil {
			return err
		}
		if x == nil && y == nil {
			return nil
		}
		if err := d.step(x, y); err != nil {
			return err
		}
	}
}

// skip passes over two segments with the same documents.
func (d *documentDiff) skip() (bool, error) {
	s, err := d.a.segmentBegin()
	if err != nil || s == nil {
		return false, err
	}
	t, err := d.b.segmentBegin()
	if err != nil || t == nil || s.Tally != t.Tally {
		return false, err
	}
	d.a.passed(s, 0)
	d.b.passed(t, 0)
	d.a.segment, d.b.segment = nil, nil
	return true, nil
}

// step compares the next documents and advances past the one with the lower _id. One of them may be
// nil.
func (d *documentDiff) step(x, y bson.Raw) error {
	order := -1
	switch {
	case x == nil:
		order = 1
	case y != nil:
		order = bsonorder.Compare(x.Lookup("_id"), y.Lookup("_id"))
	}
	switch {
	case order < 0:
		d.a.document = nil
		return d.emit(OnlyFirst, x.Lookup("_id"))
	case order > 0:
		d.b.document = nil
		return d.emit(OnlySecond, y.Lookup("_id"))
	}
	d.a.document, d.b.document = nil, nil
	if bytes.Equal(x, y) {
		return nil
	}
	return d.emit(DocumentDiffers, x.Lookup("_id"))
}

// cursor pulls the documents of a collection, segment by segment.
type cursor struct {
	ctx  context.Context
	view *View
	n    int

	passed func(s *Segment, fetched int64) // is called after each segment

	nextSegment  func() (Segment, error, bool)
	stopSegments func()
	segment      *Segment // that is not opened yet
	opened       *Segment // that is open

	nextDocument  func() (bson.Raw, error, bool) // of the segment that is open, or nil
	stopDocuments func()
	document      bson.Raw // that was not passed yet
	last          bson.RawValue
}

func (v *View) cursor(ctx context.Context, n int, passed func(*Segment, int64)) *cursor {
	c := &cursor{ctx: ctx, view: v, n: n, passed: passed, stopDocuments: func() {}}
	c.nextSegment, c.stopSegments = iter.Pull2(stream.All(ctx, v.segments(n)))
	return c
}

func (c *cursor) stop() {
	c.stopDocuments()
	c.stopSegments()
}

// segmentBegin returns the next segment if all documents before it were passed. Otherwise, and at the
// end, it returns nil.
func (c *cursor) segmentBegin() (*Segment, error) {
	if doc, err := c.within(); err != nil || doc != nil {
		return nil, err
	}
	if c.segment == nil {
		s, err, ok := c.nextSegment()
		if !ok || err != nil {
			return nil, err
		}
		c.segment = &s
	}
	return c.segment, nil
}

// within returns the next document of the open segment, or nil at its end.
func (c *cursor) within() (bson.Raw, error) {
	if c.document != nil || c.nextDocument == nil {
		return c.document, nil
	}
	doc, err, ok := c.nextDocument()
	if err != nil {
		return nil, err
	}
	if !ok {
		c.passed(c.opened, c.opened.Length)
		c.nextDocument = nil
		return nil, nil
	}
	id := doc.Lookup("_id")
	if !c.last.IsZero() && bsonorder.Compare(id, c.last) <= 0 {
		return nil, damaged("the documents are not in the order of their _ids")
	}
	c.document, c.last = doc, id
	return doc, nil
}

// peek returns the next document, or nil at the end.
func (c *cursor) peek() (bson.Raw, error) {
	for {
		s, err := c.segmentBegin()
		if err != nil || s == nil {
			return c.document, err
		}
		c.opened, c.segment = s, nil
		c.nextDocument, c.stopDocuments = iter.Pull2(stream.All(c.ctx, c.view.documents(c.n, *s, newTally)))
	}
}
