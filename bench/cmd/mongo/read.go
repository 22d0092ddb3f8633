package main

import (
	"bytes"
	"context"
	"runtime"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// read compares the CPU time of reading a collection whole. Each competitor owns its documents.
func read(in *input, name string) report.Case {
	coll, n := in.quick.Collection(name), count(name, in.docs)
	return report.Case{
		Name: "mongo-read-" + name, About: "all documents of a collection, owned by the reader",
		Unit: "document", Units: n, Want: int64(n),
		Ours: report.Peer{Name: "millweir mongosource.Find", Run: find(coll, 0, nothing)},
		Peers: []report.Peer{
			{Name: "millweir mongosource.Scan", Run: scan(coll)},
			{Name: "driver's cursor", Run: loop(coll, nothing), Bar: report.Bar{Least: 1.43}},
			{Name: "driver's cursor, documents not kept", Run: unowned(coll)},
		},
	}
}

// wait compares the wall time of readers whose server takes 20 ms for a getMore of 1,000 documents,
// while the work on them takes 30 ms.
func wait(in *input) report.Case {
	const batch, pause = 1000, 30 * time.Millisecond
	coll, n := in.slow.Collection("event"), in.docs/10
	at := func(i int) {
		if i%batch == 0 {
			time.Sleep(pause)
		}
	}
	return report.Case{
		Name: "mongo-read-20ms", About: "a getMore of 20 ms, and 30 ms of work on its documents",
		Unit: "document", Units: n, Want: int64(n), By: report.Wall, Rounds: 5,
		Ours: report.Peer{Name: "millweir mongosource.Find", Run: find(coll, batch, at)},
		Peers: []report.Peer{
			{Name: "driver's cursor", Run: loop(coll, at), Bar: report.Bar{Least: 1.3}},
			{Name: "the work alone", Run: func() (int64, error) {
				for i := range n {
					at(i)
				}
				return int64(n), nil
			}, Bar: report.Bar{Least: 0.95}},
		},
	}
}

func nothing(int) {}

// find reads in batches of a size, 0 for the default, and calls at with the number of each
// document.
func find(coll *mongo.Collection, batch int, at func(int)) func() (int64, error) {
	return func() (int64, error) {
		i := 0
		return stream.Run(context.Background(), stream.Via(
			mongosource.Find(coll, bson.D{}, &mongosource.FindOptions{BatchSize: batch}),
			stream.Map(func(doc bson.Raw) bson.Raw { at(i); i++; return doc })), sink.Discard[bson.Raw]())
	}
}

func scan(coll *mongo.Collection) func() (int64, error) {
	return func() (int64, error) {
		return stream.Run(context.Background(), mongosource.Scan(coll, bson.D{}, nil), sink.Discard[bson.Raw]())
	}
}

func loop(coll *mongo.Collection, at func(int)) func() (int64, error) {
	return cursor(coll, func(i int, doc bson.Raw) {
		runtime.KeepAlive(bytes.Clone(doc)) // a copy that the compiler may not leave out
		at(i)
	})
}

func unowned(coll *mongo.Collection) func() (int64, error) {
	return cursor(coll, func(int, bson.Raw) {})
}

// cursor loops over the driver's cursor.
func cursor(coll *mongo.Collection, take func(int, bson.Raw)) func() (int64, error) {
	return func() (n int64, err error) {
		ctx := context.Background()
		cur, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(1000))
		if err != nil {
			return 0, err
		}
		defer cur.Close(ctx)
		for ; cur.Next(ctx); n++ {
			take(int(n), cur.Current)
		}
		return n, cur.Err()
	}
}
