package bsoncodec_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
)

// TestMemoryOfLongLines limits the memory allocated for the line of a large document, as a multiple
// of its length: 1.2 to 1.5 times if the values are of similar kinds throughout. If later values
// need more text than earlier ones, another line is allocated.
func TestMemoryOfLongLines(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own")
	}
	many := func(n int, e ...element) bson.Raw { return raw(slices.Repeat(e, n)...) }
	text := func(s string, n int) element { return element{0x02, "a", str(strings.Repeat(s, n))} }
	for name, c := range map[string]struct {
		doc  func() bson.Raw
		most float64 // allocated bytes per byte of the line
	}{
		"one string of control characters":    {func() bson.Raw { return many(1, text("\x01", 8<<20)) }, 1.2},
		"one string of lines":                 {func() bson.Raw { return many(1, text("a line\n", 1<<20)) }, 1.2},
		"strings of control characters":       {func() bson.Raw { return many(8, text("\x01", 1<<20)) }, 1.25},
		"short strings of control characters": {func() bson.Raw { return many(70_000, text("\x01", 100)) }, 1.25},
		"numbers": {func() bson.Raw {
			return many(1_000_000, element{0x10, "a", u32(1)})
		}, 1.3},
		"MinKeys": {func() bson.Raw { return bulk(element{0x7F, "", ""}, 7<<20) }, 1.2},
		"arrays of numbers": {func() bson.Raw {
			return many(1, element{0x04, "a", string(numbers(1_000_000))})
		}, 1.5},
		"short strings, with and then without": {func() bson.Raw {
			return many(70_000, text("\x01", 60), text("x", 40))
		}, 1.3},
		"strings of control characters behind others": {func() bson.Raw {
			return raw(slices.Concat(slices.Repeat([]element{text("x", 100)}, 30_000),
				slices.Repeat([]element{text("\x01", 100)}, 30_000))...)
		}, 3.5},
	} {
		doc := c.doc()
		taken := uint64(math.MaxUint64)
		var line []byte
		for range 3 { // the runtime sometimes allocates memory itself
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var err error
			if line, err = bsoncodec.AppendExtJSON(nil, doc, nil); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			runtime.ReadMemStats(&after)
			taken = min(taken, after.TotalAlloc-before.TotalAlloc)
		}
		if ratio := float64(taken) / float64(len(line)); ratio > c.most {
			t.Errorf("%s: %d bytes of BSON, %d of JSON, for which %.2f times as many were taken, want %.2f", name,
				len(doc), len(line), ratio, c.most)
		}
	}
}

// numbers returns an array of n numbers.
func numbers(n int) bson.Raw {
	_, a, err := bson.MarshalValue(make([]int32, n))
	if err != nil {
		panic(err)
	}
	return a
}
