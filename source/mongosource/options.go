package mongosource

import (
	"fmt"
	"math"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// FindOptions tunes [Find]. The zero value is ready to use.
type FindOptions struct {
	Projection any   // the fields to return; nil means all
	Sort       any   // the order, as a document whose order counts (bson.D); nil means the server's
	Limit      int64 // documents at most; 0 means all
	Skip       int64 // documents to leave out first

	// BatchSize is the number of documents in a reply of the server, which never exceeds 16 MiB. 0 means 1,000: as fast as
	// the driver's default, whose replies of 16 MiB take twice the memory or more.
	BatchSize int

	Hint      any                // the index to use, by name or key document
	Min, Max  any                // bounds of the index in Hint, the upper one exclusive
	Collation *options.Collation // how strings compare; nil means as the collection has it
	Comment   any                // shown in the server's logs and profiles

	// MaxTime bounds the time spent waiting for the server in a run, all its batches together; the time that the downstream
	// takes does not count. 0 means no bound. It is kept on this side: the driver sends no time limit with a query whose
	// cursor the caller drives, because the server's limit would also count while the cursor is idle.
	MaxTime time.Duration

	// MaxEmptyBatches bounds the empty batches in a row that come within 100 ms each. The source waits after each of them, for 1 ms at
	// first and 1 s at most, and fails with [ErrBadReply] at the last. 0 means 100, which takes about 90 s. Less than 0 means no
	// bound, as a tailable cursor without awaitData needs.
	MaxEmptyBatches int

	// NoCursorTimeout asks the server not to end the cursor when it has been idle for 10 minutes. The session it belongs to
	// still ends after 30.
	NoCursorTimeout bool

	AllowDiskUse bool // lets a large sort write temporary files on the server

	// Validate walks every document and ends the run at one whose structure is not BSON. Without it only the length and the
	// terminator of each document are looked at: servers store nothing else than BSON, and most flows read the documents anyway.
	Validate bool

	ReadConcern    *readconcern.ReadConcern // nil means the collection's
	ReadPreference *readpref.ReadPref       // nil means the collection's
}

const defaultBatchSize = 1000

// clone returns a copy that later changes of the caller do not reach.
func (o *FindOptions) clone() FindOptions {
	c := *o
	if o.Collation != nil {
		collation := *o.Collation
		c.Collation = &collation
	}
	return c
}

func (o *FindOptions) check() error {
	switch {
	case o.Limit < 0:
		return fmt.Errorf("the limit %d is negative", o.Limit)
	case o.Skip < 0:
		return fmt.Errorf("the number of documents to skip, %d, is negative", o.Skip)
	case o.BatchSize < 0 || o.BatchSize > math.MaxInt32:
		return fmt.Errorf("the batch size %d is not between 0 and %d", o.BatchSize, math.MaxInt32)
	case o.MaxTime < 0:
		return fmt.Errorf("the maximum time %v is negative", o.MaxTime)
	}
	return nil
}

// driver returns the options as the driver takes them.
func (o *FindOptions) driver() *options.FindOptionsBuilder {
	size := o.BatchSize
	if size == 0 {
		size = defaultBatchSize
	}
	f := options.Find().SetBatchSize(int32(size))
	if o.Projection != nil {
		f.SetProjection(o.Projection)
	}
	if o.Sort != nil {
		f.SetSort(o.Sort)
	}
	if o.Limit > 0 {
		f.SetLimit(o.Limit)
	}
	if o.Skip > 0 {
		f.SetSkip(o.Skip)
	}
	if o.Hint != nil {
		f.SetHint(o.Hint)
	}
	if o.Min != nil {
		f.SetMin(o.Min)
	}
	if o.Max != nil {
		f.SetMax(o.Max)
	}
	if o.Collation != nil {
		f.SetCollation(o.Collation)
	}
	if o.Comment != nil {
		f.SetComment(o.Comment)
	}
	if o.NoCursorTimeout {
		f.SetNoCursorTimeout(true)
	}
	if o.AllowDiskUse {
		f.SetAllowDiskUse(true)
	}
	return f
}
