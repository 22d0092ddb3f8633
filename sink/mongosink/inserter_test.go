package mongosink_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/stream"
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
	opts    options.BulkWriteOptions

	deadline bool // the context of at least one call had a deadline
}

func (f *inserter) BulkWrite(ctx context.Context, models []mongo.WriteModel,
	opts ...options.Lister[options.BulkWriteOptions],
) (*mongo.BulkWriteResult, error) {
	var docs []bson.Raw
	for _, m := range models {
		docs = append(docs, m.(*mongo.InsertOneModel).Document.(bson.Raw))
	}
	f.mu.Lock()
	if _, ok := ctx.Deadline(); ok {
		f.deadline = true
	}
	call := len(f.batches)
	f.batches = append(f.batches, docs)
	f.flying++
	f.most = max(f.most, f.flying)
	f.opts = options.BulkWriteOptions{}
	for _, l := range opts {
		for _, set := range l.List() {
			set(&f.opts)
		}
	}
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

func raw(t testing.TB, v any) bson.Raw {
	t.Helper()
	b, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func numbered(t testing.TB, n int) (docs []bson.Raw) {
	for i := range n {
		docs = append(docs, raw(t, bson.D{{Key: "_id", Value: i}, {Key: "name", Value: fmt.Sprint("cookie ", i)}}))
	}
	return docs
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
