package mongosink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The lag is that of the slowest secondary that can follow, or of a majority if the user may not ask
// for more.
func TestLag(t *testing.T) {
	const far = time.Hour
	for name, c := range map[string]struct {
		members []mongotest.Secondary
		refuse  int32 // with which the server refuses replSetGetStatus
		want    time.Duration
	}{
		"no secondary": {nil, 0, 0},
		"slowest": {
			[]mongotest.Secondary{{Behind: time.Second}, {Behind: 9 * time.Second}},
			0,
			9 * time.Second,
		},
		"delayed":        {[]mongotest.Secondary{{Behind: time.Second}, {Behind: far, Delay: far}}, 0, time.Second},
		"down":           {[]mongotest.Secondary{{Behind: time.Second}, {Down: true}}, 0, time.Second},
		"not authorized": {[]mongotest.Secondary{{Behind: time.Second}, {Behind: far}}, 13, time.Second},
		"majority": {[]mongotest.Secondary{
			{Behind: 2 * time.Second},
			{Behind: far},
			{Behind: far},
			{Behind: far},
		}, 13, far},
		"no such commands": {[]mongotest.Secondary{{Behind: 3 * time.Second}, {Behind: far}}, 59, 3 * time.Second},
	} {
		srv, coll := serve(t)
		srv.SetSecondaries(c.members...)
		if c.refuse != 0 {
			srv.Inject(mongotest.Fault{Command: "replSetGetStatus", Code: c.refuse})
		}
		lag, err := mongosink.LagOf(t.Context(), coll)
		if err != nil || lag != c.want {
			t.Errorf("%s: %v, %v; want %v", name, lag, err, c.want)
		}
	}
}

// A server that states no lag is an error before the first write.
func TestLagUnknown(t *testing.T) {
	srv, coll := serveStandalone(t, true)
	_, err := stream.Run(t.Context(), sourceOf(numbered(t, 3), nil),
		mongosink.Insert(coll, &mongosink.InsertOptions{MaxLag: time.Second}))
	if !errors.Is(err, mongosink.ErrNoLag) || stream.ClassOf(err) != stream.Fatal || len(srv.Commands("insert")) > 0 {
		t.Errorf("%v (%v)", err, stream.ClassOf(err))
	}
	for _, d := range []time.Duration{-1, time.Second - 1} {
		if _, err := stream.Run(t.Context(), source.Of[mongosink.Write](),
			mongosink.Bulk(coll, &mongosink.WriteOptions{MaxLag: d})); stream.ClassOf(
			err) != stream.Fatal || !strings.Contains(fmt.Sprint(err), "MaxLag") {
			t.Errorf("%v: %v", d, err)
		}
	}
}

// The wait before each batch grows while the secondaries are too far behind, up to ten seconds, and
// goes away when they are not. A measurement that fails changes nothing.
func TestInsertSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const duration = 500 * time.Millisecond // of a batch
		f := &inserter{delay: duration}
		var lag atomic.Int64
		var failing atomic.Bool
		lag.Store(int64(10 * time.Second))
		questions := 0
		command := func(ctx context.Context, command bson.Raw) (bson.Raw, error) {
			if command.Index(0).Key() != "hello" {
				return f.command(ctx, command)
			}
			questions++
			if failing.Load() {
				return nil, mongo.CommandError{Code: 91}
			}
			at := time.Now()
			majority := at.Add(-time.Duration(lag.Load()))
			return raw(t, fields("ok", 1, "lastWrite",
				fields("lastWriteDate", at, "majorityWriteDate", majority))), nil
		}
		var gaps []time.Duration // between two documents that the sink takes
		last := time.Now()
		src := stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
			for i, doc := range numbered(t, 120) {
				if i == 60 {
					lag.Store(int64(9 * time.Second))
				}
				failing.Store(i >= 40 && i < 50)
				if err := emit(doc); err != nil {
					return err
				}
				gaps = append(gaps, time.Since(last))
				last = time.Now()
			}
			return nil
		})
		r, err := stream.Run(t.Context(), src, mongosink.InsertBy(command,
			&mongosink.InsertOptions{BatchDocuments: 1, Parallelism: 1, MaxLag: 9 * time.Second}))
		if err != nil || r.Inserted != 120 {
			t.Fatalf("%+v, %v", r, err)
		}
		if longest := slices.Max(gaps); longest != 10*time.Second+duration || gaps[45] != longest ||
			gaps[119] != duration {
			t.Errorf("the documents are taken after %v", gaps)
		}
		if taken := len(gaps); questions > taken {
			t.Errorf("%d questions for %d batches", questions, taken)
		}
	})
}

// The batches of a flow of receipts share the wait.
func TestInsertReceiptsSlowDown(t *testing.T) {
	srv, coll := serve(t)
	srv.SetSecondaries(mongotest.Secondary{Behind: time.Minute})
	r, err := stream.Run(t.Context(), stream.Via2(sourceOf(numbered(t, 20), nil),
		stream.Checkpoints(func(bson.Raw) int {
			return 0
		}),
		mongosink.InsertReceipts[int](coll, &mongosink.InsertOptions{BatchDocuments: 2, MaxLag: time.Second})),
		stream.Acknowledge[mongosink.InsertResult](func(context.Context, int) error { return nil }))
	if asked := len(srv.Commands("replSetGetConfig")); err != nil || asked != 1 ||
		len(srv.Documents("shop", "cookies")) != 20 {
		t.Errorf("%v, %v; asked for the configuration %d times", r, err, asked)
	}
}
