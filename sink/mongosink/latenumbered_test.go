package mongosink_test

import (
	"cmp"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// The first retryable write of an ordered run is lost before the server executes it, and a look or a
// repetition shows that its effect is there. The server may execute it until it remembers a later
// write of the session. So it must not overturn a write without a number.
func TestNumberedLostThenOverturned(t *testing.T) {
	same, other := mongosink.ReplaceOne(id(1), fields("n", 1)), mongosink.ReplaceOne(id(1), fields("n", 2))
	none := mongosink.DeleteOne(id(9))
	second := mongosink.UpsertOne(id(2), fields("n", 3))
	many := mongosink.UpdateMany(fields("n", 1), fields("$set", fields("n", 2)))
	noMatch := mongosink.UpdateOne(fields("a", 1), fields("$inc", fields("n", 1)))
	odd := func(key int) mongosink.Write { // the driver sends it
		return mongosink.InsertOne(raw(t, bson.D{e("_id", key), e("a", 1), e("a", 2)}))
	}
	type list = []mongosink.Write
	const ever = time.Hour
	for name, c := range map[string]struct {
		lose     string // the command; "" means update
		writes   []mongosink.Write
		retry    time.Duration // 0 means that nothing is repeated
		batch    int
		router   bool
		receipts bool // each batch has its own session
		stops    bool
	}{
		"a numbered one":             {writes: list{same, other}},
		"update of many":             {writes: list{same, many}, stops: true},
		"deletion of many":           {lose: "delete", writes: list{none, mongosink.DeleteMany(id(9))}, stops: true},
		"driver, the same":           {lose: "delete", writes: list{none, odd(9)}, stops: true},
		"driver, another":            {lose: "delete", writes: list{none, odd(8)}},
		"a change between":           {writes: list{same, second, many}},
		"no change between":          {writes: list{same, none, many}, stops: true},
		"a router":                   {writes: list{same, second, many}, router: true, stops: true},
		"a router, numbered":         {writes: list{same, second, other}, router: true},
		"repeated, no change":        {writes: list{same, many}, retry: ever, stops: true},
		"repeated, a change":         {writes: list{other, many}, retry: ever},
		"repeated, not by _id":       {writes: list{noMatch, odd(8)}, retry: ever, stops: true},
		"repeated, twice in a batch": {writes: list{same, other, odd(8)}, retry: ever, batch: 2, stops: true},
		"repeated, two in a batch":   {writes: list{same, second, odd(8)}, retry: ever, batch: 2},
		"receipts, no change":        {writes: list{same, other}, retry: ever, receipts: true, stops: true},
		"receipts, a change":         {writes: list{other, same}, retry: ever, receipts: true},
		"receipts, not by _id":       {writes: list{noMatch, second}, retry: ever, receipts: true, stops: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := mongotest.NewServer()
			if c.router {
				srv.Inject(mongotest.Fault{Command: "hello", Reply: raw(t, fields("ok", 1, "isWritablePrimary", true,
					"msg", "isdbgrid", "logicalSessionTimeoutMinutes", 30, "maxWireVersion", 21, "minWireVersion", 0,
					"maxBsonObjectSize", 16<<20, "maxMessageSizeBytes", 48_000_000, "maxWriteBatchSize", 100_000))})
			}
			coll := mongofixture.Connect(t, srv).Database("shop").Collection("cookies")
			srv.Add("shop", "cookies", raw(t, fields("_id", 1, "n", 1)))
			srv.Inject(mongotest.Fault{Command: cmp.Or(c.lose, "update"), Nth: 1, Close: true})
			if c.retry == 0 {
				c.retry = -1
			}
			err := runWrites(t.Context(), coll, c.receipts, max(c.batch, 1), c.retry, c.writes...)
			if errors.Is(err, mongosink.ErrOutcomeUnknown) != c.stops || (err != nil) != c.stops ||
				c.stops && stream.ClassOf(err) != stream.UnknownOutcome {
				t.Errorf("%v (%v)", err, stream.ClassOf(err))
			}
		})
	}
}

// A retryable write is lost, and a later one fails with an error that passes. A second run has
// another session, so the first run must have executed a write between them.
func TestNumberedLostThenRunAgain(t *testing.T) {
	replace := func(n int) mongosink.Write { return mongosink.UpsertOne(id(1), fields("n", n)) }
	for between, class := range map[bool]stream.Class{false: stream.UnknownOutcome, true: stream.Throttled} {
		srv, coll := serve(t)
		srv.Add("shop", "cookies", raw(t, fields("_id", 1, "n", 1)))
		srv.Inject(mongotest.Fault{Command: "update", Nth: 1, Close: true})
		writes, failing := []mongosink.Write{replace(1), replace(2)}, 2
		if between {
			writes, failing = append(writes, replace(3)), 3
		}
		srv.Inject(mongotest.Fault{Command: "update", Nth: failing, Code: 16500})
		if err := runWrites(t.Context(), coll, false, 1, -1, writes...); stream.ClassOf(err) != class {
			t.Errorf("executed between %v: %v (%v)", between, err, stream.ClassOf(err))
		}
	}
}
