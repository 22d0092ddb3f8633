package bsoncodec_test

import (
	"bytes"
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// random returns the i-th document of a sequence, with odd values.
func random(i int) bson.Raw {
	g := bsonrand.New(uint64(i))
	g.Odd = true
	return g.Doc()
}

// lines returns n documents as Extended JSON, in one chunk.
func lines(t *testing.T, n int) []byte {
	var b []byte
	for i := range n {
		var err error
		if b, err = bsoncodec.AppendExtJSON(b, random(i), nil); err != nil {
			t.Fatal(err)
		}
		b = append(b, '\n')
	}
	return b
}

func concat[T ~[]byte](parts []T) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func TestExtJSONKeepsTheContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[bson.Raw, []byte]{
		New: func() stream.Flow[bson.Raw, []byte] { return bsoncodec.ExtJSON(nil) },
		In:  random,
		Want: func(t *testing.T, in []bson.Raw, out [][]byte) {
			if want := lines(t, len(in)); !bytes.Equal(concat(out), want) {
				t.Errorf("got %q, want %q", concat(out), want)
			}
		},
	})
}

func TestParseExtJSONKeepsTheContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, bson.Raw]{
		New:   func() stream.Flow[[]byte, bson.Raw] { return bsoncodec.ParseExtJSON(nil) },
		Input: func(n int) [][]byte { return bytes.SplitAfter(lines(t, n), []byte("\n")) },
		Want: func(t *testing.T, in [][]byte, out []bson.Raw) {
			for i, doc := range out {
				if !bytes.Equal(doc, random(i)) {
					t.Errorf("document %d: got %x, want %x", i, doc, random(i))
				}
			}
		},
	})
}

func TestBSONKeepsTheContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[bson.Raw, []byte]{
		New: func() stream.Flow[bson.Raw, []byte] { return bsoncodec.BSON(nil) },
		In:  random,
		Want: func(t *testing.T, in []bson.Raw, out [][]byte) {
			if !bytes.Equal(concat(out), concat(in)) {
				t.Errorf("got %x, want %x", concat(out), concat(in))
			}
		},
	})
}

func TestParseBSONKeepsTheContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, bson.Raw]{
		New: func() stream.Flow[[]byte, bson.Raw] { return bsoncodec.ParseBSON(nil) },
		In:  func(i int) []byte { return random(i) },
		Want: func(t *testing.T, in [][]byte, out []bson.Raw) {
			if len(in) > 0 && !bytes.Equal(concat(out), concat(in)) {
				t.Errorf("got %x, want %x", concat(out), concat(in))
			}
		},
	})
}

// TestHiddenErrorsEndTheRun: if the source hides the error of a stage and continues, the run still
// fails.
func TestHiddenErrorsEndTheRun(t *testing.T) {
	good, bad := raw(), raw()
	bad[4] = 1
	for name, run := range map[string]func() (int, error){
		"ExtJSON": func() (int, error) { return through(t, bsoncodec.ExtJSON(nil), good, bad, good) },
		"BSON": func() (int, error) {
			return through(t, bsoncodec.BSON(&bsoncodec.BSONOptions{Validate: true}), good, bad, good)
		},
		"ParseBSON": func() (int, error) {
			return through(t, bsoncodec.ParseBSON(nil), []byte(good), []byte(bad), []byte(good))
		},
		"ParseExtJSON": func() (int, error) {
			return through(t, bsoncodec.ParseExtJSON(nil), []byte("{}\n"), []byte("x\n"), []byte("{}\n"))
		},
	} {
		n, err := run()
		if err == nil || n > 1 {
			t.Errorf("%s: %d elements, %v", name, n, err)
		}
	}
}

// through returns the number of elements that f emits, and the error of the run. The source emits
// the elements of in and hides every error.
func through[I, O any](t *testing.T, f stream.Flow[I, O], in ...I) (int, error) {
	src := stream.SourceFunc[I](func(_ context.Context, emit func(I) error) error {
		for _, v := range in {
			_ = emit(v)
		}
		return nil
	})
	n := 0
	err := f.Apply(src).Each(t.Context(), func(O) error { n++; return nil })
	return n, err
}
