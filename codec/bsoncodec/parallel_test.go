package bsoncodec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestParallelExtJSONKeepsTheContract(t *testing.T) {
	for name, o := range map[string]bsoncodec.ExtJSONOptions{
		"one worker": {Parallelism: 1}, "lines": {Parallelism: 3, ChunkSize: 1},
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[bson.Raw, []byte]{
				New: func() stream.Flow[bson.Raw, []byte] { return bsoncodec.ExtJSON(&o) },
				In:  random,
				Want: func(t *testing.T, in []bson.Raw, out [][]byte) {
					if want := lines(t, len(in)); !bytes.Equal(concat(out), want) {
						t.Errorf("got %q, want %q", concat(out), want)
					}
				},
				Bad: []stream.Flow[bson.Raw, []byte]{
					bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{Parallelism: -2}),
				},
			})
		})
	}
}

func TestParallelParseExtJSONKeepsTheContract(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[[]byte, bson.Raw]{
				New: func() stream.Flow[[]byte, bson.Raw] {
					return bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{Parallelism: n})
				},
				Input: func(n int) [][]byte { return bytes.SplitAfter(lines(t, n), []byte("\n")) },
				Want: func(t *testing.T, in [][]byte, out []bson.Raw) {
					for i, doc := range out {
						if !bytes.Equal(doc, random(i)) {
							t.Errorf("document %d: got %x, want %x", i, doc, random(i))
						}
					}
				},
				Bad: []stream.Flow[[]byte, bson.Raw]{
					bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{Parallelism: -2}),
				},
			})
		})
	}
}

// TestParallelIsSerial compares the two forms on random inputs, many of them broken: the documents,
// the bytes, and the first error with its location.
func TestParallelIsSerial(t *testing.T) {
	seeds := uint64(2000)
	if raced {
		seeds = 100
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		comparedParse(t, seed, r)
		comparedWrite(t, seed, r)
		if t.Failed() {
			return
		}
	}
}

var errUpstream = errors.New("the upstream failed")

// comparedParse parses random lines with and without goroutines.
func comparedParse(t *testing.T, seed uint64, r *rand.Rand) {
	text := randomLines(t, r)
	o := bsoncodec.ParseExtJSONOptions{SkipBlank: r.IntN(2) == 0}
	if r.IntN(3) == 0 {
		o.MaxLine = 1 + r.IntN(2000)
	}
	chunks := cutAtRandom(r, text)
	var end error
	if r.IntN(5) == 0 {
		end = errUpstream
	}
	want, wantErr := everything(t, stream.Via(endsWith(chunks, end), bsoncodec.ParseExtJSON(&o)))
	o.Parallelism = 1 + r.IntN(4)
	got, err := everything(t, stream.Via(endsWith(chunks, end), bsoncodec.ParseExtJSON(&o)))
	if !bytes.Equal(concat(got), concat(want)) || len(got) != len(want) {
		t.Errorf("seed %d: %d documents, want %d", seed, len(got), len(want))
	}
	sameError(t, seed, err, wantErr)
}

// comparedWrite writes random documents with and without goroutines. A stage without goroutines may
// hold lines back that the other one emits before an error.
func comparedWrite(t *testing.T, seed uint64, r *rand.Rand) {
	var docs []bson.Raw
	g := bsonrand.New(seed)
	g.Odd = true
	for range r.IntN(60) {
		docs = append(docs, g.Doc())
	}
	for range r.IntN(3) {
		if n := len(docs); n > 0 {
			doc := bytes.Clone(docs[r.IntN(n)])
			doc[r.IntN(len(doc))] ^= byte(1 << r.IntN(8))
			docs[r.IntN(n)] = doc
		}
	}
	o := bsoncodec.ExtJSONOptions{Relaxed: r.IntN(2) == 0, Strict: r.IntN(2) == 0, ChunkSize: 1 + r.IntN(3000)}
	var end error
	if r.IntN(5) == 0 {
		end = errUpstream
	}
	o.ChunkSize = 1
	want, wantErr := everything(t, stream.Via(endsWith(docs, end), bsoncodec.ExtJSON(&o)))
	o.Parallelism = 1 + r.IntN(4)
	o.ChunkSize = 1 + r.IntN(3000)
	got, err := everything(t, stream.Via(endsWith(docs, end), bsoncodec.ExtJSON(&o)))
	whole, all := concat(got), concat(want)
	if !bytes.HasPrefix(all, whole) || err == nil && len(whole) != len(all) {
		t.Errorf("seed %d: %d bytes that are not the same, want %d", seed, len(whole), len(all))
	}
	for _, chunk := range got {
		if chunk[len(chunk)-1] != '\n' {
			t.Errorf("seed %d: a chunk does not end with a line", seed)
		}
	}
	if o.ChunkSize == 1 && len(whole) != len(all) {
		t.Errorf("seed %d: %d bytes before the error, want %d", seed, len(whole), len(all))
	}
	sameError(t, seed, err, wantErr)
}

// A run follows the number of goroutines in its context, unless its option says otherwise. Without
// goroutines of its own, the upstream runs on that of the downstream.
func TestParallelismOfTheContext(t *testing.T) {
	goroutine := func() string {
		stack := make([]byte, 64)
		return strings.Fields(string(stack[:runtime.Stack(stack, false)]))[1]
	}
	run := func(ctx context.Context, n int) bool {
		up, down := make(chan string, 1), ""
		lines := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			up <- goroutine()
			return emit([]byte("{}\n"))
		})
		err := stream.Via(lines, bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{Parallelism: n})).Each(ctx,
			func(bson.Raw) error { down = goroutine(); return nil })
		if err != nil || down == "" {
			t.Errorf("%v, after a document on goroutine %q", err, down)
		}
		return <-up != down
	}
	parallel := stream.WithParallelism(t.Context(), 2)
	for name, c := range map[string]struct {
		got, want bool
	}{
		"no context":         {run(t.Context(), 0), false},
		"context":            {run(parallel, 0), true},
		"context and option": {run(parallel, -1), false},
		"option":             {run(t.Context(), 1), true},
	} {
		if c.got != c.want {
			t.Errorf("%s: goroutines of its own: %v", name, c.got)
		}
	}
}

// If the downstream waits, the memory of what the upstream has emitted is limited: by the number of
// goroutines, or to one long line and the beginning of the next.
func TestParallelReadsAheadWithinItsMemory(t *testing.T) {
	const workers = 2
	for name, c := range map[string]struct{ line, most int }{
		"short lines": {1000, workers * 2 << 20 / 3},
		"long lines":  {4 << 20, 2 * 4 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line := fmt.Appendf(nil, "{\"a\":%q}\n", strings.Repeat("x", c.line))
				ctx, cancel := context.WithCancel(t.Context())
				var taken atomic.Int64
				lines := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
					for {
						taken.Add(int64(len(line)))
						if err := emit(line); err != nil {
							return err
						}
					}
				})
				flow := bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{Parallelism: workers})
				err := stream.Via(lines, flow).Each(ctx, func(bson.Raw) error {
					synctest.Wait() // all others wait for this goroutine
					if n := int(taken.Load()); n > c.most+2*len(line) {
						t.Errorf("%d bytes were taken, want at most %d", n, c.most)
					}
					cancel()
					return nil
				})
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		})
	}
}

// randomLines returns lines of JSON. Some texts are broken.
func randomLines(t *testing.T, r *rand.Rand) []byte {
	g := bsonrand.New(r.Uint64())
	g.Odd = true
	var text []byte
	if r.IntN(4) == 0 {
		text = append(text, "\uFEFF"...)
	}
	for range r.IntN(60) {
		var err error
		switch r.IntN(20) {
		case 0:
			text = append(text, "null"...)
		case 1:
			text = append(text, ' ')
		case 2: // only the first line may begin with it
			text = append(text, "\uFEFF{}"...)
		default:
			if text, err = bsoncodec.AppendExtJSON(text, g.Doc(), nil); err != nil {
				t.Fatal(err)
			}
		}
		if text = append(text, '\n'); r.IntN(10) == 0 {
			text = append(text[:len(text)-1], "\r\n"...)
		}
	}
	if len(text) > 0 {
		for range r.IntN(3) {
			text[r.IntN(len(text))] = byte(r.IntN(256))
		}
		if r.IntN(4) == 0 {
			text = text[:r.IntN(len(text))]
		}
	}
	return text
}

// cutAtRandom cuts text into chunks, some of them empty.
func cutAtRandom(r *rand.Rand, text []byte) (chunks [][]byte) {
	most := []int{1, 30, 3000, 30_000}[r.IntN(4)]
	for len(text) > 0 {
		n := min(r.IntN(most+1), len(text))
		chunks = append(chunks, bytes.Clone(text[:n]))
		text = text[n:]
	}
	return chunks
}

// endsWith returns a source of these elements that ends with err.
func endsWith[T any](in []T, err error) stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		if e := slice(in...).Each(ctx, emit); e != nil {
			return e
		}
		return err
	})
}

// everything returns copies of what src emits, and its error.
func everything[T ~[]byte](t *testing.T, src stream.Source[T]) (all []T, err error) {
	err = src.Each(t.Context(), func(p T) error {
		all = append(all, bytes.Clone(p))
		return nil
	})
	return all, err
}

// sameError compares two errors with all that they report. Goroutines read ahead, so the upstream's
// own failure may be joined to an earlier error.
func sameError(t *testing.T, seed uint64, got, want error) {
	t.Helper()
	if joined, ok := got.(interface{ Unwrap() []error }); ok {
		if all := joined.Unwrap(); len(all) == 2 && all[1] == errUpstream {
			got = all[0]
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || reflect.TypeOf(got) != reflect.TypeOf(want) {
		t.Errorf("seed %d: got %v, want %v", seed, got, want)
		return
	}
	if e, ok := errors.AsType[*bsoncodec.SyntaxError](got); ok {
		if w := isSyntax(t, want); e.Line != w.Line || e.Offset != w.Offset || e.Column != w.Column {
			t.Errorf("seed %d: got %+v, want %+v", seed, e, w)
		}
	}
}
