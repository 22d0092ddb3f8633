package mongosink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestInsertContract(t *testing.T) {
	docs := numbered(t, 200)
	for name, opts := range map[string]*mongosink.InsertOptions{
		"default": nil, "small batches": {BatchDocuments: 2}, "bytes": {BatchBytes: 100, Parallelism: 2},
		"ordered":  {BatchDocuments: 3, Ordered: true},
		"continue": {BatchDocuments: 1, ContinueOnError: true},
	} {
		t.Run(name, func(t *testing.T) {
			var last *inserter
			streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.InsertResult]{
				New: func() stream.Sink[bson.Raw, mongosink.InsertResult] {
					last = &inserter{}
					return mongosink.InsertBy(last.command, opts)
				},
				In:        func(i int) bson.Raw { return docs[i] },
				InRecords: true,
				Want: func(t *testing.T, in []bson.Raw, r mongosink.InsertResult) {
					if r.Inserted != int64(len(in)) || r.Bytes != size(in) || r.Failed != 0 || r.Unknown != 0 {
						t.Errorf("%d documents of %d bytes, and the result is %+v", len(in), size(in), r)
					}
				},
			})
		})
	}
}

func TestInsertBatches(t *testing.T) {
	doc := numbered(t, 1)[0]
	for _, c := range []struct {
		docs  int
		opts  mongosink.InsertOptions
		sizes string
	}{
		{0, mongosink.InsertOptions{}, "[]"},
		{1, mongosink.InsertOptions{}, "[1]"},
		{1000, mongosink.InsertOptions{}, "[1000]"},
		{1001, mongosink.InsertOptions{}, "[1000 1]"},
		{2000, mongosink.InsertOptions{}, "[1000 1000]"},
		{9, mongosink.InsertOptions{BatchDocuments: 10}, "[9]"},
		{10, mongosink.InsertOptions{BatchDocuments: 10}, "[10]"},
		{11, mongosink.InsertOptions{BatchDocuments: 10}, "[10 1]"},
		{7, mongosink.InsertOptions{BatchBytes: 3*len(doc) - 1}, "[2 2 2 1]"},
		{7, mongosink.InsertOptions{BatchBytes: 3 * len(doc)}, "[3 3 1]"},
		{7, mongosink.InsertOptions{BatchBytes: 3*len(doc) + 1}, "[3 3 1]"},
		{3, mongosink.InsertOptions{BatchBytes: 1}, "[1 1 1]"},
	} {
		c.opts.Parallelism = 1
		f := &inserter{}
		docs := sourceOf(slices.Repeat([]bson.Raw{doc}, c.docs), nil)
		r, err := stream.Run(t.Context(), docs, mongosink.InsertBy(f.command, &c.opts))
		if got := fmt.Sprint(f.sizes()); err != nil || got != c.sizes || r.Batches != int64(len(f.batches)) {
			t.Errorf("%d documents, %+v: batches %s, want %s; %+v, %v", c.docs, c.opts, got, c.sizes, r, err)
		}
	}
}

func TestInsertParallelism(t *testing.T) {
	docs := numbered(t, 40)
	for _, n := range []int{0, 1, 3} {
		f := &inserter{delay: 5 * time.Millisecond}
		_, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.InsertBy(f.command, &mongosink.InsertOptions{
			BatchDocuments: 2,
			Parallelism:    n,
		}))
		want := n
		if n == 0 {
			want = 4
		}
		if err != nil || f.most != want {
			t.Errorf("Parallelism %d: %d batches in flight, %v", n, f.most, err)
		}
	}
	f := &inserter{delay: time.Millisecond}
	_, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.InsertBy(f.command, &mongosink.InsertOptions{
		BatchDocuments: 2,
		Ordered:        true,
	}))
	if all := slices.Concat(f.batches...); err != nil || f.most != 1 ||
		!slices.EqualFunc(all, docs, func(a, b bson.Raw) bool {
			return bytes.Equal(a, b)
		}) {
		t.Errorf("ordered: %d batches in flight, or the order is not kept, %v", f.most, err)
	}
}

func TestInsertBadSettings(t *testing.T) {
	for _, o := range []mongosink.InsertOptions{
		{BatchDocuments: -1},
		{BatchDocuments: 100_001},
		{BatchBytes: -1},
		{Parallelism: -1},
		{Parallelism: 1001},
		{Ordered: true, Parallelism: 2},
		{Ordered: true, ContinueOnError: true},
		{WriteConcern: writeconcern.Unacknowledged()},
		{BatchBytes: 16<<20 + 1},
		{Comment: make([]byte, 16<<10)},
	} {
		f := &inserter{}
		started := false
		src := stream.SourceFunc[bson.Raw](func(context.Context, func(bson.Raw) error) error {
			started = true
			return nil
		})
		if _, err := stream.Run(t.Context(), src,
			mongosink.InsertBy(f.command, &o)); stream.ClassOf(err) != stream.Fatal ||
			started {
			t.Errorf("%+v: error %v, upstream started: %v", o, err, started)
		}
	}
	if _, err := stream.Run(t.Context(), sourceOf(nil, nil),
		mongosink.Insert(nil, nil)); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("a nil collection: %v", err)
	}
}

// R10: elements that are not documents, and documents that servers would refuse, are refused before
// they are sent.
func TestInsertBadDocuments(t *testing.T) {
	large := func(n int) bson.Raw {
		return raw(t, bson.D{{Key: "_id", Value: 1}, {Key: "b", Value: make([]byte, n-22)}})
	}
	nameless := func(n int) bson.Raw { return raw(t, bson.D{{Key: "b", Value: make([]byte, n-13)}}) }
	good := numbered(t, 1)[0]
	for name, c := range map[string]struct {
		doc  bson.Raw
		want error
	}{
		"16 MiB":       {large(16 << 20), nil},
		"16 MiB + 1":   {large(16<<20 + 1), mongosink.ErrTooLarge},
		"with the _id": {nameless(16<<20 - 17), nil},
		"too large so": {nameless(16<<20 - 16), mongosink.ErrTooLarge},
		"bad type":     {frame("\x10_id\x00\x01\x00\x00\x00\x63a\x00"), mongosink.ErrMalformed},
		"bad length":   {frame("\x10_id\x00\x01\x00\x00\x00\x02a\x00\x09\x00\x00\x00a\x00"), mongosink.ErrMalformed},
		"no key":       {frame("\x10_id"), mongosink.ErrMalformed},
		"nil":          {nil, mongosink.ErrMalformed},
		"short":        {good[:4], mongosink.ErrMalformed},
		"cut":          {good[:len(good)-1], mongosink.ErrMalformed},
		"trailing":     {append(slices.Clone(good), 0), mongosink.ErrMalformed},
		"no last zero": {append(slices.Clone(good[:len(good)-1]), 1), mongosink.ErrMalformed},
		"negative":     {bson.Raw("\xff\xff\xff\xff\x00"), mongosink.ErrMalformed},
	} {
		f := &inserter{}
		r, err := stream.Run(t.Context(), sourceOf([]bson.Raw{good, c.doc}, nil),
			mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 1}))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		var d *mongosink.DocumentError
		if c.want != nil && (!errors.As(err, &d) || d.Index != 1 || d.Size != len(c.doc) || r.Inserted != 1) {
			t.Errorf("%s: %+v, %+v", name, d, r)
		}
	}
}
