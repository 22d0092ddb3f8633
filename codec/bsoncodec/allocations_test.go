package bsoncodec_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/stream"
)

// TestKeptDocumentsHoldTheirSize: a document holds little more memory than its size, however much
// white space and how many escapes its line had.
func TestKeptDocumentsHoldTheirSize(t *testing.T) {
	for name, text := range map[string]string{
		"wrapped numbers": `{"a":[` + strings.Repeat(`{"$numberInt":"1"},`, 60_000) + `1]}`,
		"white space":     `{"a":1` + strings.Repeat(" ", 1<<20) + "}",
		"escapes":         `{"a":"` + strings.Repeat(`\u0001`, 1<<17) + `"}`,
		"plain text":      `{"a":"` + strings.Repeat(`x`, 1<<20) + `"}`,
		"numbers":         `{"a":[` + strings.Repeat(`1,`, 100_000) + `1]}`,
	} {
		line := []byte(text + "\n")
		src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			for range 20 {
				if err := emit(line); err != nil {
					return err
				}
			}
			return nil
		})
		before := heap()
		docs, err := collect(t, stream.Via(src, bsoncodec.ParseExtJSON(nil)))
		held, size := heap()-before, len(concat(docs))
		if err != nil || len(docs) != 20 {
			t.Fatalf("%s: %d documents, %v", name, len(docs), err)
		}
		if held > size+size/3+256<<10 {
			t.Errorf("%s: %d documents of %d bytes in all hold %d", name, len(docs), size, held)
		}
		runtime.KeepAlive(docs)
	}
}

// heap returns the bytes of the heap in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestScopeFirstTakesNoMemoryByTheLevel: code whose scope comes first takes no memory for each
// level.
func TestScopeFirstTakesNoMemoryByTheLevel(t *testing.T) {
	for _, levels := range []int{1, 100} {
		text := []byte(`{"a":` + strings.Repeat(`{"$scope":{"a":`, levels-1) + `{"$scope":{"a":"` + strings.Repeat("x",
			1<<20) + `"},"$code":"f"}` +
			strings.Repeat(`},"$code":"f"}`, levels-1) + `}`)
		dst := make([]byte, 0, 2<<20)
		if n := testing.AllocsPerRun(3, func() {
			dst, _ = bsoncodec.AppendBSON(dst[:0], text, nil)
		}); n > 3 || len(dst) < 1<<20 {
			t.Errorf("%d levels: %v allocations, %d bytes", levels, n, len(dst))
		}
		roundTrip(t, dst)
	}
}

func TestNoAllocations(t *testing.T) {
	docs, texts := []bson.Raw{}, [][]byte{}
	for _, s := range shapes() {
		docs, texts = append(docs, s.docs[:4]...), append(texts, s.texts[:4]...)
	}
	for _, v := range values {
		docs = append(docs, one(v.t, v.val))
		texts = append(texts, []byte(`{"a":`+v.canonical+`}`))
	}
	for _, doc := range odd {
		docs = append(docs, doc)
	}
	dst := make([]byte, 0, 1<<16)
	for i, doc := range docs {
		for _, relaxed := range []bool{false, true} {
			opts := &bsoncodec.ExtJSONOptions{Relaxed: relaxed}
			if n := testing.AllocsPerRun(20, func() { dst, _ = bsoncodec.AppendExtJSON(dst[:0], doc, opts) }); n > 0 {
				t.Errorf("write document %d, relaxed %v: %v allocations: %s", i, relaxed, n, dst)
			}
		}
		if n := testing.AllocsPerRun(20, func() { _ = bsoncodec.Validate(doc, nil) }); n > 0 {
			t.Errorf("validate document %d: %v allocations", i, n)
		}
	}
	for _, text := range texts {
		if bytes.Contains(text, []byte(`\"b`)) || bytes.Contains(text, []byte(`"$ref":"d`)) {
			continue // escapes inside a type wrapper need a scratch buffer
		}
		if n := testing.AllocsPerRun(20, func() { dst, _ = bsoncodec.AppendBSON(dst[:0], text, nil) }); n > 0 {
			t.Errorf("parse: %v allocations: %.200s", n, text)
		}
	}
}

// TestStagesAllocateByTheChunk: the stages allocate once for some hundreds of documents, not for
// each document.
func TestStagesAllocateByTheChunk(t *testing.T) {
	const n = 10_000
	docs := corpus.Docs(n, corpus.New(1).Cookie)
	text, err := collect(t, stream.Via(slice(docs...), bsoncodec.ExtJSON(nil)))
	if err != nil {
		t.Fatal(err)
	}
	discard := func(bson.Raw) error { return nil }
	for name, run := range map[string]func() error{
		"ExtJSON": func() error {
			return bsoncodec.ExtJSON(nil).Apply(slice(docs...)).Each(t.Context(), func([]byte) error { return nil })
		},
		"ParseExtJSON": func() error {
			return bsoncodec.ParseExtJSON(nil).Apply(slice(text...)).Each(t.Context(), discard)
		},
		"BSON and ParseBSON": func() error {
			return stream.Via2(slice(docs...), bsoncodec.BSON(nil), bsoncodec.ParseBSON(nil)).Each(t.Context(), discard)
		},
	} {
		allocations := testing.AllocsPerRun(3, func() {
			if err := run(); err != nil {
				t.Fatal(err)
			}
		})
		if allocations > n/100 {
			t.Errorf("%s: %v allocations for %d documents", name, allocations, n)
		}
	}
}
