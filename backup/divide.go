package backup

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/source/mongosource"
)

const (
	maxUnits       = 64  // of one collection
	segmentsOfUnit = 8   // at least, of a collection that has more
	maxBundle      = 256 // collections of one bundle
	smallPart      = 4   // a collection is small if it has less than this part of a segment
)

// unmeasured keeps ranges that cost the server more than the whole collection. Tests set it,
// because their units must not depend on the clock.
var unmeasured = false

// divide divides the collections into units. ranges has the ranges of the parent's segments.
func (j *backupJob) divide(ctx context.Context, p *plan, ranges map[int][]parentRange) error {
	b := bundles{max: p.SegmentBytes}
	for i := range p.Collections {
		c := &p.Collections[i]
		switch {
		case c.Head.Kind == mongosource.KindView: // has no documents
		case c.size >= 0 && c.size < p.SegmentBytes/smallPart:
			b.add(i, c.size)
		case !c.hasOrder():
			p.Units = append(p.Units, planUnit{Kind: unitNatural, Collections: []int{i}})
		case c.InParent >= 0:
			marks, perMark, err := j.marks(ctx, c, p.SegmentBytes)
			if err != nil {
				return err
			}
			p.addParentRanges(i, ranges[i], marks, perMark)
		default:
			between, err := j.bounds(ctx, c, p.SegmentBytes)
			if err != nil {
				return err
			}
			p.addRanges(i, between)
		}
	}
	p.Units = append(p.Units, b.units...)
	return nil
}

// addRanges adds the units of a collection with the bounds between them.
func (p *plan) addRanges(collection int, bounds []bson.RawValue) {
	from := bson.RawValue{}
	for _, to := range append(bounds, bson.RawValue{}) {
		p.Units = append(p.Units, planUnit{Kind: unitRange, Collections: []int{collection}, From: from, To: to})
		from = to
	}
}

// bounds returns the bounds between the units of a collection. If the server cannot find them, there
// are none.
func (j *backupJob) bounds(ctx context.Context, c *planCollection, segmentBytes int64) ([]bson.RawValue, error) {
	n := min(c.size/segmentBytes/segmentsOfUnit, maxUnits)
	if n < 2 {
		return nil, nil
	}
	ids, err := mongosource.Divide(ctx, j.client.Database(c.Database).Collection(c.Collection), c.filter(),
		&mongosource.SplitOptions{Ranges: int(n), Parallelism: 2, Unmeasured: unmeasured})
	var refused mongo.ServerError
	switch {
	case err == nil:
		return ids, nil
	case ctx.Err() == nil && errors.As(err, &refused) && !isMissing(err):
		return nil, nil
	}
	return nil, fmt.Errorf("divide %s: %w", c.namespace(), err)
}

// bundles gathers small collections into units.
type bundles struct {
	max   int64 // bytes of a unit
	size  int64 // of the last unit
	units []planUnit
}

func (b *bundles) add(collection int, size int64) {
	last := len(b.units) - 1
	if last < 0 || b.size+size > b.max || len(b.units[last].Collections) == maxBundle {
		b.units = append(b.units, planUnit{Kind: unitBundle})
		b.size = 0
		last++
	}
	b.size += size
	b.units[last].Collections = append(b.units[last].Collections, collection)
}
