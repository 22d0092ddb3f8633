package mongosource

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/millweir/millweir/internal/bsonorder"
	"github.com/millweir/millweir/stream"
)

// ScanRange says which part of a collection a [Scan] reads, and at which time. The zero value is the
// whole collection, as it is while it is read.
type ScanRange struct {
	// From and To bound the _ids, in the order of MongoDB: from From on, up to To, without To. The
	// zero value of a bound means that there is none. See [IsBound]. A position After must lie
	// between them, in the order without a collation.
	From, To bson.RawValue

	// UUID is that of the collection to read. If the collection has another one, the error is
	// [ErrCollectionChanged]. Zeros mean that any collection of the name is read.
	UUID [16]byte

	// Snapshot reads all documents as they were at one time: At, or one that the server chooses if
	// At is zero. [ErrNoSnapshot] if the server cannot; [ErrSnapshotTooOld] if it no longer knows
	// the time. A scan that continues After a position needs At, the time that OnSnapshot gave. A
	// snapshot does not work with NoReadAhead, nor in a session of the context.
	Snapshot bool
	At       bson.Timestamp
	// OnSnapshot is called with the time, before the first document. It may be nil.
	OnSnapshot func(at bson.Timestamp)
}

// IsBound reports whether an _id can be a bound of a [ScanRange]: a number other than NaN, or a
// string, document, binary, ObjectID, boolean, date or timestamp.
func IsBound(id bson.RawValue) bool { return hasWithin(id) }

// check returns an error if the settings contradict each other or those of the scan.
func (o *ScanRange) check(scan *ScanOptions, concern *readconcern.ReadConcern) error {
	for _, bound := range []bson.RawValue{o.From, o.To} {
		if !bound.IsZero() && (bound.Validate() != nil || !IsBound(bound)) {
			return fmt.Errorf("an _id of the type %v cannot be a bound", bound.Type)
		}
	}
	after := scan.After
	switch {
	case o.Snapshot && concern != nil:
		return errors.New("a snapshot has its own read concern")
	case o.Snapshot && scan.NoReadAhead:
		return errors.New("a snapshot needs a session, so it cannot be read with NoReadAhead")
	case !o.Snapshot && o.At != bson.Timestamp{}:
		return errors.New("the time At needs Snapshot")
	case o.Snapshot && after != Position{} && o.At == bson.Timestamp{}:
		return errors.New("after a position, a snapshot needs the time At at which the scan began")
	case o.UUID != [16]byte{} && after != Position{} && after.uuid != o.UUID:
		return errors.New("the position After belongs to a collection with another UUID")
	case !o.contains(after.id):
		return errors.New("the position After is not between From and To")
	}
	return nil
}

// contains reports whether an _id lies in the range. "" does.
func (o *ScanRange) contains(id string) bool {
	if id == "" {
		return true
	}
	return (o.From.IsZero() || bsonorder.Compare(rawID(id), o.From) >= 0) &&
		(o.To.IsZero() || bsonorder.Compare(rawID(id), o.To) < 0)
}

// narrow makes r read a part of the collection.
func (r *scanRun) narrow(o *ScanRange) {
	r.span = interval{low: storableID(o.From), high: storableID(o.To)}
	if o.UUID != [16]byte{} {
		r.uuid, r.known = o.UUID, true
	}
	if !o.Snapshot {
		return
	}
	r.moment = &moment{at: o.At}
	reading := &split{scan: r.scan}
	reading.opts.ReadPreference = r.opts.ReadPreference
	told := false
	r.verify = func(ctx context.Context) error {
		if err := r.moment.check(ctx, reading); err != nil || told {
			return err
		}
		told = true
		if o.OnSnapshot != nil {
			o.OnSnapshot(r.moment.at)
		}
		return nil
	}
}

// storableID returns the type and the bytes of an _id, or "" for the zero value.
func storableID(id bson.RawValue) string {
	if id.IsZero() {
		return ""
	}
	return string([]byte{byte(id.Type)}) + string(id.Value)
}

// SnapshotTime returns a time at which coll can be read, the present. It has proved that the server
// reads at the time that it is asked for. If the server does not, the error is [ErrNoSnapshot].
func SnapshotTime(ctx context.Context, coll *mongo.Collection) (at bson.Timestamp, err error) {
	s, err := newSplit(coll, bson.D{}, &SplitOptions{Consistency: Instant})
	if err != nil {
		return at, err
	}
	choose := stream.Retry(func(ctx context.Context, _ struct{}) (bson.Timestamp, error) {
		m := &moment{}
		err := m.check(ctx, s)
		return m.at, err
	}, &s.opts.Backoff)
	return choose(ctx, struct{}{})
}

// Divide returns _ids that divide the documents of coll that match filter into ranges of about equal
// size: in ascending order, at most one less than the Ranges of opts. A [Split] with the same options
// would use them. Each can be a bound of a [ScanRange]. The result is empty if several ranges would
// cost the server more than one: see [SplitOptions].
func Divide(ctx context.Context, coll *mongo.Collection, filter any, opts *SplitOptions) ([]bson.RawValue, error) {
	s, err := newSplit(coll, filter, opts)
	if err != nil {
		return nil, err
	}
	divide := stream.Retry(func(ctx context.Context, _ struct{}) (splitPlan, error) { return s.plan(ctx) },
		&s.opts.Backoff)
	plan, err := divide(ctx, struct{}{})
	ids := make([]bson.RawValue, len(plan.bounds))
	for i, id := range plan.bounds {
		ids[i] = rawID(id)
	}
	return ids, err
}
