package mongosink_test

import (
	"context"
	"runtime"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// placed is a source of docs with their indexes as positions.
func placed(docs []bson.Raw) stream.Source[stream.Envelope[bson.Raw, stream.Checkpoint[int32]]] {
	return stream.Via(sourceOf(docs, nil), stream.Checkpoints(func(d bson.Raw) int32 { return d.Lookup("_id").Int32() }))
}

// Positions are saved in order, each after the documents up to it are stored. When a batch fails,
// no position of it or after it is saved.
func TestInsertReceipts(t *testing.T) {
	docs := numbered(t, 100)
	for _, refused := range []bool{false, true} {
		srv, coll := serve(t)
		if refused {
			srv.Inject(mongotest.Fault{Command: "insert", Nth: 6, WriteErrors: map[int]int32{3: 121}})
		}
		var saved []int32
		save := func(_ context.Context, position int32) error {
			stored := srv.Documents("shop", "cookies")
			for _, d := range docs[:position+1] {
				if !slices.ContainsFunc(stored, func(s bson.Raw) bool { return string(s) == string(d) }) {
					t.Errorf("position %d is saved before document %v is stored", position, d)
				}
			}
			saved = append(saved, position)
			return nil
		}
		_, err := stream.Run(t.Context(), stream.Via(placed(docs), mongosink.InsertReceipts[int32](coll,
			&mongosink.InsertOptions{BatchDocuments: 10, Parallelism: 3})), stream.Acknowledge[mongosink.InsertResult](save))
		last := int32(-1)
		if len(saved) > 0 {
			last = saved[len(saved)-1]
		}
		if (err != nil) != refused || !slices.IsSorted(saved) || !refused && last != 99 || refused && last > 89 {
			t.Errorf("refused %v: %v, saved %v", refused, err, saved)
		}
	}
}

// The receipts of writes.
func TestWriteReceipts(t *testing.T) {
	docs := numbered(t, 25)
	srv, coll := serve(t)
	writes := stream.Via(placed(docs), stream.Map(
		func(e stream.Envelope[bson.Raw, stream.Checkpoint[int32]]) stream.Envelope[mongosink.Write, stream.Checkpoint[int32]] {
			return stream.Envelope[mongosink.Write, stream.Checkpoint[int32]]{
				Value: mongosink.UpsertOne(id(e.Value.Lookup("_id")), e.Value), Context: e.Context,
			}
		}))
	n := int64(0)
	count := stream.Map(func(e stream.Envelope[mongosink.WriteResult, stream.Checkpoint[int32]],
	) stream.Envelope[mongosink.WriteResult, stream.Checkpoint[int32]] {
		n += e.Value.Upserted
		return e
	})
	last, err := stream.Run(t.Context(), stream.Via2(writes, mongosink.WriteReceipts[int32](coll,
		&mongosink.WriteOptions{BatchDocuments: 10}), count),
		stream.Acknowledge[mongosink.WriteResult](func(context.Context, int32) error { return nil }))
	if err != nil || n != 25 || last.Position != 24 || !equal(srv.Documents("shop", "cookies"), docs) {
		t.Errorf("%v, %d upserted, last %v", err, n, last)
	}
}

// Wrong settings are reported, not hidden by those of the flow.
func TestReceiptsBadSettings(t *testing.T) {
	_, coll := serve(t)
	_, err := stream.Run(t.Context(), stream.Via(placed(numbered(t, 3)), mongosink.InsertReceipts[int32](coll,
		&mongosink.InsertOptions{BatchDocuments: -1})),
		stream.Acknowledge[mongosink.InsertResult](func(context.Context, int32) error { return nil }))
	if stream.ClassOf(err) != stream.Fatal {
		t.Errorf("%v", err)
	}
}

// The batches of a run share the function for refused documents and its limit. It is called one at a
// time.
func TestReceiptsRefused(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", WriteErrors: map[int]int32{0: 121, 1: 121}})
	calls, busy := 0, false
	_, err := stream.Run(t.Context(), stream.Via(placed(numbered(t, 40)), mongosink.InsertReceipts[int32](coll,
		&mongosink.InsertOptions{
			BatchDocuments: 2, Parallelism: 4, MaxRefused: 5,
			Refused: func(context.Context, mongosink.RefusedDocument) error {
				if busy {
					t.Error("called twice at a time")
				}
				busy = true
				runtime.Gosched()
				calls++
				busy = false
				return nil
			},
		})), stream.Acknowledge[mongosink.InsertResult](func(context.Context, int32) error { return nil }))
	if calls != 5 || stream.ClassOf(err) != stream.Data {
		t.Errorf("%d calls, %v (%v)", calls, err, stream.ClassOf(err))
	}
}

// A batch with a receipt has at most BatchDocuments and BatchBytes.
func TestReceiptsBatches(t *testing.T) {
	docs := numbered(t, 40)
	for _, c := range []struct{ documents, bytes, want int }{
		{10, 0, 4}, {1000, 10 * len(docs[30]), 4}, {7, 10 * len(docs[30]), 6}, {40, 0, 1},
	} {
		_, coll := serve(t)
		n := 0
		err := stream.Via(placed(docs), mongosink.InsertReceipts[int32](coll,
			&mongosink.InsertOptions{BatchDocuments: c.documents, BatchBytes: c.bytes})).Each(t.Context(),
			func(stream.Envelope[mongosink.InsertResult, stream.Checkpoint[int32]]) error {
				n++
				return nil
			})
		if err != nil || n != c.want {
			t.Errorf("%+v: %d batches, %v", c, n, err)
		}
	}
}
