package mongosink_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// The sinks of writes keep the contract.
func TestWriteContract(t *testing.T) {
	_, coll := serve(t)
	opts := &mongosink.WriteOptions{BatchDocuments: 3}
	done := func(t *testing.T, n int, r mongosink.WriteResult) {
		if r.Matched+r.Upserted != int64(n) || r.Failed != 0 || r.Unknown != 0 {
			t.Errorf("%d writes, and the result is %+v", n, r)
		}
	}
	doc := func(i int) bson.Raw { return raw(t, bson.D{{Key: "_id", Value: i}, {Key: "n", Value: i}}) }
	t.Run("Bulk", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[mongosink.Write, mongosink.WriteResult]{
			New: func() stream.Sink[mongosink.Write, mongosink.WriteResult] { return mongosink.Bulk(coll, opts) },
			In:  func(i int) mongosink.Write { return mongosink.UpsertOne(bson.D{{Key: "_id", Value: i}}, doc(i)) },
			Want: func(t *testing.T, in []mongosink.Write, r mongosink.WriteResult) {
				done(t, len(in), r)
			},
			RealIO: true, Varies: true, Idle: onTheWire,
		})
	})
	t.Run("Upsert", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.WriteResult]{
			New: func() stream.Sink[bson.Raw, mongosink.WriteResult] { return mongosink.Upsert(coll, nil, opts) },
			In:  doc, InRecords: true, RealIO: true, Varies: true, Idle: onTheWire,
			Want: func(t *testing.T, in []bson.Raw, r mongosink.WriteResult) { done(t, len(in), r) },
		})
	})
	t.Run("Replace", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.WriteResult]{
			New: func() stream.Sink[bson.Raw, mongosink.WriteResult] { return mongosink.Replace(coll, nil, opts) },
			In:  doc, InRecords: true, RealIO: true, Varies: true, Idle: onTheWire,
			Want: func(t *testing.T, in []bson.Raw, r mongosink.WriteResult) {
				if r.Matched > int64(len(in)) || r.Upserted+r.Failed+r.Unknown != 0 {
					t.Errorf("%d documents, and the result is %+v", len(in), r)
				}
			},
		})
	})
}

// The sinks that change or delete what is there keep the contract.
func TestChangeContract(t *testing.T) {
	_, coll := serve(t)
	opts := &mongosink.WriteOptions{BatchDocuments: 3}
	for name, sink := range map[string]func() stream.Sink[bson.Raw, mongosink.WriteResult]{
		"Update": func() stream.Sink[bson.Raw, mongosink.WriteResult] { return mongosink.Update(coll, nil, opts) },
		"Delete": func() stream.Sink[bson.Raw, mongosink.WriteResult] { return mongosink.Delete(coll, nil, opts) },
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestSink(t, streamtest.Sink[bson.Raw, mongosink.WriteResult]{
				New: sink,
				In:  func(i int) bson.Raw { return raw(t, fields("_id", i, "n", i)) }, InRecords: true,
				RealIO: true, Varies: true, Idle: onTheWire,
				Want: func(t *testing.T, in []bson.Raw, r mongosink.WriteResult) {
					if r.Unmatched != int64(len(in)) || sum(r) != r.Unmatched {
						t.Errorf("%d documents, and the result is %+v", len(in), r)
					}
				},
			})
		})
	}
}

// The flows of receipts keep the contract.
func TestReceiptsContract(t *testing.T) {
	type (
		document = stream.Envelope[bson.Raw, stream.Checkpoint[int]]
		write    = stream.Envelope[mongosink.Write, stream.Checkpoint[int]]
		inserted = stream.Envelope[mongosink.InsertResult, stream.Checkpoint[int]]
		written  = stream.Envelope[mongosink.WriteResult, stream.Checkpoint[int]]
	)
	_, coll := serve(t)
	doc := func(i int) bson.Raw { return raw(t, bson.D{{Key: "_id", Value: i}}) }
	t.Run("InsertReceipts", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[document, inserted]{
			New: func() stream.Flow[document, inserted] {
				return mongosink.InsertReceipts[int](coll, &mongosink.InsertOptions{BatchDocuments: 2})
			},
			In: func(i int) document {
				return document{Value: doc(i), Context: stream.Checkpoint[int]{Position: i, Valid: true}}
			},
			Varies: true, RealIO: true, Idle: onTheWire,
			Want: func(t *testing.T, in []document, out []inserted) {
				n := int64(0)
				for _, r := range out {
					n += r.Value.Inserted + r.Value.AlreadyThere
				}
				if n != int64(len(in)) {
					t.Errorf("%d documents have receipts, of %d", n, len(in))
				}
			},
		})
	})
	t.Run("WriteReceipts", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[write, written]{
			New: func() stream.Flow[write, written] {
				return mongosink.WriteReceipts[int](coll, &mongosink.WriteOptions{BatchDocuments: 2})
			},
			In: func(i int) write {
				return write{
					Value:   mongosink.UpsertOne(bson.D{{Key: "_id", Value: i}}, doc(i)),
					Context: stream.Checkpoint[int]{Position: i, Valid: true},
				}
			},
			Varies: true, RealIO: true, Idle: onTheWire,
			Want: func(t *testing.T, in []write, out []written) {
				n := int64(0)
				for _, r := range out {
					n += r.Value.Matched + r.Value.Upserted
				}
				if n != int64(len(in)) {
					t.Errorf("%d writes have receipts, of %d", n, len(in))
				}
			},
		})
	})
}
