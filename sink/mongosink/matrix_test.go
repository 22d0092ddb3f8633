package mongosink_test

import (
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

// Whatever happens to a batch, the collection equals the source, or the run has an error. The table
// is that of docs/reliability.md.
func TestRestoreMatrix(t *testing.T) {
	docs := numbered(t, 60)
	foreign := raw(t, fields("_id", 25, "name", "other"))
	overload := []string{"SystemOverloadedError", "RetryableError"}
	inject := func(f mongotest.Fault, nth ...int) func(*mongotest.Server) {
		return func(srv *mongotest.Server) {
			for _, command := range []string{"insert", "update"} {
				for _, n := range nth {
					f.Command, f.Nth = command, n
					srv.Inject(f)
				}
			}
		}
	}
	faults := []struct {
		name string
		do   func(*mongotest.Server)
		more []bson.Raw
		fail bool // an error is the right end, except for a replacement of a document by another
	}{
		{"nothing", func(*mongotest.Server) {}, nil, false},
		{"reply lost", inject(mongotest.Fault{Lose: true}, 2), nil, false},
		{"reply cut, twice", inject(mongotest.Fault{Cut: 20, Reset: true}, 2, 3), nil, false},
		{"connection closed before", inject(mongotest.Fault{Close: true}, 2), nil, false},
		{"documents refused for a while", inject(mongotest.Fault{WriteErrors: map[int]int32{3: 10107, 4: 10107}}, 2), nil, false},
		{"documents refused", inject(mongotest.Fault{WriteErrors: map[int]int32{3: 121}}, 2), nil, true},
		{"duplicate, same", func(srv *mongotest.Server) { srv.Add("shop", "cookies", docs[25]) }, nil, false},
		{"duplicate, other", func(srv *mongotest.Server) { srv.Add("shop", "cookies", foreign) }, nil, true},
		{"overload", inject(mongotest.Fault{Code: 462, Labels: overload}, 1, 2, 3), nil, false},
		{"failover", inject(mongotest.Fault{Code: 10107, Labels: []string{"RetryableWriteError"}}, 2, 3), nil, false},
		{"always refused", inject(mongotest.Fault{Code: 262}, 0), nil, true},
		{"too large", func(*mongotest.Server) {}, []bson.Raw{make(bson.Raw, 16<<20+1)}, true},
	}
	table := make([]string, len(faults))
	var wg sync.WaitGroup
	for i, f := range faults {
		wg.Go(func() {
			row := "| " + f.name
			for _, name := range []string{"Insert", "Upsert", "Bulk"} {
				for _, restart := range []bool{false, true} {
					srv, coll := serve(t, func(o *options.ClientOptions) { o.SetHeartbeatInterval(500 * time.Millisecond) })
					f.do(srv)
					timeout := 20 * time.Second
					if f.name == "always refused" {
						timeout = 50 * time.Millisecond
					}
					err := restoreTo(t.Context(), coll, name, restart, timeout, slices.Concat(docs, f.more))
					stored := equal(srv.Documents("shop", "cookies"), docs)
					if f.fail && err == nil && !(name == "Upsert" && stored) || !f.fail && err != nil || err == nil && !stored {
						t.Errorf("%s, %s, restart %v: equal %v, %v", f.name, name, restart, stored, err)
					}
					outcome := "equal"
					if err != nil {
						outcome = stream.ClassOf(err).String()
					}
					row += " | " + outcome
				}
			}
			table[i] = row + " |"
		})
	}
	wg.Wait()
	t.Log("\n" + strings.Join(table, "\n"))
}

// restoreTo writes docs by one of the sinks.
func restoreTo(ctx context.Context, coll *mongo.Collection, name string, restart bool, timeout time.Duration, docs []bson.Raw,
) error {
	const batch = 10
	opts := &mongosink.WriteOptions{BatchDocuments: batch, Parallelism: 2, RetryTimeout: timeout}
	var write stream.Sink[bson.Raw, int64]
	switch name {
	case "Insert":
		write = counted(mongosink.Insert(coll,
			&mongosink.InsertOptions{BatchDocuments: batch, Parallelism: 2, RetryTimeout: timeout}))
	case "Upsert":
		write = counted(mongosink.Upsert(coll, nil, opts))
	default:
		write = counted(stream.Into(stream.Map(func(d bson.Raw) mongosink.Write { return mongosink.InsertOne(d) }),
			mongosink.Bulk(coll, opts)))
	}
	if !restart {
		_, err := stream.Run(ctx, sourceOf(docs, nil), write)
		return err
	}
	again := stream.RestartSink(30, write, &stream.Backoff{Min: time.Millisecond, MaxRetries: 2})
	_, err := stream.Run(ctx, stream.Via(sourceOf(docs, nil), again), sink.Slice[int64]())
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
