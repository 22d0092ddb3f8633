package mongosink_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// R3: a merge inserts what is missing, and a second one nothing.
func TestMerge(t *testing.T) {
	docs := numbered(t, 1300)
	for i := range 300 {
		docs = append(docs, raw(t, bson.D{e("_id", bson.D{e("shop", i)}), e("nested", true)}))
	}
	stranger := raw(t, bson.D{e("_id", "stranger")})
	for name, before := range map[string][]bson.Raw{
		"missing": nil, "empty": {}, "stranger": {stranger}, "the first": docs[:1], "some": docs[100:1500], "all": docs,
		"all but the last": docs[:len(docs)-1],
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t)
			if before != nil {
				srv.Add("shop", "cookies", before...)
			}
			present := int64(len(before))
			want := slices.Clone(docs)
			if name == "stranger" {
				present, want = 0, append(want, stranger)
			}
			missing := int64(len(docs)) - present
			dry, err := stream.Run(t.Context(), source.Slice(docs),
				mongosink.Merge(coll, &mongosink.MergeOptions{DryRun: true}))
			if err != nil || dry.Present != present || dry.Missing != missing || dry.Inserted != 0 ||
				len(srv.Commands("insert")) != 0 {
				t.Errorf("dry run: %+v, %v", dry, err)
			}
			got, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Merge(coll, nil))
			if err != nil || got.Present != present || got.Missing != missing || got.Inserted != missing {
				t.Errorf("%+v, %v", got, err)
			}
			again, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Merge(coll, nil))
			if err != nil || again.Present != int64(len(docs)) || again.Missing != 0 || again.Inserted != 0 {
				t.Errorf("again: %+v, %v", again, err)
			}
			if !sameDocs(srv.Documents("shop", "cookies"), want) {
				t.Errorf("%d documents, want %d", len(srv.Documents("shop", "cookies")), len(want))
			}
		})
	}
}

// R4: a document that the collection has with other bytes is a conflict that is named, never taken
// for the same. With DryRun nothing is inserted.
func TestMergeConflict(t *testing.T) {
	docs := numbered(t, 50)
	number := raw(t, bson.D{e("_id", 7.0), e("name", "cookie 7")}) // equal to 7 for a server
	nested := raw(t, bson.D{e("_id", bson.D{e("a", 1)}), e("n", 1)})
	for name, c := range map[string]struct {
		has, in []bson.Raw
		err     error
		index   int64
		opts    mongosink.MergeOptions
	}{
		"other bytes": {
			[]bson.Raw{raw(t, bson.D{e("_id", 7), e("name", "another")})},
			docs, mongosink.ErrConflict, 7,
			mongosink.MergeOptions{},
		},
		"a field more": {
			[]bson.Raw{raw(t, bson.D{e("_id", 7), e("name", "cookie 7"), e("x", 1)})},
			docs, mongosink.ErrConflict, 7,
			mongosink.MergeOptions{},
		},
		"nested": {
			[]bson.Raw{raw(t, bson.D{e("_id", bson.D{e("a", 1)}), e("n", 2)})},
			append([]bson.Raw{nested}, docs...),
			mongosink.ErrConflict, 0,
			mongosink.MergeOptions{},
		},
		"twice in the input": {
			nil, append(slices.Clone(docs), docs[3]), mongosink.ErrRepeatedID, 50,
			mongosink.MergeOptions{},
		},
		"no _id": {
			nil, append(slices.Clone(docs), raw(t, bson.D{e("a", 1)})), mongosink.ErrNoID, 50,
			mongosink.MergeOptions{},
		},
		"a pattern": {
			nil,
			[]bson.Raw{raw(t, bson.D{e("_id", bson.Regex{Pattern: "^"})})},
			mongosink.ErrInvalidID, 0,
			mongosink.MergeOptions{},
		},
		"an array": {
			nil,
			[]bson.Raw{raw(t, bson.D{e("_id", bson.A{1})})},
			mongosink.ErrInvalidID, 0,
			mongosink.MergeOptions{},
		},
		"an operator": {
			nil,
			[]bson.Raw{raw(t, bson.D{e("_id", bson.D{e("$gt", "")})})},
			mongosink.ErrInvalidID, 0,
			mongosink.MergeOptions{},
		},
		"undefined": {
			nil,
			[]bson.Raw{raw(t, bson.D{e("_id", bson.Undefined{})})},
			mongosink.ErrInvalidID, 0,
			mongosink.MergeOptions{},
		},
		"damaged": {nil, []bson.Raw{{1, 2, 3}}, mongosink.ErrMalformed, 0, mongosink.MergeOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t)
			srv.Add("shop", "cookies", c.has...)
			c.opts.DryRun = true
			_, err := stream.Run(t.Context(), source.Slice(c.in), mongosink.Merge(coll, &c.opts))
			var refused *mongosink.DocumentError
			if !errors.Is(err, c.err) || !errors.As(err, &refused) || refused.Index != c.index ||
				stream.ClassOf(err) != stream.Data {
				t.Errorf("%v: %+v", err, refused)
			}
			if !sameDocs(srv.Documents("shop", "cookies"), c.has) {
				t.Error("the collection changed")
			}
		})
	}

	// The server takes 7 and 7.0 for equal. The test's server does not, so its reply is set.
	srv, coll := serve(t)
	srv.Add("shop", "cookies", number)
	for _, n := range []int{1, 9} { // all 50, the 8th alone
		srv.Inject(mongotest.Fault{Command: "find", Nth: n, Reply: raw(t, bson.D{e("ok", 1), e("cursor", bson.D{
			e("id", int64(0)), e("ns", "shop.cookies"), e("firstBatch", bson.A{number}),
		})})})
	}
	_, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Merge(coll, nil))
	var refused *mongosink.DocumentError
	if !errors.Is(err, mongosink.ErrConflict) || !errors.As(err, &refused) || refused.Index != 7 {
		t.Errorf("an equal _id: %v", err)
	}
}

// Documents without an _id are inserted if that is asked for.
func TestMergeWithoutID(t *testing.T) {
	srv, coll := serve(t)
	docs := []bson.Raw{raw(t, bson.D{e("a", 1)}), raw(t, bson.D{e("_id", 1)}), raw(t, bson.D{e("a", 2)})}
	got, err := stream.Run(t.Context(), source.Slice(docs),
		mongosink.Merge(coll, &mongosink.MergeOptions{InsertWithoutID: true}))
	if err != nil || got.Missing != 3 || got.Inserted != 3 || len(srv.Documents("shop", "cookies")) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

// R5: a collection without a unique _id, or one that drops documents, cannot be merged into.
func TestMergeNotRepeatable(t *testing.T) {
	srv, db := newDatabase(t)
	if _, err := stream.Run(t.Context(), source.Of(
		describe(t, "view", "view", e("viewOn", "x"), e("pipeline", bson.A{})),
		describe(t, "timeseries", "timeseries", e("timeseries", bson.D{e("timeField", "t")})),
		describe(t, "capped", "collection", e("capped", true), e("size", 4096)),
	), mongosink.CreateCollections(db, nil)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"view", "timeseries", "capped"} {
		_, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)), mongosink.Merge(db.Collection(name), nil))
		if !errors.Is(err, mongosink.ErrNotRepeatable) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(srv.Commands("insert", "find")); n != 0 {
		t.Errorf("%d commands", n)
	}
}

// A look-up that loses its connection is repeated; one that is refused ends the run.
func TestMergeFaults(t *testing.T) {
	docs := numbered(t, 30)
	for name, c := range map[string]struct {
		fault mongotest.Fault
		class stream.Class // 0: it succeeds
	}{
		"closed once":     {mongotest.Fault{Command: "find", Nth: 1, Close: true}, 0},
		"cut once":        {mongotest.Fault{Command: "find", Nth: 1, Cut: 50}, 0},
		"always closed":   {mongotest.Fault{Command: "find", Close: true}, stream.Retryable},
		"not allowed":     {mongotest.Fault{Command: "find", Code: 13}, stream.Fatal},
		"kind not to see": {mongotest.Fault{Command: "listCollections", Code: 13}, stream.Fatal},
		"bad reply":       {mongotest.Fault{Command: "find", Reply: bson.Raw("\x05\x00\x00\x00\x00")}, stream.Fatal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, coll := serve(t)
			srv.Add("shop", "cookies", docs[:10]...)
			srv.Inject(c.fault)
			got, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Merge(coll, nil))
			checkClass(t, err, c.class)
			if err == nil && (got.Present != 10 || !sameDocs(srv.Documents("shop", "cookies"), docs)) {
				t.Errorf("%+v", got)
			}
			if err != nil && !sameDocs(srv.Documents("shop", "cookies"), docs[:10]) {
				t.Error("the collection changed")
			}
		})
	}
}

// A server that never answers a look-up, or never sends the rest of it, does not block the run for
// ever.
func TestMergeSilentServer(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "find", Hang: true, Wire: func(m []byte) []byte { return m[:20] }})
	_, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)),
		mongosink.Merge(coll, &mongosink.MergeOptions{LookupTimeout: 100 * time.Millisecond}))
	if !errors.Is(err, stream.ErrTimeout) || stream.ClassOf(err) != stream.Retryable {
		t.Errorf("%v, of class %v", err, stream.ClassOf(err))
	}
}

func TestMergeBad(t *testing.T) {
	srv, coll := serve(t)
	broken := errors.New("broken")
	for name, merge := range map[string]stream.Sink[bson.Raw, mongosink.MergeResult]{
		"nil":    mongosink.Merge(nil, nil),
		"time":   mongosink.Merge(coll, &mongosink.MergeOptions{LookupTimeout: -1}),
		"insert": mongosink.Merge(coll, &mongosink.MergeOptions{Insert: mongosink.InsertOptions{BatchBytes: -1}}),
	} {
		if _, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)), merge); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(srv.Commands()); n != 0 {
		t.Errorf("%d commands", n)
	}
	if _, err := stream.Run(t.Context(), sourceOf(numbered(t, 3), broken), mongosink.Merge(coll, nil)); err != broken {
		t.Errorf("the upstream fails: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if _, err := stream.Run(ctx, source.Slice(numbered(t, 3)), mongosink.Merge(coll, nil)); !errors.Is(err, broken) {
		t.Errorf("cancelled: %v", err)
	}
}
