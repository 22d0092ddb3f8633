package mongosource

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongowait"
)

// probeDocuments is the number of documents that a measurement reads.
const probeDocuments = 1000

// pace is how long a query took.
type pace struct {
	first time.Duration // until its first document
	each  time.Duration // for each of the others
}

// measure estimates the cost of all ranges by that of the whole collection. It compares the first
// documents of the last range and of the whole, because a server without a usable index reads
// everything before the range first.
func (s *split) measure(ctx context.Context, bounds []string) (cost float64, err error) {
	n, err := s.estimatedCount(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, s.fail(classify(probeCount(s.coll).explain(ctx, err)))
	}
	last := interval{low: bounds[len(bounds)-1]}
	of, _ := last.within(last.begin(""))
	var whole, one pace
	for range 2 { // the first query may fill caches
		if one, err = s.pace(ctx, both(s.filter, of)); err == nil {
			whole, err = s.pace(ctx, s.filter)
		}
		if err != nil {
			return 0, err
		}
	}
	return costOf(len(bounds)+1, n, one, whole), nil
}

// costOf returns the cost of n documents in ranges that are read at the pace one, divided by that of
// the whole collection.
func costOf(ranges int, n int64, one, whole pace) float64 {
	all := float64(ranges)*float64(one.first) + float64(n)*float64(one.each)
	return all / max(float64(whole.first)+float64(n)*float64(whole.each), 1)
}

func (s *split) estimatedCount(ctx context.Context) (n int64, err error) {
	waiting, done := mongowait.WithoutDeadline(ctx)
	defer done()
	err = guarded(func() (err error) {
		n, err = s.coll.EstimatedDocumentCount(waiting)
		return err
	})
	return n, err
}

// pace measures the first documents of a query.
func (s *split) pace(ctx context.Context, filter any) (p pace, err error) {
	waiting, done := mongowait.WithoutDeadline(ctx)
	defer done()
	err = guarded(func() error {
		longer, done := opening(ctx)
		defer done()
		began := time.Now()
		cur, err := withReads(s.coll, s.scan.opts.ReadConcern, s.opts.ReadPreference).Find(longer, filter,
			options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetBatchSize(1).SetLimit(probeDocuments))
		if err != nil {
			return err
		}
		defer s.close(ctx, cur)
		p.first = time.Since(began)
		cur.SetBatchSize(probeDocuments)
		n := 0
		for began = time.Now(); cur.Next(waiting); n++ {
		}
		p.each = time.Since(began) / time.Duration(max(n, 1))
		return cur.Err()
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return p, context.Cause(ctx)
	case err != nil:
		return p, s.fail(classify(probeFind(s.coll, s.opts.ReadPreference).explain(ctx, err)))
	}
	return p, nil
}
