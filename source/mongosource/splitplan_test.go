package mongosource_test

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// Exact ranges have equal counts. Those of a sample that is not the whole collection are nearly equal.
func TestSplitEqually(t *testing.T) {
	const n, ranges = 20_000, 8
	srv, coll := serve(t, numbered(t, n))
	for name, c := range map[string]struct {
		division mongosource.Division
		most     int64
	}{
		"$bucketAuto": {mongosource.Exact, n / ranges},
		"$sample":     {mongosource.Estimated, n / ranges * 2},
		"splitVector": {mongosource.Estimated, n / ranges * 5 / 4},
	} {
		srv.Heal()
		without(srv, name)
		opts := divided(2, ranges)
		opts.BatchSize, opts.Division = 0, c.division
		opts.Report = func(r mongosource.SplitReport) {
			for _, r := range r.Ranges {
				if r.Documents > c.most || r.Documents < n/ranges/2 {
					t.Errorf("%s: a range from %v to %v of %d documents", name, r.Low, r.High, r.Documents)
				}
			}
		}
		if got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, opts)); len(got) != n || err != nil {
			t.Errorf("%s: %d documents, %v", name, len(got), err)
		}
	}
}

// On a server whose ranges cost as much as the collection, a split reads one range. The delay of 100
// ranges is 10 s in sum, so the whole collection would have to take 8 s for another result.
func TestSplitMeasures(t *testing.T) {
	docs := numbered(t, 1000)
	srv, coll := serve(t, docs)
	srv.Inject(mongotest.Fault{Command: "find", Delay: 100 * time.Millisecond, If: contains("$gte")})
	opts := divided(2, 100)
	opts.BatchSize, opts.Unmeasured = 0, false
	var report mongosource.SplitReport
	opts.Report = func(r mongosource.SplitReport) { report = r }
	got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, opts))
	if err != nil || !equal(got, docs) || len(report.Ranges) != 1 || report.Cost <= 1.25 {
		t.Errorf("%d documents, %d ranges at a cost of %v, %v", len(got), len(report.Ranges), report.Cost, err)
	}
}

// However many ranges there are, a sample has at most 20,000 _ids. A server must not divide ranges
// further than they are asked for.
func TestSplitAsksForRanges(t *testing.T) {
	for ranges, want := range map[int]int64{2: 400, 100: 20_000, 101: 20_000, 10_000: 20_000} {
		srv, coll := serve(t, numbered(t, 10))
		without(srv, "$sample")
		if _, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, divided(1, ranges))); err != nil {
			t.Fatal(err)
		}
		vector := srv.Commands("splitVector")[0].Body
		if n := vector.Lookup("maxChunkObjects").AsInt64(); n < 1<<62 {
			t.Errorf("%d ranges: at most %d documents each", ranges, n)
		}
		sent := srv.Commands("aggregate")
		if n := sent[len(sent)-1].Body.Lookup("pipeline", "1", "$sample", "size").AsInt64(); n != want {
			t.Errorf("%d ranges: a sample of %d", ranges, n)
		}
	}
}

// A server that does not state the size of a collection divides it by a sample.
func TestDivideWithoutSize(t *testing.T) {
	for name, stats := range map[string]bson.A{
		"no reply":    {},
		"no size":     {bson.D{{Key: "storageStats", Value: bson.D{{Key: "count", Value: 1000}}}}},
		"a size of 0": {bson.D{{Key: "storageStats", Value: bson.D{{Key: "size", Value: 0}}}}},
	} {
		srv, coll := serve(t, numbered(t, 1000))
		reply, err := bson.Marshal(bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
			{Key: "id", Value: int64(0)}, {Key: "ns", Value: "shop.cookies"}, {Key: "firstBatch", Value: stats},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		srv.Inject(mongotest.Fault{Command: "aggregate", Nth: 1, Reply: reply})
		ids, err := mongosource.Divide(t.Context(), coll, bson.D{}, &mongosource.SplitOptions{Ranges: 4})
		if err != nil || len(ids) != 3 {
			t.Errorf("%s: %d bounds, %v", name, len(ids), err)
		}
	}
}
