package mongosource

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/mongowait"
	"github.com/millweir/millweir/stream"
)

// Consistency says at which times the documents of one run are read.
type Consistency int

const (
	// Fuzzy reads each document as it is when the server reads it. Concurrent writes may be in some
	// documents and not in others.
	Fuzzy Consistency = iota
	// PerRange reads each range as it was at one time, and different ranges at different times. A
	// range that is continued from a stored position is read at its stored time.
	PerRange
	// Instant reads all documents as they were at one time.
	Instant
)

// String returns the name of the constant.
func (c Consistency) String() string {
	switch c {
	case Fuzzy:
		return "fuzzy"
	case PerRange:
		return "per range"
	case Instant:
		return "instant"
	}
	return fmt.Sprintf("Consistency(%d)", int(c))
}

// ErrNoSnapshot says that the server cannot read a snapshot, or accepts to and then reads the present
// documents. Its class is Fatal.
var ErrNoSnapshot = stream.Mark(errors.New("the server does not read snapshots"), stream.Fatal)

// ErrSnapshotTooOld says that the server no longer has the documents as they were at the time of the
// snapshot. A server keeps them for 5 minutes unless minSnapshotHistoryWindowInSeconds says more. Its
// class is Fatal, because another time would give other documents.
var ErrSnapshotTooOld = stream.Mark(errors.New("the snapshot is too old"), stream.Fatal)

// moment is the cluster time of a snapshot. A nil moment is the present.
type moment struct {
	at bson.Timestamp // zero until it is chosen
}

// time returns the time, or zero for the present.
func (m *moment) time() bson.Timestamp {
	if m == nil {
		return bson.Timestamp{}
	}
	return m.at
}

// check returns an error unless the server reads the collection of s at the time of m. If m has no
// time yet, check lets the server choose it.
func (m *moment) check(ctx context.Context, s *split) error {
	if m == nil {
		return nil
	}
	if m.at != (bson.Timestamp{}) {
		return s.readsAt(ctx, m.at)
	}
	at, err := s.snapshotTime(ctx, bson.Timestamp{})
	switch {
	case err != nil:
		return err
	case at == bson.Timestamp{}:
		return s.fail(fmt.Errorf("%w: its reply states no cluster time", ErrNoSnapshot))
	}
	if err := s.readsThePast(ctx, at); err != nil {
		return err
	}
	if err := s.readsAt(ctx, at); err != nil {
		return err
	}
	m.at = at
	return nil
}

// readsAt returns an error unless a reply states the time that the request asked for. A server that
// ignores the time states the present, or nothing.
func (s *split) readsAt(ctx context.Context, at bson.Timestamp) error {
	got, err := s.snapshotTime(ctx, at)
	if err == nil && got != at {
		err = s.fail(fmt.Errorf("%w: asked for the time %v, it read at %v", ErrNoSnapshot, at, got))
	}
	return err
}

// readsThePast asks for a time before at. If nothing was written since, only this tells a server that
// ignores the time. An error that says that the past cannot be read proves that the server looked.
func (s *split) readsThePast(ctx context.Context, at bson.Timestamp) error {
	const snapshotUnavailable = 246
	err := s.readsAt(ctx, before(at))
	var server mongo.ServerError
	if errors.Is(err, ErrSnapshotTooOld) || errors.As(err, &server) && server.HasErrorCode(snapshotUnavailable) {
		return nil
	}
	return err
}

// before returns the cluster time before t.
func before(t bson.Timestamp) bson.Timestamp {
	if t.I == 0 {
		return bson.Timestamp{T: t.T - 1}
	}
	return bson.Timestamp{T: t.T, I: t.I - 1}
}

// snapshotTime reads a document at a time, or at one that the server chooses for zero, and returns
// the time that the reply states. The driver's cursors do not show it.
func (s *split) snapshotTime(ctx context.Context, at bson.Timestamp) (got bson.Timestamp, err error) {
	concern := bson.D{{Key: "level", Value: "snapshot"}}
	if at != (bson.Timestamp{}) {
		concern = append(concern, bson.E{Key: "atClusterTime", Value: at})
	}
	read := options.RunCmd()
	if s.opts.ReadPreference != nil {
		read.SetReadPreference(s.opts.ReadPreference)
	}
	var reply bson.Raw
	waiting, done := mongowait.WithoutDeadline(mongo.NewSessionContext(ctx, nil))
	defer done()
	err = guarded(func() (err error) {
		reply, err = s.coll.Database().RunCommand(waiting, bson.D{
			{Key: "find", Value: s.coll.Name()},
			{Key: "filter", Value: bson.D{}},
			{Key: "sort", Value: bson.D{{Key: "_id", Value: 1}}},
			{Key: "limit", Value: 1},
			{Key: "singleBatch", Value: true},
			{Key: "readConcern", Value: concern},
		}, read).Raw()
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return got, context.Cause(ctx)
	case err != nil:
		return got, s.fail(fmt.Errorf("read a snapshot: %w", refusedSnapshot(classify(err))))
	}
	got.T, got.I, _ = reply.Lookup("cursor", "atClusterTime").TimestampOK()
	return got, nil
}

// codesNoSnapshot are the codes with which a server says that it cannot read snapshots at all.
var codesNoSnapshot = []int{
	20,  // IllegalOperation
	72,  // InvalidOptions: no such read concern, or no such field of one
	115, // CommandNotSupported
	123, // NotAReplicaSet
	148, // ReadConcernMajorityNotEnabled
	238, // NotImplemented, of FerretDB
	263, // OperationNotSupportedInTransaction
	303, // of Amazon DocumentDB, for a feature that it does not have
}

// refusedSnapshot adds [ErrNoSnapshot] to an error with which a server says that it cannot read
// snapshots at all, such as a standalone server does.
func refusedSnapshot(err error) error {
	var server mongo.ServerError
	if errors.As(err, &server) && slices.ContainsFunc(codesNoSnapshot, server.HasErrorCode) {
		return fmt.Errorf("%w: %w", ErrNoSnapshot, err)
	}
	return err
}
