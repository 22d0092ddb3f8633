package bsoncodec_test

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// TestLengthsOverACut: a false length is refused wherever the stream is cut, with the same result
// as for one chunk.
func TestLengthsOverACut(t *testing.T) {
	for n, want := range map[int]error{
		-1: nil, 0: nil, 3: nil, 4: nil, math.MinInt32: nil, 1001: bsoncodec.ErrSize, math.MaxInt32: bsoncodec.ErrSize,
		5: io.ErrUnexpectedEOF, 1000: io.ErrUnexpectedEOF,
	} {
		for cut := 1; cut <= 4; cut++ {
			parts := slices.Collect(slices.Chunk([]byte(string(raw())+length(n)), cut))
			docs, err := collect(t,
				stream.Via(slice(parts...), bsoncodec.ParseBSON(&bsoncodec.ParseBSONOptions{MaxDocument: 1000})))
			e, ok := errors.AsType[*bsoncodec.DocumentError](err)
			if !ok || len(docs) != 1 || e.Document != 2 || want != nil && !errors.Is(err, want) {
				t.Errorf("a length of %d, cut by %d: %d documents, %v", n, cut, len(docs), err)
			}
		}
	}
}

// TestMemoryByLength: a stated length alone does not allocate memory.
func TestMemoryByLength(t *testing.T) {
	opts := &bsoncodec.ParseBSONOptions{MaxDocument: math.MaxInt32}
	taken := uint64(math.MaxUint64)
	for range 3 { // the runtime sometimes allocates memory itself
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := collect(t, stream.Via(slice([]byte(length(1<<30)+"..."), []byte("...")), bsoncodec.ParseBSON(opts)))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		taken = min(taken, after.TotalAlloc-before.TotalAlloc)
	}
	if taken > 4<<20 {
		t.Errorf("%d bytes were taken for the beginning of a document", taken)
	}
}

// TestMemoryIsGivenBack emits a long line, and then short ones until the memory of the long line is
// released.
func TestMemoryIsGivenBack(t *testing.T) {
	const long, shorts = 8 << 20, 300
	live := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := live()
	check := func(what string, n int) {
		t.Helper()
		if n == shorts {
			if held := live() - before; held > long/2 {
				t.Errorf("%s: %d bytes are held after a line of %d", what, held, long)
			}
		}
	}
	lines := lend.Source(func(_ context.Context, emit func([]byte) error, _ bool) error {
		buf := make([]byte, 0, 1<<10)
		send := func(s string) error { buf = append(buf[:0], s...); return emit(buf) }
		if err := send(`{"a":"`); err != nil {
			return err
		}
		for range long / 1000 {
			if err := send(strings.Repeat("x", 1000)); err != nil {
				return err
			}
		}
		if err := send("\"}\n"); err != nil {
			return err
		}
		for range shorts + 10 {
			if err := errors.Join(send(`{"a":`), send("1}\n")); err != nil {
				return err
			}
		}
		return nil
	})
	n := -1
	err := stream.Via(lines, bsoncodec.ParseExtJSON(nil)).Each(t.Context(), func(bson.Raw) error {
		n++
		check("ParseExtJSON", n)
		return nil
	})
	if err != nil || n < shorts {
		t.Error(n, err)
	}

	docs := stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
		if err := emit(one(0x02, str(strings.Repeat("x", long)))); err != nil {
			return err
		}
		for range shorts + 10 {
			if err := emit(one(0x10, u32(1))); err != nil {
				return err
			}
		}
		return nil
	})
	n = -1
	out := stream.Via(docs, bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{ChunkSize: 1}))
	err = stream.EachLent(t.Context(), out, func([]byte) error {
		n++
		check("ExtJSON", n)
		return nil
	})
	if err != nil || n < shorts {
		t.Error(n, err)
	}
}
