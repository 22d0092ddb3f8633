package mongosink_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// matrixSink is a column of the table of TestRestoreMatrix.
type matrixSink struct {
	name   string
	before func(docs []bson.Raw) []bson.Raw // what the collection has before the run
	after  func(docs []bson.Raw) []bson.Raw // what it must have after a success
	sink   func(*mongo.Collection, *mongosink.WriteOptions) stream.Sink[bson.Raw, int64]
}

// matrixSinks are the columns.
func matrixSinks(t *testing.T) []matrixSink {
	nothing := func([]bson.Raw) []bson.Raw { return nil }
	all := func(docs []bson.Raw) []bson.Raw { return docs }
	old := func(docs []bson.Raw) (old []bson.Raw) { // with other contents
		for _, doc := range docs {
			old = append(old, raw(t, bson.D{{Key: "_id", Value: doc.Lookup("_id")}}))
		}
		return old
	}
	type (
		collection = mongo.Collection
		opts       = mongosink.WriteOptions
		documents  = stream.Sink[bson.Raw, int64]
	)
	return []matrixSink{
		{"Insert", nothing, all, func(c *collection, o *opts) documents {
			return counted(mongosink.Insert(c, &mongosink.InsertOptions{
				BatchDocuments: o.BatchDocuments, Parallelism: o.Parallelism, RetryTimeout: o.RetryTimeout,
			}))
		}},
		{"Bulk", nothing, all, func(c *collection, o *opts) documents {
			insert := stream.Map(func(d bson.Raw) mongosink.Write { return mongosink.InsertOne(d) })
			return counted(stream.Into(insert, mongosink.Bulk(c, o)))
		}},
		{"Upsert", nothing, all, func(c *collection, o *opts) documents {
			return counted(mongosink.Upsert(c, nil, o))
		}},
		{"Replace", old, all, func(c *collection, o *opts) documents { return counted(mongosink.Replace(c, nil, o)) }},
		{"Update", old, all, func(c *collection, o *opts) documents { return counted(mongosink.Update(c, nil, o)) }},
		{"Delete", all, nothing, func(c *collection, o *opts) documents {
			return counted(mongosink.Delete(c, nil, o))
		}},
	}
}

// matrixFault is a row.
type matrixFault struct {
	name string
	do   func(*mongotest.Server)
	more []bson.Raw // documents after the others
	fail string     // the sinks for which an error is the right end: all, or names
	only string     // the sinks that it concerns: all, or names

	noNumbers bool          // the server has no retryable writes
	timeout   time.Duration // for repetitions; 0 means 20 s
	inFlight  int           // batches; 0 means 2. A lost connection also fails the batches of others.
}

// matrixFaults are the rows. docs are the documents.
func matrixFaults(t *testing.T, docs []bson.Raw) []matrixFault {
	const all, inserts, stores = "Insert Bulk Upsert Replace Update Delete", "Insert Bulk", "Insert Bulk Upsert"
	overload := []string{"SystemOverloadedError", "RetryableError"}
	inject := func(f mongotest.Fault, nth ...int) func(*mongotest.Server) {
		return func(srv *mongotest.Server) {
			for _, command := range []string{"insert", "update", "delete"} {
				for _, n := range nth {
					one := f // cells run at once
					one.Command, one.Nth = command, n
					srv.Inject(one)
				}
			}
		}
	}
	add := func(doc bson.Raw) func(*mongotest.Server) {
		return func(srv *mongotest.Server) { srv.Add("shop", "cookies", doc) }
	}
	const short = 50 * time.Millisecond
	lost, half := inject(mongotest.Fault{Lose: true}, 2), inject(mongotest.Fault{Most: 5}, 2)
	allLost := inject(mongotest.Fault{Lose: true}, 0)
	forAWhile := inject(mongotest.Fault{WriteErrors: map[int]int32{3: 10107, 4: 10107}}, 2)
	unreadable := func(srv *mongotest.Server) {
		allLost(srv)
		srv.Inject(mongotest.Fault{Command: "find", Code: 13})
	}
	return []matrixFault{
		{name: "nothing", only: all},
		{name: "reply lost", do: lost, only: all},
		{name: "reply lost, no retryable writes", do: lost, only: all, noNumbers: true},
		{name: "reply cut, twice", do: inject(mongotest.Fault{Cut: 20, Reset: true}, 2, 3), only: all},
		{name: "every reply lost", do: allLost, only: all, timeout: short, inFlight: 1},
		{
			name: "every reply lost, and no right to read", do: unreadable, fail: all, only: all, timeout: short,
			inFlight: 1,
		},
		{name: "connection closed before", do: inject(mongotest.Fault{Close: true}, 2), only: all},
		{name: "half stored, then closed", do: half, only: inserts},
		{name: "half stored, no retryable writes", do: half, only: inserts, noNumbers: true},
		{name: "documents refused for a while", do: forAWhile, only: all},
		{name: "documents refused for a while, no retryable writes", do: forAWhile, only: all, noNumbers: true},
		{
			name: "documents refused", do: inject(mongotest.Fault{WriteErrors: map[int]int32{3: 121}}, 2), fail: all,
			only: all,
		},
		{name: "duplicate, same", do: add(docs[25]), only: stores},
		{name: "duplicate, other", do: add(raw(t, fields("_id", 25, "name", "other"))), fail: inserts, only: stores},
		{name: "overload", do: inject(mongotest.Fault{Code: 462, Labels: overload}, 1, 2, 3), only: all},
		{
			name: "failover", do: inject(mongotest.Fault{Code: 10107, Labels: []string{"RetryableWriteError"}}, 2, 3),
			only: all,
		},
		{name: "always refused", do: inject(mongotest.Fault{Code: 262}, 0), fail: all, only: all, timeout: short},
		{name: "too large", more: []bson.Raw{make(bson.Raw, 16<<20+1)}, fail: all, only: all},
	}
}

// Whatever happens to a batch, the collection equals the source, or the run has an error. The table
// is that of docs/reliability.md.
func TestRestoreMatrix(t *testing.T) {
	t.Parallel()
	docs := numbered(t, 60)
	faults, sinks := matrixFaults(t, docs), matrixSinks(t)
	table := make([][]string, len(faults))
	running := make(chan struct{}, 48) // cells at once: they wait for the driver most of the time
	var wg sync.WaitGroup
	for i, f := range faults {
		table[i] = make([]string, 2*len(sinks))
		for j := range table[i] {
			wg.Go(func() {
				running <- struct{}{}
				defer func() { <-running }()
				table[i][j] = restoreUnder(t, f, sinks[j/2], j%2 == 1, docs)
			})
		}
	}
	wg.Wait()
	for i, f := range faults {
		t.Logf("| %s | %s |", f.name, strings.Join(table[i], " | "))
	}
}

// restoreUnder runs a sink, alone or under RestartSink, against a server with a fault. It returns
// "equal", or the class of the run's error.
func restoreUnder(t *testing.T, f matrixFault, s matrixSink, restart bool, docs []bson.Raw) string {
	if !strings.Contains(f.only, s.name) {
		return "·"
	}
	srv, coll := serveStandalone(t, f.noNumbers, func(o *options.ClientOptions) {
		o.SetHeartbeatInterval(500 * time.Millisecond)
	})
	srv.Add("shop", "cookies", s.before(docs)...)
	if f.do != nil {
		f.do(srv)
	}
	write := s.sink(coll, &mongosink.WriteOptions{
		BatchDocuments: 10, Parallelism: cmp.Or(f.inFlight, 2), RetryTimeout: cmp.Or(f.timeout, 20*time.Second),
	})
	err := restoreBy(t.Context(), write, restart, sourceOf(slices.Concat(docs, f.more), nil))
	stored := srv.Documents("shop", "cookies")
	if strings.Contains(f.fail, s.name) != (err != nil) || err == nil && !equal(stored, s.after(docs)) {
		t.Errorf("%s, %s, restart %v: %d documents are stored, %v", f.name, s.name, restart, len(stored), err)
	}
	if err != nil {
		return stream.ClassOf(err).String()
	}
	return "equal"
}

// restoreBy writes the documents of src.
func restoreBy(ctx context.Context, write stream.Sink[bson.Raw, int64], restart bool,
	src stream.Source[bson.Raw],
) error {
	if !restart {
		_, err := stream.Run(ctx, src, write)
		return err
	}
	again := stream.RestartSink(30, write, &stream.Backoff{Min: time.Millisecond, MaxRetries: 2})
	_, err := stream.Run(ctx, stream.Via(src, again), sink.Slice[int64]())
	return err
}

// counted drops the result of a sink.
func counted[R any](s stream.Sink[bson.Raw, R]) stream.Sink[bson.Raw, int64] {
	return stream.SinkFunc[bson.Raw, int64](func(ctx context.Context, src stream.Source[bson.Raw]) (int64, error) {
		r, err := s.Consume(ctx, src)
		if err != nil {
			err = fmt.Errorf("%+v: %w", r, err)
		}
		return 0, err
	})
}
