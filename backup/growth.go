package backup

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
)

// parentRange is the range of a segment of the parent. It ends where the next one begins.
type parentRange struct {
	from      bson.RawValue // zero for the first one
	documents int64
}

// growth limits what is divided again. A collection must have grown by more than this number of
// units. A range must have about this many times the documents that it has in the parent.
const growth = 2

// hasGrown reports whether the collection is so much larger than in the parent that some of its
// ranges need a division. The size of what a filter chooses is not known.
func (c *planCollection) hasGrown(parentBytes, segmentBytes int64) bool {
	return c.Head.Filter == nil && c.size-parentBytes > growth*segmentsOfUnit*segmentBytes
}

// unitSegments returns how many segments of the parent are one unit.
func unitSegments(segments int) int { return max(segmentsOfUnit, segments/maxUnits) }

// addParentRanges adds the units of a collection by the ranges of the parent's segments. Without
// marks, each unit has several of them. marks divide the present documents into parts of perMark
// documents. A range with many marks has grown: it becomes units of its own, which do not look at
// the parent.
func (p *plan) addParentRanges(collection int, ranges []parentRange, marks []bson.RawValue, perMark int64) {
	unit := planUnit{Kind: unitRange, Collections: []int{collection}}
	segments := 0
	begin := func(from bson.RawValue) {
		if segments > 0 {
			whole := unit
			whole.To = from
			p.Units = append(p.Units, whole)
		}
		unit.From, segments = from, 0
	}
	for i, r := range ranges {
		var to bson.RawValue
		if i+1 < len(ranges) {
			to = ranges[i+1].from
		}
		var inside []bson.RawValue
		inside, marks = marksIn(marks, r.from, to)
		if int64(len(inside)-1)*perMark < growth*max(r.documents, 1) {
			if segments == 0 || segments == unitSegments(len(ranges)) {
				begin(r.from)
			}
			segments++
			continue
		}
		begin(r.from)
		for _, next := range append(inside, to) {
			p.Units = append(p.Units, planUnit{
				Kind: unitRange, Collections: unit.Collections, From: unit.From, To: next, Fresh: true,
			})
			unit.From = next
		}
	}
	begin(bson.RawValue{})
}

// marksIn returns the marks between two bounds, without them, and those from the second one on.
// Marks that do not ascend are left out: ranges between them would have documents twice.
func marksIn(marks []bson.RawValue, from, to bson.RawValue) (inside, rest []bson.RawValue) {
	last := from
	for i, mark := range marks {
		switch {
		case !to.IsZero() && bsonorder.Compare(mark, to) >= 0:
			return inside, marks[i:]
		case last.IsZero() || bsonorder.Compare(mark, last) > 0:
			inside = append(inside, mark)
			last = mark
		}
	}
	return inside, nil
}

// marks divides a collection that has grown. There are none if the server cannot divide it, or if
// it compares _ids by a collation.
func (j *backupJob) marks(ctx context.Context, c *planCollection, segmentBytes int64) (
	marks []bson.RawValue, perMark int64, err error,
) {
	if !c.grown || !c.Head.inIDOrder() {
		return nil, 0, nil
	}
	marks, err = j.bounds(ctx, c, segmentBytes)
	if err != nil || len(marks) == 0 {
		return nil, 0, err
	}
	n, err := j.client.Database(c.Database).Collection(c.Collection).EstimatedDocumentCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("count the documents of %s: %w", c.namespace(), err)
	}
	return marks, n / int64(len(marks)+1), nil
}
