package mongosink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// inserter is a fake collection. As a server does, it stores each batch at once, whether the run
// completes or not.
type inserter struct {
	reply func(call int, docs []bson.Raw) (*mongo.BulkWriteResult, error) // nil inserts
	delay time.Duration

	mu      sync.Mutex
	batches [][]bson.Raw
	flying  int
	most    int // most calls in flight at once
	opts    options.BulkWriteOptions

	deadline bool // the context of at least one call had a deadline
}

func (f *inserter) BulkWrite(ctx context.Context, models []mongo.WriteModel,
	opts ...options.Lister[options.BulkWriteOptions],
) (*mongo.BulkWriteResult, error) {
	var docs []bson.Raw
	for _, m := range models {
		docs = append(docs, m.(*mongo.InsertOneModel).Document.(bson.Raw))
	}
	f.mu.Lock()
	if _, ok := ctx.Deadline(); ok {
		f.deadline = true
	}
	call := len(f.batches)
	f.batches = append(f.batches, docs)
	f.flying++
	f.most = max(f.most, f.flying)
	f.opts = options.BulkWriteOptions{}
	for _, l := range opts {
		for _, set := range l.List() {
			set(&f.opts)
		}
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.flying--
	}()
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-ctx.Done():
			return &mongo.BulkWriteResult{}, ctx.Err()
		}
	}
	if f.reply != nil {
		return f.reply(call, docs)
	}
	return inserted(len(docs)), nil
}

func inserted(n int) *mongo.BulkWriteResult {
	return &mongo.BulkWriteResult{InsertedCount: int64(n), Acknowledged: true}
}

func (f *inserter) sizes() (n []int) {
	for _, b := range f.batches {
		n = append(n, len(b))
	}
	return n
}

func raw(t testing.TB, v any) bson.Raw {
	t.Helper()
	b, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func numbered(t testing.TB, n int) (docs []bson.Raw) {
	for i := range n {
		docs = append(docs, raw(t, bson.D{{Key: "_id", Value: i}, {Key: "name", Value: fmt.Sprint("cookie ", i)}}))
	}
	return docs
}

// of is a source of docs that ends with err.
func of(docs []bson.Raw, err error) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		for _, d := range docs {
			if err := emit(d); err != nil {
				return err
			}
		}
		return err
	})
}

func size(docs []bson.Raw) (n int64) {
	for _, d := range docs {
		n += int64(len(d))
	}
	return n
}

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
					return mongosink.Insert(last, opts)
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
		r, err := stream.Run(t.Context(), of(slices.Repeat([]bson.Raw{doc}, c.docs), nil), mongosink.Insert(f, &c.opts))
		if got := fmt.Sprint(f.sizes()); err != nil || got != c.sizes || r.Batches != int64(len(f.batches)) {
			t.Errorf("%d documents, %+v: batches %s, want %s; %+v, %v", c.docs, c.opts, got, c.sizes, r, err)
		}
	}
}

func TestInsertParallelism(t *testing.T) {
	docs := numbered(t, 40)
	for _, n := range []int{0, 1, 3} {
		f := &inserter{delay: 5 * time.Millisecond}
		_, err := stream.Run(t.Context(), of(docs, nil), mongosink.Insert(f, &mongosink.InsertOptions{
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
	_, err := stream.Run(t.Context(), of(docs, nil), mongosink.Insert(f, &mongosink.InsertOptions{
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
		{BatchBytes: 48_000_000},
		{Parallelism: -1},
		{Ordered: true, Parallelism: 2},
		{Ordered: true, ContinueOnError: true},
		{WriteConcern: writeconcern.Unacknowledged()},
		{WriteConcern: writeconcern.Majority()},
	} {
		f := &inserter{}
		started := false
		src := stream.SourceFunc[bson.Raw](func(context.Context, func(bson.Raw) error) error {
			started = true
			return nil
		})
		if _, err := stream.Run(t.Context(), src, mongosink.Insert(f, &o)); stream.ClassOf(err) != stream.Fatal ||
			started {
			t.Errorf("%+v: error %v, upstream started: %v", o, err, started)
		}
	}
	for name, coll := range map[string]mongosink.Inserter{"nil": nil, "typed nil": (*mongo.Collection)(nil)} {
		if _, err := stream.Run(t.Context(), of(nil, nil),
			mongosink.Insert(coll, nil)); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s collection: %v", name, err)
		}
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
		r, err := stream.Run(t.Context(), of([]bson.Raw{good, c.doc}, nil),
			mongosink.Insert(f, &mongosink.InsertOptions{BatchDocuments: 1}))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		var d *mongosink.DocumentError
		if c.want != nil && (!errors.As(err, &d) || d.Index != 1 || d.Size != len(c.doc) || r.Inserted != 1) {
			t.Errorf("%s: %+v, %+v", name, d, r)
		}
	}
}

func exception(codes map[int]int) mongo.BulkWriteException {
	var e mongo.BulkWriteException
	for i, code := range codes {
		e.WriteErrors = append(e.WriteErrors, mongo.BulkWriteError{WriteError: mongo.WriteError{
			Index: i, Code: code,
			Message: fmt.Sprint("refused ", code),
		}})
	}
	return e
}

// R1: the error names each document that failed, and the counts include the others.
func TestInsertRefused(t *testing.T) {
	docs := numbered(t, 30)
	f := &inserter{reply: func(call int, d []bson.Raw) (*mongo.BulkWriteResult, error) {
		switch call {
		case 1:
			return &mongo.BulkWriteResult{InsertedCount: 8}, exception(map[int]int{7: 11000, 2: 121})
		case 2:
			return &mongo.BulkWriteResult{InsertedCount: 9}, exception(map[int]int{0: 121})
		}
		return inserted(len(d)), nil
	}}
	r, err := stream.Run(t.Context(), of(docs, nil), mongosink.Insert(f, &mongosink.InsertOptions{
		BatchDocuments: 10,
		Parallelism:    1,
	}))
	var e *mongosink.InsertError
	if !errors.As(err, &e) || e.Total != 2 || len(e.Failed) != 2 || e.Failed[0].Index != 12 ||
		e.Failed[1].Index != 17 || e.Failed[1].Code != 11000 {
		t.Fatalf("%v, %+v", err, e)
	}
	if id, ok := e.Failed[0].ID.Int32OK(); !ok || id != 12 || e.Failed[0].Message != "refused 121" {
		t.Errorf("%+v", e.Failed[0])
	}
	if !errors.Is(err, mongosink.ErrDuplicate) || !mongo.IsDuplicateKeyError(err) {
		t.Error("a duplicate is not told as one")
	}
	if want := size(docs[:20]) - int64(len(docs[12])+len(docs[17])); r != (mongosink.InsertResult{
		Inserted: 18,
		Failed:   2, Bytes: want, Batches: 2,
	}) {
		t.Errorf("%+v", r)
	}

	f.batches = nil
	r, err = stream.Run(t.Context(), of(docs, nil), mongosink.Insert(f, &mongosink.InsertOptions{
		BatchDocuments: 10,
		Parallelism:    1, ContinueOnError: true,
	}))
	if !errors.As(err, &e) || e.Total != 3 || e.Failed[2].Index != 20 || r.Inserted != 27 || r.Failed != 3 ||
		r.Batches != 3 {
		t.Errorf("continued: %v, %+v", err, r)
	}
}

// An ordered batch stops at the document that fails: the documents after it are not in the result.
func TestInsertRefusedOrdered(t *testing.T) {
	docs := numbered(t, 10)
	f := &inserter{reply: func(int, []bson.Raw) (*mongo.BulkWriteResult, error) {
		return &mongo.BulkWriteResult{InsertedCount: 4}, exception(map[int]int{4: 11000})
	}}
	r, err := stream.Run(t.Context(), of(docs, nil), mongosink.Insert(f, &mongosink.InsertOptions{Ordered: true}))
	if !errors.Is(err, mongosink.ErrDuplicate) ||
		r != (mongosink.InsertResult{Inserted: 4, Failed: 1, Bytes: size(docs[:4]), Batches: 1}) {
		t.Errorf("%v, %+v", err, r)
	}
}

// The list of refused documents is bounded, their count is not.
func TestInsertRefusedMany(t *testing.T) {
	f := &inserter{reply: func(_ int, d []bson.Raw) (*mongo.BulkWriteResult, error) {
		all := map[int]int{}
		for i := range d {
			all[i] = 11000
		}
		return &mongo.BulkWriteResult{}, exception(all)
	}}
	r, err := stream.Run(t.Context(), of(numbered(t, 500), nil),
		mongosink.Insert(f, &mongosink.InsertOptions{BatchDocuments: 50, ContinueOnError: true}))
	var e *mongosink.InsertError
	if !errors.As(err, &e) || e.Total != 500 || len(e.Failed) != 100 || r.Failed != 500 || r.Inserted != 0 ||
		r.Bytes != 0 {
		t.Errorf("%v, %+v", err, r)
	}
	if n := len(err.Error()); n > 300 {
		t.Errorf("the error has %d bytes", n)
	}
}

// An outcome that a reply does not prove is unknown.
func TestInsertUnknown(t *testing.T) {
	broken := errors.New("broken")
	network := mongo.CommandError{Message: "gone", Labels: []string{"NetworkError"}, Wrapped: broken}
	refused := mongo.CommandError{Code: 73, Message: "invalid namespace", Wrapped: broken}
	unauthorized := mongo.CommandError{Code: 13, Message: "not authorized", Wrapped: broken}
	for name, c := range map[string]struct {
		res     *mongo.BulkWriteResult
		err     error
		unknown bool
		want    mongosink.InsertResult
	}{
		"network":   {&mongo.BulkWriteResult{}, network, true, mongosink.InsertResult{Unknown: 10}},
		"any other": {&mongo.BulkWriteResult{}, broken, true, mongosink.InsertResult{Unknown: 10}},
		"shutdown": {
			nil,
			mongo.CommandError{Code: 11600, Wrapped: broken},
			true,
			mongosink.InsertResult{Unknown: 10},
		},
		"no writes": {nil, mongo.CommandError{
			Code: 11600, Labels: []string{"NoWritesPerformed"},
			Wrapped: broken,
		}, true, mongosink.InsertResult{Unknown: 10}},
		"not authorized":     {&mongo.BulkWriteResult{}, unauthorized, true, mongosink.InsertResult{Unknown: 10}},
		"refused as a whole": {&mongo.BulkWriteResult{}, refused, false, mongosink.InsertResult{}},
		"never sent": {
			&mongo.BulkWriteResult{}, mongo.ErrClientDisconnected, false,
			mongosink.InsertResult{},
		},
		"neither":              {nil, nil, true, mongosink.InsertResult{Unknown: 10}},
		"fewer, without error": {inserted(9), nil, true, mongosink.InsertResult{Unknown: 10}},
		"more":                 {inserted(11), nil, true, mongosink.InsertResult{Unknown: 10}},
		"unacknowledged":       {&mongo.BulkWriteResult{}, nil, true, mongosink.InsertResult{Unknown: 10}},
		"errors do not add up": {
			&mongo.BulkWriteResult{InsertedCount: 10}, exception(map[int]int{3: 1}), true,
			mongosink.InsertResult{Unknown: 10},
		},
		"index out of the batch": {
			&mongo.BulkWriteResult{InsertedCount: 9}, exception(map[int]int{10: 1}), true,
			mongosink.InsertResult{Unknown: 10},
		},
		"write concern": {
			&mongo.BulkWriteResult{InsertedCount: 10},
			mongo.BulkWriteException{WriteConcernError: &mongo.WriteConcernError{Code: 64}},
			true,
			mongosink.InsertResult{Unknown: 10, Batches: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &inserter{reply: func(int, []bson.Raw) (*mongo.BulkWriteResult, error) { return c.res, c.err }}
			r, err := stream.Run(t.Context(), of(numbered(t, 10), nil), mongosink.Insert(f, nil))
			if err == nil || errors.Is(err, mongosink.ErrOutcomeUnknown) != c.unknown || r != c.want {
				t.Errorf("%v, %+v; want unknown: %v, %+v", err, r, c.unknown, c.want)
			}
			var server mongo.ServerError
			if errors.As(c.err, &server) && !errors.As(err, &server) || errors.Is(c.err, broken) &&
				!errors.Is(err, broken) {
				t.Errorf("%v does not wrap the cause", err)
			}
		})
	}
}

// The upstream's error comes back unchanged and the sink sends nothing more. The run waits
// for batches in flight, so the result counts all stored documents.
func TestInsertUpstreamError(t *testing.T) {
	broken := errors.New("broken")
	f := &inserter{delay: 30 * time.Millisecond}
	docs := numbered(t, 35)
	r, err := stream.Run(t.Context(), of(docs, broken),
		mongosink.Insert(f, &mongosink.InsertOptions{BatchDocuments: 10}))
	if err != broken { //nolint:errorlint // as it is
		t.Errorf("%v", err)
	}
	if r.Inserted != 30 || len(f.batches) != 3 || r.Bytes != size(docs[:30]) {
		t.Errorf("%+v after %d batches", r, len(f.batches))
	}
}

// A batch that failed does not cancel the others, and the result counts their documents.
func TestInsertOtherBatchesFinish(t *testing.T) {
	f := &inserter{}
	started := make(chan struct{}, 4)
	f.reply = func(call int, d []bson.Raw) (*mongo.BulkWriteResult, error) {
		started <- struct{}{}
		if call == 3 {
			return &mongo.BulkWriteResult{InsertedCount: 9}, exception(map[int]int{0: 11000})
		}
		for len(started) < 4 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		if call == 2 {
			return &mongo.BulkWriteResult{InsertedCount: 9}, exception(map[int]int{9: 121})
		}
		return inserted(len(d)), nil
	}
	r, err := stream.Run(t.Context(), of(numbered(t, 400), nil),
		mongosink.Insert(f, &mongosink.InsertOptions{BatchDocuments: 10}))
	var e *mongosink.InsertError
	if !errors.As(err, &e) || e.Total != 2 || len(e.Failed) != 2 || r.Inserted != 38 || r.Failed != 2 ||
		r.Unknown != 0 {
		t.Errorf("%v, %+v", err, r)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
}

func TestInsertCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		f := &inserter{delay: time.Minute}
		begin := time.Now()
		time.AfterFunc(time.Second, func() { cancel(cause) })
		r, err := stream.Run(ctx, of(numbered(t, 100), nil),
			mongosink.Insert(f, &mongosink.InsertOptions{BatchDocuments: 10, Parallelism: 3}))
		took := time.Since(begin)
		if err != cause || r.Unknown != 30 || r.Inserted != 0 || took != time.Second { //nolint:errorlint // not wrapped
			t.Errorf("%v, %+v after %v", err, r, took)
		}
	})
}

// If the server does not answer, a run that failed for another reason waits for the grace period,
// not longer.
func TestInsertGrace(t *testing.T) {
	docs := numbered(t, 15)
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		f := &inserter{delay: time.Hour}
		begin := time.Now()
		r, err := stream.Run(t.Context(), of(docs, broken),
			mongosink.Insert(f, &mongosink.InsertOptions{BatchDocuments: 10}))
		if err != broken || r.Unknown != 10 || time.Since(begin) != 10*time.Second { //nolint:errorlint // as it is
			t.Errorf("%v, %+v after %v", err, r, time.Since(begin))
		}
	})
}

func TestInsertPanicInUpstream(t *testing.T) {
	f := &inserter{delay: 20 * time.Millisecond}
	defer func() {
		if p, ok := recover().(*stream.PanicError); !ok || p.Value != "broken" {
			t.Errorf("panic %v", p)
		}
		if f.flying != 0 {
			t.Errorf("%d batches still in flight", f.flying)
		}
	}()
	src := stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
		for _, d := range numbered(t, 20) {
			emit(d)
		}
		panic("broken")
	})
	stream.Run(t.Context(), src, mongosink.Insert(f, &mongosink.InsertOptions{BatchDocuments: 10}))
}
