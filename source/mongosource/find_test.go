package mongosource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// finder is a fake collection.
type finder struct {
	docs  []any
	err   error // of the cursor
	fails error // of Find

	mu    sync.Mutex
	calls int
	opts  options.FindOptions
}

func (f *finder) Find(ctx context.Context, _ any, opts ...options.Lister[options.FindOptions]) (*mongo.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.opts = options.FindOptions{}
	for _, l := range opts {
		for _, set := range l.List() {
			if err := set(&f.opts); err != nil {
				return nil, err
			}
		}
	}
	if f.fails != nil {
		return nil, f.fails
	}
	return mongo.NewCursorFromDocuments(f.docs, f.err, nil)
}

func anys(docs []bson.Raw) (all []any) {
	for _, d := range docs {
		all = append(all, d)
	}
	return all
}

// collect runs src and returns the emitted documents.
func collect(ctx context.Context, src stream.Source[bson.Raw]) (docs []bson.Raw, err error) {
	err = src.Each(ctx, func(d bson.Raw) error {
		docs = append(docs, d)
		return nil
	})
	return docs, err
}

func equal(a, b []bson.Raw) bool {
	return slices.EqualFunc(a, b, func(a, b bson.Raw) bool { return bytes.Equal(a, b) })
}

func TestFindContract(t *testing.T) {
	streamtest.TestSource(t, streamtest.Source[bson.Raw]{
		New: func(n int) stream.Source[bson.Raw] {
			return mongosource.Find(&finder{docs: anys(numbered(t, n))}, bson.D{}, nil)
		},
		Want: func(t *testing.T, n int, out []bson.Raw) {
			if !equal(out, numbered(t, n)) {
				t.Errorf("%d documents came, not the %d that are stored", len(out), n)
			}
		},
		Records: true,
	})
}

func TestFindContractLimitedTime(t *testing.T) {
	streamtest.TestSource(t, streamtest.Source[bson.Raw]{
		New: func(n int) stream.Source[bson.Raw] {
			return mongosource.Find(&finder{docs: anys(numbered(t, n))}, bson.D{},
				&mongosource.FindOptions{MaxTime: time.Hour})
		},
		Records: true,
	})
}

// A drain ends the source after the current document, and before its query if that has not begun.
func TestFindDrains(t *testing.T) {
	for _, began := range []bool{false, true} {
		coll := &finder{docs: anys(numbered(t, 1000))}
		var run *stream.Running[int64]
		started := make(chan struct{})
		draining := stream.Map(func(doc bson.Raw) bson.Raw { <-started; run.Drain(); return doc })
		src := mongosource.Find(coll, bson.D{}, nil)
		if !began {
			src = stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
				<-started
				run.Drain()
				return mongosource.Find(coll, bson.D{}, nil).Each(ctx, emit)
			})
		}
		run = stream.Go(t.Context(), stream.Via2(src, draining, stream.Async[bson.Raw](9)), sink.Discard[bson.Raw]())
		close(started)
		n, err := run.Wait()
		if want := map[bool]int64{true: 1}[began]; n != want || err != nil || coll.calls != int(want) {
			t.Errorf("%d documents, %v, by %d queries", n, err, coll.calls)
		}
	}
}

// Sizes around every edge of the slabs: appending to a document does not change its neighbour.
func TestFindOwnership(t *testing.T) {
	var docs []bson.Raw
	for _, size := range []int{
		0, 1, 900, 1 << 10, 8<<10 - 25, 8<<10 - 18, 8 << 10, 32 << 10, 1 << 20, 3, 100, 7000,
		7000, 7000, 7000, 7000, 5,
	} {
		docs = append(docs,
			raw(t, bson.D{{Key: "_id", Value: len(docs)}, {Key: "b", Value: bytes.Repeat([]byte{byte(size)}, size)}}))
	}
	got, err := collect(t.Context(), mongosource.Find(&finder{docs: anys(docs)}, bson.D{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if cap(got[i]) != len(got[i]) {
			t.Errorf("document %d has room for %d bytes behind it", i, cap(got[i])-len(got[i]))
		}
		_ = append(got[i], "overwritten"...)
	}
	if !equal(got, docs) {
		t.Error("the documents differ")
	}
}

func TestFindAllocations(t *testing.T) {
	const n = 10_000
	f := &finder{docs: anys(numbered(t, n))}
	bare := testing.AllocsPerRun(3, func() {
		cur, err := f.Find(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for cur.Next(t.Context()) {
		}
	})
	src := mongosource.Find(f, bson.D{}, nil)
	all := testing.AllocsPerRun(3, func() { src.Each(t.Context(), func(bson.Raw) error { return nil }) })
	if own := (all - bare) / n; own > 0.01 {
		t.Errorf("%.3f allocations a document of our own", own)
	}
}

func TestFindBadSettings(t *testing.T) {
	type find struct {
		filter any
		opts   mongosource.FindOptions
	}
	bad := map[string]find{
		"nil filter":          {nil, mongosource.FindOptions{}},
		"negative limit":      {bson.D{}, mongosource.FindOptions{Limit: -1}},
		"negative skip":       {bson.D{}, mongosource.FindOptions{Skip: -1}},
		"negative batch":      {bson.D{}, mongosource.FindOptions{BatchSize: -1}},
		"negative time":       {bson.D{}, mongosource.FindOptions{MaxTime: -1}},
		"concern on no Clone": {bson.D{}, mongosource.FindOptions{ReadConcern: readconcern.Majority()}},
	}
	if huge := math.MaxInt; huge > math.MaxInt32 {
		bad["huge batch"] = find{bson.D{}, mongosource.FindOptions{BatchSize: huge}}
	}
	for name, c := range bad {
		t.Run(name, func(t *testing.T) {
			f := &finder{}
			if _, err := collect(t.Context(),
				mongosource.Find(f, c.filter, &c.opts)); stream.ClassOf(err) != stream.Fatal || f.calls != 0 {
				t.Errorf("error %v after %d queries, want an error before any", err, f.calls)
			}
		})
	}
	for name, coll := range map[string]mongosource.Finder{"nil": nil, "typed nil": (*mongo.Collection)(nil)} {
		if _, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil)); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s collection: %v", name, err)
		}
	}
}

// The caller may change the options after the call.
func TestFindKeepsItsOptions(t *testing.T) {
	f := &finder{}
	opts := &mongosource.FindOptions{
		Projection: bson.D{{Key: "a", Value: 1}}, Sort: bson.D{{Key: "a", Value: -1}}, Limit: 3, Skip: 2, Hint: "_id_",
		Comment: "why",
		Min:     bson.D{{Key: "_id", Value: 1}}, Max: bson.D{{Key: "_id", Value: 9}},
		Collation:       &options.Collation{Locale: "de"},
		NoCursorTimeout: true, AllowDiskUse: true,
	}
	src := mongosource.Find(f, bson.D{}, opts)
	opts.Collation.Locale = "fr"
	*opts = mongosource.FindOptions{Limit: 7}
	if _, err := collect(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(f.opts.Projection, f.opts.Sort, *f.opts.Limit, *f.opts.Skip, f.opts.Hint, f.opts.Min,
		f.opts.Max,
		f.opts.Collation.Locale, *f.opts.NoCursorTimeout, *f.opts.AllowDiskUse, *f.opts.BatchSize)
	const want = `{"a":{"$numberInt":"1"}} {"a":{"$numberInt":"-1"}} 3 2 _id_ {"_id":{"$numberInt":"1"}} {"_id":{"$numberInt":"9"}} de true true 1000
`
	if got != want {
		t.Errorf("the driver got %s\nwant           %s", got, want)
	}
}

func TestFindErrors(t *testing.T) {
	broken := errors.New("broken")
	for name, f := range map[string]*finder{"Find": {fails: broken}, "cursor": {docs: []any{bson.D{}}, err: broken}} {
		if _, err := collect(t.Context(), mongosource.Find(f, bson.D{}, nil)); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("enough")
		cancel(cause)
		if _, err := collect(ctx, mongosource.Find(f, bson.D{}, nil)); err != cause { //nolint:errorlint // unchanged
			t.Errorf("%s, cancelled: %v", name, err)
		}
	}
}
