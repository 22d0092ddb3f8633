package mongosink_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// runWrites writes by Bulk or by WriteReceipts, in order.
func runWrites(ctx context.Context, coll *mongo.Collection, receipts bool, batch int, retry time.Duration,
	writes ...mongosink.Write,
) error {
	opts := &mongosink.WriteOptions{Ordered: true, BatchDocuments: batch, RetryTimeout: retry}
	if !receipts {
		_, err := stream.Run(ctx, source.Slice(writes), mongosink.Bulk(coll, opts))
		return err
	}
	last := 0
	placed := stream.Via(source.Slice(writes), stream.Checkpoints(func(mongosink.Write) int { last++; return last }))
	_, err := stream.Run(ctx, stream.Via(placed, mongosink.WriteReceipts[int](coll, opts)),
		stream.Acknowledge[mongosink.WriteResult](func(context.Context, int) error { return nil }))
	return err
}

// The reply to the first command is lost. The server has no retryable writes, or no later command
// supersedes the number of the first. The lost command must not overturn a later one of the run.
func TestLostThenOverturned(t *testing.T) {
	replace := func(key any, n int) mongosink.Write { return mongosink.UpsertOne(id(key), fields("n", n)) }
	insert := func(key any) mongosink.Write { return mongosink.InsertOne(raw(t, fields("_id", key))) }
	list := func(all ...mongosink.Write) []mongosink.Write { return all }
	half, _ := bson.ParseDecimal128("5E-1")
	one, _ := bson.ParseDecimal128("1.00")
	nocase := e("collation", fields("locale", "en", "strength", 2))
	for name, c := range map[string]struct {
		writes []mongosink.Write
		batch  int
		option []bson.E // of the collection
		safe   bool
	}{
		"the same":                   {writes: list(replace(1, 1), replace(1, 2))},
		"two inserts, the same":      {writes: list(insert(1), insert(2), replace(1, 2))},
		"another":                    {writes: list(replace(1, 1), replace(2, 2)), safe: true},
		"int64":                      {writes: list(replace(int32(1), 1), replace(int64(1), 2))},
		"double":                     {writes: list(replace(int32(1), 1), replace(1.0, 2))},
		"decimal":                    {writes: list(replace(one, 1), replace(int32(1), 2))},
		"minus 0":                    {writes: list(replace(0.0, 1), replace(math.Copysign(0, -1), 2))},
		"decimal and double":         {writes: list(replace(half, 1), replace(0.5, 2))},
		"another decimal":            {writes: list(replace(half, 1), replace(0.25, 2)), safe: true},
		"in documents":               {writes: list(replace(fields("a", 1), 1), replace(fields("a", 1.0), 2))},
		"in other documents":         {writes: list(replace(fields("a", 1), 1), replace(fields("b", 1), 2)), safe: true},
		"letters":                    {writes: list(replace("a", 1), replace("A", 2)), safe: true},
		"letters, a collation":       {writes: list(replace("a", 1), replace("A", 2)), option: []bson.E{nocase}},
		"numbers, a collation":       {writes: list(replace(1, 1), replace(2, 2)), option: []bson.E{nocase}, safe: true},
		"twice in one batch":         {writes: list(replace(1, 1), replace(1.0, 2)), batch: 2},
		"two in one batch":           {writes: list(replace(1, 1), replace(2, 2)), batch: 2, safe: true},
		"an insert, capped":          {writes: list(insert(1)), option: []bson.E{e("capped", true), e("size", 5000)}},
		"inserts, a common one":      {writes: list(insert(1), insert(2)), safe: true},
		"inserts, under a collation": {writes: list(insert("a"), insert("b")), option: []bson.E{nocase}, safe: true},
	} {
		for _, receipts := range []bool{false, true} {
			for _, standalone := range []bool{true, false} {
				if name != "the same" && (receipts || !standalone) {
					continue // it is slow
				}
				t.Run(fmt.Sprintf("%s, receipts %v, standalone %v", name, receipts, standalone), func(t *testing.T) {
					t.Parallel()
					srv, coll := serveStandalone(t, standalone)
					if err := coll.Database().RunCommand(t.Context(), append(fields("create", "cookies"),
						c.option...)).Err(); err != nil {
						t.Fatal(err)
					}
					for _, command := range []string{"update", "insert"} {
						srv.Inject(mongotest.Fault{Command: command, Nth: 1, Lose: true})
					}
					err := runWrites(t.Context(), coll, receipts, max(c.batch, 1), -1, c.writes...)
					stops := (standalone || receipts) && !c.safe // a batch with a receipt has its own session
					if errors.Is(err, mongosink.ErrOutcomeUnknown) != stops || !stops && err != nil ||
						stops && stream.ClassOf(err) != stream.UnknownOutcome {
						t.Errorf("%v (%v)", err, stream.ClassOf(err))
					}
				})
			}
		}
	}
}

// A deletion is lost. Each batch of a flow has its own session, so no later batch supersedes its
// number: it may delete a document that a later batch inserts. It cannot if it is repeated and
// deletes a document, because the server remembers that, or if the batches have one session.
func TestReceiptsLostAndAbsent(t *testing.T) {
	for name, c := range map[string]struct {
		retry   time.Duration
		session bool // the caller's
		stored  bool // the document
		unknown bool
	}{
		"not repeated":                  {-1, false, false, true},
		"repeated":                      {time.Hour, false, true, false},
		"repeated, and deletes nothing": {time.Hour, false, false, true},
		"one session":                   {-1, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, coll := serve(t)
			srv.Inject(mongotest.Fault{Command: "delete", Nth: 1, Close: true})
			if c.stored {
				srv.Add("shop", "cookies", raw(t, id(1)))
			}
			ctx := t.Context()
			if c.session {
				s, err := coll.Database().Client().StartSession()
				if err != nil {
					t.Fatal(err)
				}
				defer s.EndSession(ctx)
				ctx = mongo.NewSessionContext(ctx, s)
			}
			err := runWrites(ctx, coll, true, 1, c.retry,
				mongosink.DeleteOne(id(1)), mongosink.InsertOne(numbered(t, 2)[1]))
			if errors.Is(err, mongosink.ErrOutcomeUnknown) != c.unknown || !c.unknown && err != nil ||
				err != nil && strings.Contains(err.Error(), "without retryable writes") {
				t.Error(err)
			}
			if n := len(srv.Documents("shop", "cookies")); (n == 0) != c.unknown {
				t.Errorf("%d documents are stored", n)
			}
		})
	}
}

// An ordered run loses the reply to an attempt, and then fails with an error that passes. The lost
// attempt must not overturn a second run. It cannot overturn a run of Insert.
func TestLostThenRunAgain(t *testing.T) {
	replace := func(n int) mongosink.Write { return mongosink.UpsertOne(id(n), fields("n", n)) }
	insert := func(n int) mongosink.Write { return mongosink.InsertOne(numbered(t, n+1)[n]) }
	for name, c := range map[string]struct {
		standalone bool
		run        func(coll *mongo.Collection) error
		class      stream.Class
	}{
		"writes": {true, func(coll *mongo.Collection) error {
			return runWrites(t.Context(), coll, false, 1, -1, replace(1), replace(2))
		}, stream.UnknownOutcome},
		"writes with receipts": {true, func(coll *mongo.Collection) error {
			return runWrites(t.Context(), coll, true, 1, -1, replace(1), replace(2))
		}, stream.UnknownOutcome},
		"inserts that others may follow": {true, func(coll *mongo.Collection) error {
			return runWrites(t.Context(), coll, false, 1, -1, insert(1), insert(2))
		}, stream.UnknownOutcome},
		"inserts": {true, func(coll *mongo.Collection) error {
			_, err := stream.Run(t.Context(), source.Slice(numbered(t, 2)), mongosink.Insert(coll,
				&mongosink.InsertOptions{Ordered: true, BatchDocuments: 1, RetryTimeout: -1}))
			return err
		}, stream.Throttled},
		"numbered": {false, func(coll *mongo.Collection) error {
			return runWrites(t.Context(), coll, false, 1, -1, replace(1), replace(2))
		}, stream.UnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serveStandalone(t, c.standalone)
			for _, command := range []string{"update", "insert"} {
				srv.Inject(mongotest.Fault{Command: command, Nth: 1, Lose: true})
				srv.Inject(mongotest.Fault{Command: command, Nth: 2, Code: 16500})
			}
			runs := 0
			_, err := stream.Retry(func(context.Context, int) (int, error) {
				runs++
				return 0, c.run(coll)
			}, &stream.Backoff{Min: time.Millisecond, MaxRetries: 1})(t.Context(), 0)
			again := c.class == stream.Throttled
			if again != (runs == 2 && err == nil) || !again && (runs != 1 || stream.ClassOf(err) != c.class) {
				t.Errorf("%d runs: %v (%v)", runs, err, stream.ClassOf(err))
			}
		})
	}
}
