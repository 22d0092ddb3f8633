package mongosource

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/stream"
)

// WatchOptions tunes [Watch]. The zero value is ready to use.
type WatchOptions struct {
	// After continues after a stored position of the same target, with the same Pipeline and
	// ExpandedEvents. The zero value begins now. There is no start by time: see Change streams in the
	// package comment.
	After ChangePosition

	// Pipeline has the stages after $changeStream, such as a mongo.Pipeline with a $match. nil means
	// none. It must keep the _id of the events, and it must not write. Keep invalidate events: a
	// stream without them ends at an invalidation with an error that has no position.
	Pipeline any

	// FullDocument says what an update event has as its document: nothing by default. UpdateLookup
	// is the document at the time when the server reads it, which may be later than the change, or
	// nothing if the document was deleted. WhenAvailable and Required are the document right after
	// the change (MongoDB 6.0), if the collection has changeStreamPreAndPostImages enabled. If the
	// image is not there any more, WhenAvailable gives none and Required ends the run.
	FullDocument options.FullDocument
	// BeforeImage says what events have as the document before the change: nothing by default,
	// options.WhenAvailable or options.Required, as for FullDocument.
	BeforeImage options.FullDocument

	// ExpandedEvents also asks for events of indexes, collection options and shards (MongoDB 6.0).
	ExpandedEvents bool
	// SplitLargeEvents lets the server send an event of more than 16 MiB in fragments (MongoDB 6.0.9).
	// They are joined, so the event can have twice the size of a document or more. Without it, such
	// an event ends the run with [ErrEventTooLarge].
	SplitLargeEvents bool

	// BatchSize is the number of events in one reply, which never exceeds 16 MiB. 0 means 1,000 at
	// first, or 100 with a [stream.Budget], then as many as fill 2 MiB, at most 100,000.
	BatchSize int
	// NoReadAhead reads a batch only when the downstream has taken the one before it.
	NoReadAhead bool
	Collation   *options.Collation // nil means simple binary comparison
	Comment     any                // shown in the server's logs and profiles

	// MaxAwait is how long the server waits for a change before it replies without one. 0 means the
	// server's default, 1 s.
	MaxAwait time.Duration

	// Heartbeat is the time without events after which an OpHeartbeat is emitted, so that a stored
	// position does not become too old on a quiet stream. Its position is a token that the server
	// gives without an event. The first heartbeat comes right after the start, with the position of
	// the start. A later one comes with a reply of the server, so up to MaxAwait late. 0 means none.
	Heartbeat time.Duration

	// ReopenAfter is how long the stream may lag before its cursor is no longer used: some servers let
	// a cursor skip changes that have left their log. Until it has caught up, the source reads each
	// batch by opening the stream again after the last event. 0 means 10 s, a negative number opens
	// the stream again for every batch. If MaxAwait is not less, a quiet stream is opened again after
	// each wait.
	ReopenAfter time.Duration

	// Backoff says after what delay the stream is opened again, and how often in a row. MaxRetries 0
	// means no limit.
	stream.Backoff
}

const defaultReopenAfter = 10 * time.Second

// prepare fills in the defaults and checks the settings.
func (o *WatchOptions) prepare() error {
	o.ReopenAfter = cmp.Or(o.ReopenAfter, defaultReopenAfter)
	o.MaxRetries = cmp.Or(o.MaxRetries, -1)
	if o.Collation != nil {
		collation := *o.Collation
		o.Collation = &collation
	}
	switch {
	case o.BatchSize < 0 || o.BatchSize >= math.MaxInt32:
		return fmt.Errorf("the batch size %d is not between 0 and %d", o.BatchSize, math.MaxInt32-1)
	case o.MaxAwait < 0:
		return fmt.Errorf("the time to wait for a change, %v, is negative", o.MaxAwait)
	case o.MaxAwait > 0 && o.MaxAwait < time.Millisecond:
		return fmt.Errorf("the time to wait for a change, %v, is less than a millisecond", o.MaxAwait)
	case o.Heartbeat < 0:
		return fmt.Errorf("the time until a heartbeat, %v, is negative", o.Heartbeat)
	}
	return nil
}

// stages returns the stages that follow $changeStream, as the driver takes them.
func (o *WatchOptions) stages() (any, error) {
	if o.Pipeline == nil && !o.SplitLargeEvents {
		return mongo.Pipeline{}, nil
	}
	writes, err := writingStage(o.Pipeline)
	switch {
	case err != nil:
		return nil, err
	case writes != "":
		return nil, fmt.Errorf("the pipeline writes, with %s", writes)
	case !o.SplitLargeEvents:
		return o.Pipeline, nil
	}
	var stages []any
	if o.Pipeline != nil {
		list := reflect.ValueOf(o.Pipeline)
		if list.Kind() != reflect.Slice {
			return nil, errors.New("a pipeline is a slice of stages, not a " + list.Type().String())
		}
		for i := range list.Len() {
			stages = append(stages, list.Index(i).Interface())
		}
	}
	return append(stages, bson.D{{Key: "$changeStreamSplitLargeEvent", Value: bson.D{}}}), nil
}

// readsAgain reports whether the last event surely comes again after a reopening. It may not if the
// pipeline can filter by documents that the server looks up, because these may have changed, or if an
// event needs an image, which the server may have deleted.
func (o *WatchOptions) readsAgain() bool {
	if o.FullDocument == options.Required || o.BeforeImage == options.Required {
		return false
	}
	return o.stageCount() == 0 || o.FullDocument == "" && o.BeforeImage == ""
}

// stageCount returns the number of stages of the pipeline.
func (o *WatchOptions) stageCount() int {
	if list := reflect.ValueOf(o.Pipeline); list.Kind() == reflect.Slice {
		return list.Len()
	}
	return 0
}

// driver returns the options in the driver's form, without the place to start.
func (o *WatchOptions) driver() *options.ChangeStreamOptionsBuilder {
	d := options.ChangeStream()
	if o.FullDocument != "" {
		d.SetFullDocument(o.FullDocument)
	}
	if o.BeforeImage != "" {
		d.SetFullDocumentBeforeChange(o.BeforeImage)
	}
	if o.ExpandedEvents {
		d.SetShowExpandedEvents(true)
	}
	if o.Collation != nil {
		d.SetCollation(*o.Collation)
	}
	if o.Comment != nil {
		d.SetComment(o.Comment)
	}
	if o.MaxAwait > 0 {
		d.SetMaxAwaitTime(o.MaxAwait)
	}
	return d
}
