package mongosink_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/stream"
)

var (
	raw      = mongofixture.Raw
	numbered = mongofixture.Numbered
)

// inserter is a fake collection. As a server does, it stores each batch at once, whether the run
// completes or not.
type inserter struct {
	reply func(call int, docs []bson.Raw) (*mongo.BulkWriteResult, error) // nil inserts
	delay time.Duration

	mu      sync.Mutex
	batches [][]bson.Raw
	flying  int
	most    int // most calls in flight at once

	deadline bool // the context of at least one call had a deadline
}

// command answers a command in place of a server. It cannot read documents back.
func (f *inserter) command(ctx context.Context, command bson.Raw) (bson.Raw, error) {
	switch command.Index(0).Key() {
	case "insert":
	case "hello":
		return bson.Marshal(bson.D{{Key: "ok", Value: 1}})
	case "listCollections":
		return bson.Marshal(bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: bson.A{}}}}})
	default:
		return nil, mongo.CommandError{Code: 59, Message: "no such command"}
	}
	var docs []bson.Raw
	list, err := command.Lookup("documents").Array().Values()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 { // a question about its fields
		return nil, mongo.CommandError{Code: 13, Message: "not authorized"}
	}
	for _, v := range list {
		docs = append(docs, slices.Clone(v.Document()))
	}
	res, err := f.insert(ctx, docs)
	exception, ok := errors.AsType[mongo.BulkWriteException](err)
	if res == nil || err != nil && !ok {
		return nil, err
	}
	return answer(res, exception)
}

// answer returns the server's reply for the result of a bulk write, and the error of the driver.
func answer(res *mongo.BulkWriteResult, e mongo.BulkWriteException) (bson.Raw, error) {
	reply := bson.D{{Key: "n", Value: res.InsertedCount}, {Key: "ok", Value: 1}}
	var said mongo.WriteException
	errs := bson.A{}
	for _, w := range e.WriteErrors {
		errs = append(errs, bson.D{
			{Key: "index", Value: w.Index}, {Key: "code", Value: w.Code}, {Key: "errmsg", Value: w.Message},
		})
		said.WriteErrors = append(said.WriteErrors, w.WriteError)
	}
	if len(errs) > 0 {
		reply = append(reply, bson.E{Key: "writeErrors", Value: errs})
	}
	if c := e.WriteConcernError; c != nil {
		said.WriteConcernError = c
		reply = append(reply, bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: c.Code}}})
	}
	raw, err := bson.Marshal(reply)
	if err == nil && (len(errs) > 0 || e.WriteConcernError != nil) {
		err = said
	}
	return raw, err
}

func (f *inserter) insert(ctx context.Context, docs []bson.Raw) (*mongo.BulkWriteResult, error) {
	f.mu.Lock()
	if _, ok := ctx.Deadline(); ok {
		f.deadline = true
	}
	call := len(f.batches)
	f.batches = append(f.batches, docs)
	f.flying++
	f.most = max(f.most, f.flying)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.flying--
	}()
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-ctx.Done():
			return &mongo.BulkWriteResult{}, ctx.Err()
		}
	}
	if f.reply != nil {
		return f.reply(call, docs)
	}
	return inserted(len(docs)), nil
}

func inserted(n int) *mongo.BulkWriteResult {
	return &mongo.BulkWriteResult{InsertedCount: int64(n), Acknowledged: true}
}

func (f *inserter) sizes() (n []int) {
	for _, b := range f.batches {
		n = append(n, len(b))
	}
	return n
}

// sourceOf is a source of docs that ends with err.
func sourceOf(docs []bson.Raw, err error) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		for _, d := range docs {
			if err := emit(d); err != nil {
				return err
			}
		}
		return err
	})
}

func size(docs []bson.Raw) (n int64) {
	for _, d := range docs {
		n += int64(len(d))
	}
	return n
}
