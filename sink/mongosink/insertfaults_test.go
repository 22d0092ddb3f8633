package mongosink_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

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
	r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.InsertBy(f.command, &mongosink.InsertOptions{
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
	r, err = stream.Run(t.Context(), sourceOf(docs, nil), mongosink.InsertBy(f.command, &mongosink.InsertOptions{
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
	r, err := stream.Run(t.Context(), sourceOf(docs, nil),
		mongosink.InsertBy(f.command, &mongosink.InsertOptions{Ordered: true}))
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
	r, err := stream.Run(t.Context(), sourceOf(numbered(t, 500), nil),
		mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 50, ContinueOnError: true}))
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
		}, false, mongosink.InsertResult{}},
		"not authorized":     {&mongo.BulkWriteResult{}, unauthorized, false, mongosink.InsertResult{}},
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
			r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.InsertBy(f.command, nil))
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
	r, err := stream.Run(t.Context(), sourceOf(docs, broken),
		mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 10}))
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
	r, err := stream.Run(t.Context(), sourceOf(numbered(t, 400), nil),
		mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 10}))
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
		r, err := stream.Run(ctx, sourceOf(numbered(t, 100), nil),
			mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 10, Parallelism: 3}))
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
		r, err := stream.Run(t.Context(), sourceOf(docs, broken),
			mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 10}))
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
	stream.Run(t.Context(), src, mongosink.InsertBy(f.command, &mongosink.InsertOptions{BatchDocuments: 10}))
}
