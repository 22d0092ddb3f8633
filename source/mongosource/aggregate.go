package mongosource

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/millweir/millweir/stream"
)

// AggregateOptions tunes [Aggregate]. The zero value is ready to use. The fields that FindOptions
// has too mean the same.
type AggregateOptions struct {
	Let any // the variables of the pipeline, a document

	BatchSize       int
	NoReadAhead     bool
	CopyDocuments   bool
	Hint            any
	Collation       *options.Collation
	Comment         any
	MaxTime         time.Duration
	MaxEmptyBatches int
	AllowDiskUse    bool // lets stages of the pipeline write temporary files on the server
	Validate        bool

	ReadConcern    *readconcern.ReadConcern
	ReadPreference *readpref.ReadPref
}

// Aggregate returns a source of the documents that a pipeline makes of those of coll. Every run is
// a new aggregation.
//
//   - In: pipeline is a slice of stages, such as mongo.Pipeline. It must not end with $out or
//     $merge, because a source must not write.
//   - Out, memory, order and goroutines, errors, classes, early end: as [Find].
func Aggregate(coll *mongo.Collection, pipeline any, opts *AggregateOptions) stream.Source[bson.Raw] {
	var o AggregateOptions
	if opts != nil {
		o = *opts
	}
	if o.Collation != nil {
		collation := *o.Collation
		o.Collation = &collation
	}
	q := &query{name: "aggregate", of: coll, validate: o.Validate, cursorSettings: cursorSettings{
		batchSize: o.BatchSize, noReadAhead: o.NoReadAhead, copyDocuments: o.CopyDocuments,
		maxTime: o.MaxTime, maxEmptyBatches: o.MaxEmptyBatches,
	}}
	if coll == nil {
		return stream.Fail[bson.Raw](q.nilCollection())
	}
	if err := o.check(pipeline); err != nil {
		return stream.Fail[bson.Raw](q.invalid(err))
	}
	q.probe = probeAggregate(coll, o.ReadPreference)
	q.open = func(ctx context.Context, batchSize int32) (*mongo.Cursor, error) {
		return withReads(coll, o.ReadConcern, o.ReadPreference).Aggregate(ctx, pipeline,
			o.driver().SetBatchSize(batchSize))
	}
	return stream.SourceFunc[bson.Raw](q.each)
}

func (o *AggregateOptions) check(pipeline any) error {
	switch writes, err := writingStage(pipeline); {
	case pipeline == nil:
		return errors.New("the pipeline is nil (mongo.Pipeline{} passes every document)")
	case err != nil:
		return err
	case writes != "":
		return fmt.Errorf("the pipeline writes, with %s: run it with the driver", writes)
	case o.BatchSize < 0 || o.BatchSize > math.MaxInt32:
		return fmt.Errorf("the batch size %d is not between 0 and %d", o.BatchSize, math.MaxInt32)
	case o.MaxTime < 0:
		return fmt.Errorf("the maximum time %v is negative", o.MaxTime)
	}
	return nil
}

// writingStage returns the name of a stage of the pipeline that writes, or "".
func writingStage(pipeline any) (string, error) {
	kind, value, err := bson.MarshalValue(pipeline)
	switch {
	case pipeline == nil || err != nil:
		return "", nil //nolint:nilerr // the client may marshal what bson.MarshalValue does not
	case kind != bson.TypeArray:
		return "", fmt.Errorf("a pipeline is a slice of stages, not a %T", pipeline)
	}
	stages, err := bson.RawArray(value).Values()
	if err != nil {
		return "", err
	}
	for _, v := range stages {
		stage, _ := v.DocumentOK()
		for _, name := range []string{"$out", "$merge"} {
			if _, err := stage.LookupErr(name); err == nil {
				return name, nil
			}
		}
	}
	return "", nil
}

// driver returns the options in the driver's form, except for the size of batches.
func (o *AggregateOptions) driver() *options.AggregateOptionsBuilder {
	a := options.Aggregate()
	if o.Let != nil {
		a.SetLet(o.Let)
	}
	if o.Hint != nil {
		a.SetHint(o.Hint)
	}
	if o.Collation != nil {
		a.SetCollation(o.Collation)
	}
	if o.Comment != nil {
		a.SetComment(o.Comment)
	}
	if o.AllowDiskUse {
		a.SetAllowDiskUse(true)
	}
	return a
}
