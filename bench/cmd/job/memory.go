package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/sink"
	memory "github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// wallOfCPU is the largest duration of a pipeline on two cores, as a part of its CPU time. A
// pipeline that keeps both busy takes half.
const wallOfCPU = 0.6

// inMemory returns the cases that measure how well the stages of a backup and of a restore use all
// cores. Documents and backup are in memory, because a server would take time on the same cores.
func (w *world) inMemory(ctx context.Context, size int64) []report.Case {
	format := bsoncodec.ExtJSONFormat(nil, nil).
		Then(codec.GzipFormat(nil, nil)).
		Then(agecodec.Format([]age.Recipient{w.identity.Recipient()}, []age.Identity{w.identity}))
	docs := sync.OnceValue(func() (all []bson.Raw) {
		shape, c := shapes[w.shape], corpus.New(uint64(size))
		for n := int64(0); n < size; n += int64(len(all[len(all)-1])) {
			all = append(all, shape(c))
		}
		return all
	})
	file := sync.OnceValues(func() ([][]byte, error) {
		var all bytes.Buffer
		_, err := stream.Run(stream.WithParallelism(ctx, 0), stream.Via(memory.Slice(docs()), format.Encode()),
			sink.Writer(&all))
		return slices.Collect(slices.Chunk(all.Bytes(), 1<<20)), err
	})
	return []report.Case{
		w.sharing(ctx, "backup-in-memory", "BSON to JSON, gzip and age", size, func(ctx context.Context) error {
			_, err := stream.Run(ctx, stream.Via(memory.Slice(docs()), format.Encode()), sink.Writer(io.Discard))
			return err
		}),
		w.sharing(ctx, "restore-in-memory", "and back", size, func(ctx context.Context) error {
			chunks, err := file()
			if err != nil {
				return err
			}
			// A stage may overwrite the chunks that it gets.
			own := stream.Via(memory.Slice(chunks), stream.Map(bytes.Clone))
			n, err := stream.Run(ctx, stream.Via(own, format.Decode()), sink.Fold(0, func(n int, _ bson.Raw) int {
				return n + 1
			}))
			if err == nil && n != len(docs()) {
				err = fmt.Errorf("restored %d documents of %d", n, len(docs()))
			}
			return err
		}),
	}
}

// sharing compares run on all cores with the same pipeline without goroutines.
func (w *world) sharing(ctx context.Context, name, about string, size int64,
	run func(context.Context) error,
) report.Case {
	in := func(ctx context.Context) func() (int64, error) {
		return func() (int64, error) { return 1, run(ctx) }
	}
	return report.Case{
		Name: name, About: about + ", " + w.shape + ", on all cores", Unit: "byte", Units: int(size), Want: 1,
		By: report.WallOfCPU, Also: []report.Metric{report.CPU, report.Wall},
		Ours:   report.Peer{Name: "millweir on all cores", Run: in(stream.WithParallelism(ctx, 0))},
		Peers:  []report.Peer{{Name: "millweir without goroutines", Run: in(ctx)}},
		Limits: []report.Limit{{Max: wallOfCPU}},
	}
}
