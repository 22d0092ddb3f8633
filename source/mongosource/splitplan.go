package mongosource

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongowait"
	"github.com/millweir/millweir/stream"
)

// splitPlan says which ranges to read.
type splitPlan struct {
	bounds []string // between the ranges: the types and bytes of _ids, ascending
	method string   // that found them
	cost   float64  // of the ranges by that of the whole collection; 0 if it was not measured
}

// maxCost is the largest cost of a plan that is used.
const maxCost = 1.25

// plan finds the ranges. If they would cost too much, it returns the plan of one range.
func (s *split) plan(ctx context.Context) (splitPlan, error) {
	if s.opts.Ranges == 1 {
		return splitPlan{}, nil
	}
	plan, err := s.divide(ctx)
	if err != nil || s.opts.Unmeasured || s.opts.Parallelism == 1 || len(plan.bounds) == 0 {
		return plan, err
	}
	if plan.cost, err = s.measure(ctx, plan.bounds); err != nil {
		return plan, err
	}
	if plan.cost > maxCost {
		plan.bounds = nil
	}
	return plan, nil
}

// divider is a way to find bounds.
type divider struct {
	method string
	find   func(*split, context.Context) ([]bson.RawValue, error)
}

// dividers returns the ways to find bounds, the best first.
func (s *split) dividers() []divider {
	count := divider{"count", (*split).countIDs}
	if s.opts.Division == Exact {
		return []divider{{"$bucketAuto", (*split).bucketAuto}, count}
	}
	sample := divider{"$sample", (*split).sample}
	if all, err := bson.Marshal(s.filter); err == nil && len(all) == emptyDocument {
		return []divider{{"splitVector", (*split).splitVector}, sample, count} // the first knows no filter
	}
	return []divider{sample, count}
}

// divide finds bounds in the first way that the server has.
func (s *split) divide(ctx context.Context) (splitPlan, error) {
	var refused []error
	for _, d := range s.dividers() {
		ids, err := d.find(s, ctx)
		var server mongo.ServerError
		switch {
		case err == nil:
			return splitPlan{bounds: bounds(ids), method: d.method}, nil
		case ctx.Err() != nil:
			return splitPlan{}, context.Cause(ctx)
		}
		err = classify(err)
		refusal := errors.As(err, &server) || errors.Is(err, errNoSize)
		if !refusal || stream.ClassOf(err).Transient() {
			return splitPlan{}, s.fail(fmt.Errorf("find ranges by %s: %w", d.method, err))
		}
		refused = append(refused, fmt.Errorf("by %s: %w", d.method, err))
	}
	return splitPlan{}, s.fail(fmt.Errorf("find ranges: %w", errors.Join(refused...)))
}

// bounds returns those of ids, which ascend, that can be bounds, each once.
func bounds(ids []bson.RawValue) (usable []string) {
	seen := make(map[string]bool, len(ids))
	for _, v := range ids {
		id := string([]byte{byte(v.Type)}) + string(v.Value)
		if hasWithin(v) && !seen[id] {
			seen[id] = true
			usable = append(usable, id)
		}
	}
	return usable
}

// errNoSize says that a way to find bounds does not work because it needs the size of the collection.
var errNoSize = errors.New("the server states no size of the collection")

// splitVector asks the server for bounds, which it finds in the index on _id. The server splits at
// half of maxChunkSizeBytes, and by default after 250,000 documents at the latest.
func (s *split) splitVector(ctx context.Context) (ids []bson.RawValue, err error) {
	stats, err := s.aggregate(ctx, bson.A{
		bson.D{{Key: "$collStats", Value: bson.D{{Key: "storageStats", Value: bson.D{}}}}},
	})
	if err != nil {
		return nil, err
	}
	size := int64(0) // of all shards
	for _, shard := range stats {
		n, _ := shard.Lookup("storageStats", "size").AsInt64OK()
		size += n
	}
	if size <= 0 {
		return nil, errNoSize // or it is empty
	}
	db := s.coll.Database()
	reply, err := s.command(ctx, bson.D{
		{Key: "splitVector", Value: db.Name() + "." + s.coll.Name()},
		{Key: "keyPattern", Value: bson.D{{Key: "_id", Value: 1}}},
		{Key: "maxChunkSizeBytes", Value: max(2*size/int64(s.opts.Ranges), 1)},
		{Key: "maxChunkObjects", Value: int64(math.MaxInt64)},
		{Key: "maxSplitPoints", Value: int32(s.opts.Ranges - 1)},
	})
	if err != nil {
		return nil, err
	}
	keys, _ := reply.Lookup("splitKeys").ArrayOK()
	values, err := keys.Values()
	for _, v := range values {
		d, _ := v.DocumentOK()
		ids = append(ids, d.Lookup("_id"))
	}
	return ids, err
}

// The number of documents of a sample. The client holds their _ids.
const (
	samples    = 200 // for each range
	maxSamples = 20_000
)

// sample takes the quantiles of a random sample.
func (s *split) sample(ctx context.Context) ([]bson.RawValue, error) {
	docs, err := s.aggregate(ctx, bson.A{
		bson.D{{Key: "$match", Value: s.filter}},
		bson.D{{Key: "$sample", Value: bson.D{{Key: "size", Value: int64(min(samples*s.opts.Ranges, maxSamples))}}}},
		bson.D{{Key: "$project", Value: bson.D{{Key: "_id", Value: 1}}}},
		bson.D{{Key: "$sort", Value: bson.D{{Key: "_id", Value: 1}}}},
	})
	if err != nil {
		return nil, err
	}
	var ids []bson.RawValue
	for i := 1; i < s.opts.Ranges; i++ {
		if at := i * len(docs) / s.opts.Ranges; at > 0 {
			ids = append(ids, docs[at].Lookup("_id"))
		}
	}
	return ids, nil
}

// bucketAuto lets the server divide the documents into equal groups.
func (s *split) bucketAuto(ctx context.Context) (ids []bson.RawValue, err error) {
	docs, err := s.aggregate(ctx, bson.A{
		bson.D{{Key: "$match", Value: s.filter}},
		bson.D{{Key: "$bucketAuto", Value: bson.D{
			{Key: "groupBy", Value: "$_id"}, {Key: "buckets", Value: int32(s.opts.Ranges)},
		}}},
	})
	for i, d := range docs {
		if i > 0 {
			ids = append(ids, d.Lookup("_id", "min"))
		}
	}
	return ids, err
}

// countIDs reads all _ids, and takes those at equal distances.
func (s *split) countIDs(ctx context.Context) (ids []bson.RawValue, err error) {
	waiting, done := mongowait.WithoutDeadline(ctx)
	defer done()
	err = guarded(func() error {
		n, err := s.coll.CountDocuments(waiting, s.filter)
		if err != nil {
			return err
		}
		longer, done := opening(ctx)
		defer done()
		cur, err := s.coll.Find(longer, s.filter, options.Find().
			SetProjection(bson.D{{Key: "_id", Value: 1}}).SetSort(bson.D{{Key: "_id", Value: 1}}))
		if err != nil {
			return err
		}
		defer s.close(ctx, cur)
		for i, next := int64(0), 1; next < s.opts.Ranges && cur.Next(waiting); i++ {
			if i == 0 || i < int64(next)*n/int64(s.opts.Ranges) {
				continue
			}
			id := cur.Current.Lookup("_id")
			id.Value = slices.Clone(id.Value)
			ids = append(ids, id)
			next++
		}
		return cur.Err()
	})
	return ids, probeFind(s.coll, s.opts.ReadPreference).explain(ctx, err)
}

// aggregate returns the documents of a pipeline, which are few.
func (s *split) aggregate(ctx context.Context, pipeline bson.A) (docs []bson.Raw, err error) {
	waiting, done := mongowait.WithoutDeadline(ctx)
	defer done()
	o := options.Aggregate().SetAllowDiskUse(true)
	if s.opts.Comment != nil {
		o.SetComment(s.opts.Comment)
	}
	err = guarded(func() error {
		longer, done := opening(ctx)
		defer done()
		cur, err := withReads(s.coll, nil, s.opts.ReadPreference).Aggregate(longer, pipeline, o)
		if err != nil {
			return err
		}
		defer s.close(ctx, cur)
		for cur.Next(waiting) {
			docs = append(docs, slices.Clone(cur.Current))
		}
		return cur.Err()
	})
	return docs, probeAggregate(s.coll, s.opts.ReadPreference).explain(ctx, err)
}

func (s *split) close(ctx context.Context, cur *mongo.Cursor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = cur.Close(ctx)
}

// command runs a command on the database of the collection.
func (s *split) command(ctx context.Context, command bson.D) (reply bson.Raw, err error) {
	waiting, done := mongowait.WithoutDeadline(mongo.NewSessionContext(ctx, nil))
	defer done()
	err = guarded(func() (err error) {
		reply, err = s.coll.Database().RunCommand(waiting, command).Raw()
		return err
	})
	return reply, err
}
