package mongosink_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// oneBatch is the memory of a batch of batchDocuments documents and batchBytes bytes.
const (
	batchDocuments = 10
	batchBytes     = 1000
	oneBatch       = 3*(batchBytes+17) + 128*batchDocuments
)

// Runs that share a budget keep within it, all of them end, and they have as many batches in flight
// as the budget allows.
func TestInsertBudget(t *testing.T) {
	docs := numbered(t, 200)
	for name, c := range map[string]struct {
		runs, parallelism, batches, most int
		ordered                          bool
	}{
		"one batch":             {1, 0, 1, 1, false},
		"one batch, ordered":    {1, 0, 1, 1, true},
		"one batch, given":      {1, 1, 1, 1, false},
		"many batches":          {1, 0, 20, 4, false},
		"many batches, given":   {1, 8, 20, 8, false},
		"one batch of ten runs": {10, 0, 1, 1, false},
		"three of ten runs":     {10, 0, 3, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := stream.NewBudget(int64(c.batches) * oneBatch)
				f := &inserter{delay: time.Second, reply: func(_ int, docs []bson.Raw) (*mongo.BulkWriteResult, error) {
					if used := b.Used(); used > b.Size() || used < size(docs) {
						t.Errorf("with %d bytes in flight %d are held of %d", size(docs), used, b.Size())
					}
					return inserted(len(docs)), nil
				}}
				sink := mongosink.InsertBy(f.command, &mongosink.InsertOptions{
					BatchDocuments: batchDocuments, BatchBytes: batchBytes,
					Parallelism: c.parallelism, Ordered: c.ordered,
				})
				ctx := stream.WithBudget(t.Context(), b)
				var wg sync.WaitGroup
				for range c.runs {
					wg.Go(func() {
						r, err := stream.Run(ctx, sourceOf(docs, nil), sink)
						if err != nil || r.Inserted != int64(len(docs)) {
							t.Errorf("%+v, %v", r, err)
						}
					})
				}
				wg.Wait()
				if b.Used() != 0 {
					t.Errorf("%d bytes are held", b.Used())
				}
				if least := min(c.most, c.runs*4); c.ordered && f.most > 1 || f.most < least {
					t.Errorf("%d batches in flight, want %d", f.most, least)
				}
			})
		})
	}
}

// A document that is larger than the minimum is inserted alone.
func TestInsertBudgetLargeDocument(t *testing.T) {
	large := raw(t, bson.D{{Key: "_id", Value: -1}, {Key: "b", Value: make([]byte, 100_000)}})
	docs := append(numbered(t, 25), large, large)
	docs = append(docs, numbered(t, 25)...)
	b := stream.NewBudget(oneBatch)
	f := &inserter{}
	r, err := stream.Run(stream.WithBudget(t.Context(), b), sourceOf(docs, nil), mongosink.InsertBy(f.command,
		&mongosink.InsertOptions{BatchDocuments: batchDocuments, BatchBytes: batchBytes}))
	if err != nil || r.Inserted != 52 || b.Used() != 0 {
		t.Errorf("%+v, %v, %d bytes are held", r, err, b.Used())
	}
}

// A run gives everything back, however it ends.
func TestInsertBudgetOfFailedRun(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		upstream, reply error
		cancel          bool
	}{
		"upstream": {upstream: boom}, "server": {reply: boom}, "cancel": {cancel: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := stream.NewBudget(2 * oneBatch)
				f := &inserter{delay: time.Second}
				if c.reply != nil {
					f.reply = func(int, []bson.Raw) (*mongo.BulkWriteResult, error) { return nil, c.reply }
				}
				ctx, cancel := context.WithCancelCause(stream.WithBudget(t.Context(), b))
				defer cancel(nil)
				if c.cancel {
					time.AfterFunc(1500*time.Millisecond, func() { cancel(boom) })
				}
				_, err := stream.Run(ctx, sourceOf(numbered(t, 200), c.upstream), mongosink.InsertBy(f.command,
					&mongosink.InsertOptions{BatchDocuments: batchDocuments, BatchBytes: batchBytes}))
				if !errors.Is(err, boom) || b.Used() != 0 {
					t.Errorf("%v, %d bytes are held", err, b.Used())
				}
			})
		})
	}
}

// A budget that is too small is an error before the first element. The error names the smallest
// budget that works.
func TestInsertBudgetTooSmall(t *testing.T) {
	for parallelism, least := range map[int]int64{0: oneBatch, 1: oneBatch, 3: 3 * oneBatch} {
		started := false
		src := stream.SourceFunc[bson.Raw](func(ctx context.Context, _ func(bson.Raw) error) error {
			started = ctx.Err() == nil
			return context.Cause(ctx)
		})
		ctx := stream.WithBudget(t.Context(), stream.NewBudget(least-1))
		_, err := stream.Run(ctx, src, mongosink.InsertBy(new(inserter).command, &mongosink.InsertOptions{
			BatchDocuments: batchDocuments, BatchBytes: batchBytes, Parallelism: parallelism,
		}))
		if stream.ClassOf(err) != stream.Fatal || !strings.Contains(err.Error(), fmt.Sprint(least)) || started {
			t.Errorf("Parallelism %d: %v; started: %v", parallelism, err, started)
		}
	}
}
