package bsoncodec_test

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

// longDocuments are documents of many MiB. The memory allocated to convert one is a multiple of the
// result: at most 1.2 times if the values are of similar kinds throughout. If later values need
// more memory than earlier ones, some of it is allocated again.
var longDocuments = map[string]struct {
	doc         func() bson.Raw
	write, back float64 // allocated bytes per byte of the line, and of the document
}{
	"one string of control characters": {func() bson.Raw { return repeated(1, text("\x01", 8<<20)) }, 1.2, 1.2},
	"one string of lines":              {func() bson.Raw { return repeated(1, text("a line\n", 1<<20)) }, 1.2, 1.2},
	"one string of CJK":                {func() bson.Raw { return repeated(1, text("文字", 1<<20)) }, 1.2, 1.2},
	"strings of control characters":    {func() bson.Raw { return repeated(8, text("\x01", 1<<20)) }, 1.25, 1.25},
	"short strings of control characters": {
		func() bson.Raw { return repeated(70_000, text("\x01", 100)) }, 1.25, 1.25,
	},
	"numbers": {func() bson.Raw { return repeated(1_000_000, element{0x10, "a", u32(1)}) }, 1.3, 1.3},
	"MinKeys": {func() bson.Raw { return bulk(element{0x7F, "", ""}, 7<<20) }, 1.2, 1.2},
	"arrays of numbers": {
		func() bson.Raw { return repeated(1, element{0x04, "a", string(numbers(1_000_000))}) }, 1.5, 2.5,
	},
	"binaries": {
		func() bson.Raw {
			return repeated(16, element{0x05, "a", u32(1<<20) + "\x00" + strings.Repeat("x", 1<<20)})
		}, 1.3, 1.3,
	},
	"short strings, with and then without": {
		func() bson.Raw { return repeated(70_000, text("\x01", 60), text("x", 40)) }, 1.3, 1.3,
	},
	"strings of control characters after others": {func() bson.Raw {
		return raw(slices.Concat(slices.Repeat([]element{text("x", 100)}, 30_000),
			slices.Repeat([]element{text("\x01", 100)}, 30_000))...)
	}, 3.5, 4.5},
}

func repeated(n int, e ...element) bson.Raw { return raw(slices.Repeat(e, n)...) }

func text(s string, n int) element { return element{0x02, "a", str(strings.Repeat(s, n))} }

// TestMemoryOfLongLines limits the memory that converting a document in both directions takes.
func TestMemoryOfLongLines(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own")
	}
	for name, c := range longDocuments {
		doc := c.doc()
		var line, back []byte
		write := allocated(t, func() (err error) {
			line, err = bsoncodec.AppendExtJSON(nil, doc, nil)
			return err
		})
		parse := allocated(t, func() (err error) {
			back, err = bsoncodec.AppendBSON(nil, line, nil)
			return err
		})
		whole := append(line, '\n')
		stage := allocated(t, func() (err error) {
			docs, err := collect(t, stream.Via(slice(whole), bsoncodec.ParseExtJSON(nil)))
			if err == nil && (len(docs) != 1 || !bytes.Equal(docs[0], doc)) {
				err = errors.New("not the same document")
			}
			return err
		})
		if !bytes.Equal(back, doc) {
			t.Errorf("%s: not the same document", name)
		}
		for what, r := range map[string]struct{ got, most float64 }{
			"AppendExtJSON": {write / float64(len(line)), c.write},
			"AppendBSON":    {parse / float64(len(doc)), c.back},
			"ParseExtJSON":  {stage / float64(len(doc)), c.back},
		} {
			t.Logf("%s of %s: %.2f", what, name, r.got)
			if r.got > r.most {
				t.Errorf("%s of %s: %d bytes of BSON, %d of JSON, %.2f times the result was allocated, want %.2f",
					what, name, len(doc), len(line), r.got, r.most)
			}
		}
	}
}

// allocated returns the bytes that f allocates, the least of three runs: the runtime sometimes
// allocates memory itself.
func allocated(t *testing.T, f func() error) float64 {
	t.Helper()
	taken := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := f(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		taken = min(taken, after.TotalAlloc-before.TotalAlloc)
	}
	return float64(taken)
}

// numbers returns an array of n numbers.
func numbers(n int) bson.Raw {
	_, a, err := bson.MarshalValue(make([]int32, n))
	if err != nil {
		panic(err)
	}
	return a
}
