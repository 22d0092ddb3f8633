package mongosource_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A later process continues a split after any position, stored as JSON or BSON, and all documents
// after it come once. Only the last position is done.
func TestSplitContinuesLater(t *testing.T) {
	docs := everyID(t)
	for _, order := range []mongosource.SplitOrder{mongosource.InOrder, mongosource.AsTheyCome} {
		for _, c := range []mongosource.Consistency{mongosource.Fuzzy, mongosource.PerRange, mongosource.Instant} {
			_, coll := serve(t, docs)
			opts := at(c, 3, 6)
			opts.Order = order
			var got []bson.Raw
			var last mongosource.SplitPosition
			src := mongosource.SplitCheckpoints(coll, bson.D{}, opts)
			err := src.Each(t.Context(), func(e mongosource.SplitCheckpointed) error {
				got = append(got, e.Value)
				if !e.Context.Valid {
					return nil
				}
				last = e.Context.Position
				opts := at(c, 2, 4)
				opts.After = stored(t, last, len(got)%2 == 0)
				rest, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, opts))
				if all := sorted(append(rest, got...)); err != nil || !equal(all, docs) {
					t.Errorf("%v, after %d documents: %d came, %v", c, len(got), len(rest), err)
				}
				if last.Done() != (len(got) == len(docs)) {
					t.Errorf("%v, after %d documents: %s", c, len(got), last)
				}
				return nil
			})
			if err != nil || !last.Done() || len(got) != len(docs) {
				t.Errorf("%v, order %d: %d documents, %s, %v", c, order, len(got), last, err)
			}
		}
	}
}

// stored returns p after it was stored and read back.
func stored(t *testing.T, p mongosource.SplitPosition, asJSON bool) (back mongosource.SplitPosition) {
	t.Helper()
	if asJSON {
		text, err := json.Marshal(p)
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || back.String() != p.String() {
			t.Fatalf("%s became %s, %v", p, back, err)
		}
		return back
	}
	type saved struct{ At mongosource.SplitPosition }
	var s saved
	if err := bson.Unmarshal(raw(t, saved{p}), &s); err != nil || s.At.String() != p.String() {
		t.Fatalf("%s became %s, %v", p, s.At, err)
	}
	return s.At
}

// A position of another collection, or with another consistency, ends the run before the first
// document.
func TestSplitAfterAnotherPosition(t *testing.T) {
	srv, coll := serve(t, numbered(t, 20))
	srv.Add("shop", "other", numbered(t, 20)...)
	position := func(c mongosource.Consistency) (p mongosource.SplitPosition) {
		src := stream.Via(mongosource.SplitCheckpoints(coll, bson.D{}, at(c, 2, 4)),
			stream.Take[mongosource.SplitCheckpointed](10))
		save := func(_ context.Context, at mongosource.SplitPosition) error { p = at; return nil }
		if _, err := stream.Run(t.Context(), src, stream.Acknowledge[bson.Raw](save)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	opts := divided(2, 4)
	opts.After = position(mongosource.Fuzzy)
	got, err := collect(t.Context(), mongosource.Split(coll.Database().Collection("other"), bson.D{}, opts))
	if len(got) > 0 || !errors.Is(err, mongosource.ErrCollectionChanged) {
		t.Errorf("of another collection: %d documents, %v", len(got), err)
	}
	for _, was := range []mongosource.Consistency{mongosource.Fuzzy, mongosource.PerRange, mongosource.Instant} {
		p := position(was)
		srv.Add("shop", "other", bson.Raw(raw(t, bson.D{}))) // time goes on
		for _, c := range []mongosource.Consistency{mongosource.Fuzzy, mongosource.Instant} {
			opts := at(c, 2, 4)
			opts.After = p
			got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, opts))
			if bad := was != c && !(was == mongosource.PerRange && c == mongosource.Instant); bad &&
				(len(got) > 0 || stream.ClassOf(err) != stream.Fatal) || !bad && c == was && err != nil {
				t.Errorf("%v continued as %v: %d documents, %v", was, c, len(got), err)
			}
		}
	}
}

func TestSplitPositionMalformed(t *testing.T) {
	const uuid = `"collection": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}`
	var p mongosource.SplitPosition
	for _, text := range []string{
		`[]`, `{`, `{"collection": 1}`, `{` + uuid + `}`, `{` + uuid + `, "ranges": []}`,
		`{` + uuid + `, "ranges": [{"done": false, "low": 1}]}`,
		`{` + uuid + `, "ranges": [{"done": false, "high": 1}]}`,
		`{` + uuid + `, "ranges": [{"done": false, "high": 1}, {"done": false, "low": 2}]}`,
		`{` + uuid + `, "ranges": [{"done": false, "high": null}, {"done": false, "low": null}]}`,
		`{"collection": {"$binary": {"base64": "AAAA", "subType": "04"}}, "ranges": [{"done": false}]}`,
	} {
		if err := json.Unmarshal([]byte(text), &p); err == nil || p.Done() || p.UUID() != [16]byte{} {
			t.Errorf("%s: %v", text, p)
		}
	}
	var zero mongosource.SplitPosition
	if text, err := json.Marshal(zero); err != nil || json.Unmarshal(text, &p) != nil || string(text) != "{}" {
		t.Errorf("the zero position became %s, %v", text, err)
	}
}

// Every position is that of the documents emitted before it, also if ranges fail and resume.
func TestSplitPositionsWhenResumed(t *testing.T) {
	docs := everyID(t)
	srv, coll := serve(t, docs)
	for nth := 1; nth < 10; nth += 2 {
		srv.Inject(mongotest.Fault{Command: "getMore", Nth: nth, Code: 43})
	}
	opts := divided(3, 6)
	opts.Order = mongosource.AsTheyCome
	var got []bson.Raw
	err := mongosource.SplitCheckpoints(coll, bson.D{}, opts).Each(t.Context(),
		func(e mongosource.SplitCheckpointed) error {
			if got = append(got, e.Value); !e.Context.Valid {
				return nil
			}
			opts := divided(1, 1)
			opts.After = e.Context.Position
			rest, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, opts))
			if all := sorted(append(rest, got...)); !equal(all, docs) {
				t.Errorf("after %d documents, %d came, %v", len(got), len(rest), err)
			}
			return err
		})
	if err != nil || len(got) != len(docs) {
		t.Errorf("%d documents, %v", len(got), err)
	}
}
