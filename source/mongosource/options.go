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
	// the fields to return; nil means all
	Projection any
	// the order, as an ordered document (bson.D); nil means the server's
	Sort any
	// the largest number of documents; 0 means all
	Limit int64
	// the number of documents to skip first
	Skip int64

	// BatchSize is the number of documents in one reply, which never exceeds 16 MiB. 0 means 1,000
	// for the first reply; the next ones ask for as many as fill 4 MiB, at most 100,000. With a
	// [stream.Budget] it means 100 for the first reply, and 2 MiB.
	BatchSize int

	// NoReadAhead reads a batch only when the downstream has taken the one before it, on the
	// goroutine that runs the source.
	NoReadAhead bool

	// CopyDocuments copies each document. Otherwise the documents of a batch are parts of one reply, of
	// 4 MiB, whose memory is in use as long as any of them is. Set it to keep a few of many documents,
	// because each of them could keep its whole batch, or if you change documents while a command
	// monitor of the client uses the replies. Documents are also copied with versions of the driver
	// that this package does not know.
	CopyDocuments bool

	Hint any // the index to use, by name or key document
	// bounds in the index of Hint; Max is exclusive
	Min, Max any
	// how strings compare; nil means the collection's
	Collation *options.Collation
	Comment   any // shown in the server's logs and profiles

	// MaxTime limits the time that the server takes to reply, over all batches. The time of the
	// downstream does not count. 0 means no limit. The client enforces the limit, because a limit
	// of the server would also count while the cursor is idle.
	MaxTime time.Duration

	// MaxEmptyBatches limits the number of successive empty batches that each come within 100 ms.
	// After each of them the source waits, for 1 ms at first and 1 s at most. At the limit it fails
	// with [ErrBadReply]. 0 means 100, which takes about 90 s. A negative number means no limit,
	// for a tailable cursor without awaitData.
	MaxEmptyBatches int

	// NoCursorTimeout asks the server to keep a cursor that has been idle for 10 minutes. Its
	// session is refreshed while the downstream is busy, if the source reads ahead.
	NoCursorTimeout bool

	AllowDiskUse bool // lets a large sort write temporary files on the server

	// Validate walks every document and ends the run at one whose structure is not BSON. By default
	// only the length and the terminator are checked: servers store only BSON, and most flows read
	// the documents anyway.
	Validate bool

	ReadConcern    *readconcern.ReadConcern // nil means the collection's
	ReadPreference *readpref.ReadPref       // nil means the collection's
}

const (
	maxBatchSize = 100_000
	keepAlive    = 5 * time.Minute // sessions end after 30
)

// clone returns a copy that later changes by the caller do not affect.
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

// driver returns the options in the driver's form, except for the size of batches.
func (o *FindOptions) driver() *options.FindOptionsBuilder {
	f := options.Find()
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
