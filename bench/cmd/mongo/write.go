package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

const (
	written   = 20_000 // documents of a run that writes
	batchSize = 1000
)

// write compares the CPU time of inserting documents into an empty collection. All competitors send
// batches of 1,000 documents, one by one. bar is the required ratio of InsertMany to ours.
func write(in *input, name string, bar float64) report.Case {
	c := corpus.New(1)
	docs := make([]bson.Raw, min(written, in.docs))
	for i := range docs {
		docs[i] = shapes[name](c)
	}
	n := len(docs)
	coll := in.quick.Collection("written")
	insert := func(batch func(context.Context, []bson.Raw) error) func() (int64, error) {
		return func() (int64, error) {
			ctx := context.Background()
			if err := coll.Drop(ctx); err != nil {
				return 0, err
			}
			for at := 0; at < n; at += batchSize {
				if err := batch(ctx, docs[at:min(at+batchSize, n)]); err != nil {
					return 0, err
				}
			}
			return int64(n), nil
		}
	}
	return report.Case{
		Name: "mongo-write-" + name, About: "documents inserted in batches of 1,000",
		Unit: "document", Units: n, Want: int64(n),
		Ours: report.Peer{Name: "millweir mongosink.Insert", Run: func() (int64, error) {
			ctx := context.Background()
			if err := coll.Drop(ctx); err != nil {
				return 0, err
			}
			r, err := stream.Run(ctx, source.Slice(docs),
				mongosink.Insert(coll, &mongosink.InsertOptions{Parallelism: 1}))
			return r.Inserted, err
		}},
		Peers: []report.Peer{
			{Name: "driver's InsertMany", Bar: report.Bar{Least: bar}, Run: insert(func(ctx context.Context, docs []bson.Raw) error {
				_, err := coll.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
				return err
			})},
			{Name: "driver's RunCommand with a built command", Run: insert((&command{coll: coll}).insert)},
		},
	}
}

// command builds insert commands in a buffer that it uses again.
type command struct {
	coll *mongo.Collection
	buf  []byte
}

func (c *command) insert(ctx context.Context, docs []bson.Raw) error {
	const key, array = "documents", byte(bson.TypeArray)
	b := append(c.buf[:0], 0, 0, 0, 0)
	b = append(b, byte(bson.TypeString))
	b = append(append(b, "insert"...), 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.coll.Name())+1))
	b = append(append(b, c.coll.Name()...), 0)
	b = append(append(b, byte(bson.TypeBoolean)), "ordered\x00\x00"...)
	b = append(append(append(b, array), key...), 0)
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	for i, doc := range docs {
		b = append(b, byte(bson.TypeEmbeddedDocument))
		b = append(strconv.AppendInt(b, int64(i), 10), 0)
		b = append(b, doc...)
	}
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at))
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	c.buf = b
	reply, err := c.coll.Database().RunCommand(ctx, bson.Raw(b)).Raw()
	if err != nil {
		return err
	}
	if n, _ := reply.Lookup("n").AsInt64OK(); n != int64(len(docs)) {
		return fmt.Errorf("%d documents of %d are inserted", n, len(docs))
	}
	return nil
}
