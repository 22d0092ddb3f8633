package mongosource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/millweir/millweir/stream"
)

// SplitOptions tunes [Split]. The zero value reads the collection as one range. The fields that
// ScanOptions has too mean the same.
type SplitOptions struct {
	// Parallelism is the number of ranges that are read at once, from 1 to 256. 0 means 1. If it is
	// more, Split first measures one range against the whole collection: see Unmeasured.
	Parallelism int
	// Ranges is the number of ranges, from 1 to 10,000. 0 means 4 × Parallelism, or 1 range if that
	// is 1. A collection may have fewer.
	Ranges int
	// Order says in which order the documents of the ranges come.
	Order SplitOrder
	// Division says how equal the ranges are.
	Division Division
	// Unmeasured reads several ranges at once without measuring first. On some servers, each range
	// costs as much as the whole collection. Split compares the first thousand documents of both,
	// and reads the collection as one range if the ranges would cost more than 1.25 × as much.
	Unmeasured bool

	// Consistency says at which times the documents are read. If the server cannot, the run fails
	// with ErrNoSnapshot before the first document, or reads fuzzily if AllowFuzzy is set. Instant
	// must end before the server forgets its time (ErrSnapshotTooOld). PerRange must do so with each
	// range, also with one that After continues.
	Consistency Consistency
	AllowFuzzy  bool
	// At is the cluster time of Instant, such as that of another collection's report. Zero means
	// that the server chooses the present.
	At bson.Timestamp

	// After continues a split of the same collection and filter after a stored position, with its
	// ranges and times. The zero value begins.
	After SplitPosition
	// Report, if it is not nil, is called when the run has emitted all documents.
	Report func(SplitReport)

	Projection     any // must keep the _id as it is
	BatchSize      int
	CopyDocuments  bool
	Hint           any
	Comment        any
	Validate       bool
	ReadConcern    *readconcern.ReadConcern // nil means majority; snapshots have their own
	ReadPreference *readpref.ReadPref
	KeepAlive      time.Duration
	stream.Backoff // as in ScanOptions
}

// SplitOrder is the order of the documents of a [Split].
type SplitOrder int

const (
	// InOrder emits the documents in the order of their _id. The ranges after the first one read two
	// batches ahead and then wait, so parallelism helps only if the ranges are short.
	InOrder SplitOrder = iota
	// AsTheyCome emits batches of all ranges that are being read. Those of one range keep their order.
	AsTheyCome
)

// Division says how a [Split] finds its ranges.
type Division int

const (
	// Estimated uses the server's index (splitVector) or a sample ($sample) of 200 documents
	// a range, at most 20,000.
	Estimated Division = iota
	// Exact makes ranges of equal counts ($bucketAuto), which costs a scan of the _ids.
	Exact
)

// SplitReport describes a complete [Split].
type SplitReport struct {
	Consistency Consistency // that was reached
	Ranges      []SplitRange
	// Method found the ranges: splitVector, $sample, $bucketAuto or count. It is empty if one range
	// was asked for, and if the run continued a position.
	Method string
	// Cost is the estimated cost of the ranges, divided by that of one range. It is 0 if it was not
	// measured. If it is more than 1.25, one range was read.
	Cost float64
}

// SplitRange is a range of a [Split]: from Low up to High, without High. The zero value of a bound
// means that there is none.
type SplitRange struct {
	Low, High bson.RawValue
	Documents int64          // emitted by this run
	At        bson.Timestamp // the time of the snapshot; zero if the range was read fuzzily
}

// Split returns a source of the documents of coll that match filter, read as ranges of _ids of about
// equal size that cover all types. Each range resumes after a failure, as a [Scan] does.
//
//   - Out: one bson.Raw per document, in the order that Order says. Without concurrent writes, or
//     with Instant, each document comes once.
//   - Memory: Parallelism times that of [Find], and one document, which is held back until the
//     collection is proven to be the same as at the beginning. Before the first document, the _ids
//     that divide the ranges: at most 20,000. A [stream.Budget] must have Parallelism × 6 MiB.
//   - Goroutines: two for each range that is being read.
//   - Errors: as [Scan]; [ErrNoSnapshot], [ErrSnapshotTooOld]. In a session of the context,
//     Parallelism must be 1 and Consistency Fuzzy.
//   - Classes, early end, limits: as [Scan]. More than one range needs a server that compares in
//     $expr, from MongoDB 3.6 on.
func Split(coll *mongo.Collection, filter any, opts *SplitOptions) stream.Source[bson.Raw] {
	s, err := newSplit(coll, filter, opts)
	if err != nil {
		return stream.Fail[bson.Raw](err)
	}
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		return s.each(ctx, func(_ *splitRun, doc bson.Raw, _ bool) error { return emit(doc) })
	})
}

// SplitCheckpoints is like [Split], and puts each document into an envelope. The last document of each
// batch has the position of the whole, for a split that a later process continues.
func SplitCheckpoints(coll *mongo.Collection, filter any, opts *SplitOptions) stream.Source[SplitCheckpointed] {
	s, err := newSplit(coll, filter, opts)
	if err != nil {
		return stream.Fail[SplitCheckpointed](err)
	}
	type placed struct {
		doc   bson.Raw
		at    SplitPosition
		valid bool
	}
	docs := stream.SourceFunc[placed](func(ctx context.Context, emit func(placed) error) error {
		return s.each(ctx, func(r *splitRun, doc bson.Raw, endsBatch bool) error {
			p := placed{doc: doc, valid: endsBatch}
			if endsBatch {
				p.at = r.position()
			}
			return emit(p)
		})
	})
	return stream.Via2(docs,
		stream.Checkpoints(func(p placed) SplitPosition { return p.at }),
		stream.Map(func(e stream.Envelope[placed, stream.Checkpoint[SplitPosition]]) SplitCheckpointed {
			out := SplitCheckpointed{Value: e.Value.doc}
			if e.Value.valid {
				out.Context = e.Context
			}
			return out
		}))
}

// SplitCheckpointed is a document with the position of the whole, as [SplitCheckpoints] emits it.
type SplitCheckpointed = stream.Envelope[bson.Raw, stream.Checkpoint[SplitPosition]]

// split is the description of a split.
type split struct {
	*scan // of one range
	opts  SplitOptions
}

func newSplit(coll *mongo.Collection, filter any, opts *SplitOptions) (*split, error) {
	s := &split{}
	if opts != nil {
		s.opts = *opts
	}
	o := &s.opts
	if o.Parallelism == 0 {
		o.Parallelism = 1
	}
	if o.Ranges == 0 {
		o.Ranges = 1
		if o.Parallelism > 1 {
			o.Ranges = 4 * o.Parallelism
		}
	}
	var err error
	s.scan, err = newScan("split", coll, filter, &ScanOptions{
		Projection: o.Projection, BatchSize: o.BatchSize, CopyDocuments: o.CopyDocuments, Hint: o.Hint,
		Comment: o.Comment, Validate: o.Validate,
		ReadConcern: o.ReadConcern, ReadPreference: o.ReadPreference, KeepAlive: o.KeepAlive, Backoff: o.Backoff,
	})
	if err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, stream.Mark(s.fail(err), stream.Fatal)
	}
	return s, nil
}

const (
	maxRanges      = 10_000
	maxParallelism = 256
)

func (o *SplitOptions) check() error {
	switch {
	case o.Parallelism < 1 || o.Parallelism > maxParallelism:
		return fmt.Errorf("the parallelism %d is not between 1 and %d", o.Parallelism, maxParallelism)
	case o.Ranges < 1 || o.Ranges > maxRanges:
		return fmt.Errorf("the number of ranges, %d, is not between 1 and %d", o.Ranges, maxRanges)
	case o.Order != InOrder && o.Order != AsTheyCome:
		return fmt.Errorf("the order %d does not exist", o.Order)
	case o.Division != Estimated && o.Division != Exact:
		return fmt.Errorf("the division %d does not exist", o.Division)
	case o.Consistency < Fuzzy || o.Consistency > Instant:
		return fmt.Errorf("the consistency %d does not exist", int(o.Consistency))
	case o.At != bson.Timestamp{} && o.Consistency != Instant:
		return errors.New("the time At needs the consistency Instant")
	case o.ReadConcern != nil && o.Consistency != Fuzzy:
		return fmt.Errorf("the consistency %v has its own read concern", o.Consistency)
	}
	return nil
}
