package bsoncodec_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// With a budget, the parallel forms hold what it allows. If it is too small for what the user asked
// for, the run fails before its first element.
func TestBudget(t *testing.T) {
	const batch = 3 * 256 << 10 // the memory of one batch
	docs := corpus.Docs(5000, corpus.New(5).Mix)
	docs = append(docs, one(0x02, str(string(make([]byte, 1<<20))))) // larger than the budget
	for name, c := range map[string]struct {
		size        int64
		parallelism int
		refused     bool
	}{
		"two stages with one batch each":  {2 * batch, 0, false},
		"less than both need":             {2*batch - 1, 0, true},
		"more than they need":             {100 * batch, 4, false},
		"less than the parallelism needs": {3*batch - 1, 3, true},
	} {
		budget := stream.NewBudget(c.size)
		ctx := stream.WithParallelism(stream.WithBudget(t.Context(), budget), 3)
		format := bsoncodec.ExtJSONFormat(&bsoncodec.ExtJSONOptions{Parallelism: c.parallelism},
			&bsoncodec.ParseExtJSONOptions{Parallelism: c.parallelism})
		started := false
		src := stream.Via(source.Slice(docs), stream.Map(func(doc bson.Raw) bson.Raw {
			started = true
			return doc
		}))
		n, err := stream.Run(ctx, stream.Via2(src, format.Encode(), format.Decode()),
			sink.Fold(0, func(n int, _ bson.Raw) int { return n + 1 }))
		switch {
		case c.refused && (stream.ClassOf(err) != stream.Fatal || started):
			t.Errorf("%s: %v, started: %t, want an error before the first element", name, err, started)
		case !c.refused && (err != nil || n != len(docs)):
			t.Errorf("%s: %d documents, %v", name, n, err)
		}
		if used := budget.Used(); used != 0 {
			t.Errorf("%s: %d bytes are still taken", name, used)
		}
	}
}
