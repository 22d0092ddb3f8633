package backup

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// documents returns a source of the documents that are restored. A run sets r.data.Want and the counts.
// begin is that of [Repository.segment].
func (r *collectionRestore) documents(begin func() *tally) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		r.counts = Counts{}
		if r.target.entry.Kind == mongosource.KindTimeSeries {
			anyOrder, below := newTally(), emit
			r.withoutID = 0
			emit = func(doc bson.Raw) error {
				if doc.Lookup("_id").IsZero() {
					r.withoutID++
				}
				anyOrder.add(inFieldOrder(doc))
				return below(doc)
			}
			defer func() { r.anyOrder = anyOrder.result() }()
		}
		if !r.job.opts.partial() {
			r.data.Want = r.listed
			return stream.Via(r.segments(), r.read(begin)).Each(ctx, func(doc bson.Raw) error {
				r.counts.Documents++
				r.counts.Bytes += int64(len(doc))
				return emit(doc)
			})
		}
		count := newTally()
		chosen := stream.Via2(r.segments(), r.read(begin), choose(r.job.ids, r.chosen))
		err := chosen.Each(ctx, func(doc bson.Raw) error {
			count.add(doc)
			return emit(doc)
		})
		r.data.Want = count.result()
		r.counts.Documents, r.counts.Bytes = r.data.Want.Documents, r.data.Want.Bytes
		return err
	})
}

// segments returns a source of the segments that are needed, and counts them.
func (r *collectionRestore) segments() stream.Source[Segment] {
	return stream.SourceFunc[Segment](func(ctx context.Context, emit func(Segment) error) error {
		var segments, fetched int64
		err := r.job.view.touched(r.target.number, r.job.ids).Each(ctx, func(s Segment) error {
			segments++
			fetched += s.Length
			return emit(s)
		})
		r.counts.Segments, r.counts.Fetched = segments, fetched
		return err
	})
}

// read returns a flow from segments to their documents, several segments at once unless the order
// matters.
func (r *collectionRestore) read(begin func() *tally) stream.Flow[Segment, bson.Raw] {
	documents := func(s Segment) stream.Source[bson.Raw] {
		return r.job.view.documents(r.target.number, s, begin)
	}
	if r.target.entry.Kind == mongosource.KindCapped || r.job.opts.Parallelism == 1 {
		return stream.ConcatMap(documents)
	}
	return stream.MergeMap(r.job.opts.Parallelism, documents)
}

// chosen reports whether a document of the range is restored.
func (r *collectionRestore) chosen(doc bson.Raw) (bool, error) {
	ns, opts := r.target.entry.Namespace(), &r.job.opts
	if opts.Filter != nil {
		if ok, err := opts.Filter(ns, doc); !ok || err != nil {
			return false, err
		}
	}
	if opts.Erase == nil {
		return true, nil
	}
	erase, err := opts.Erase(ns, doc)
	if erase && err == nil {
		r.counts.Erased++
	}
	return !erase && err == nil, err
}
