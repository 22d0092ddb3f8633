package sink_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// Every sink of values keeps the contract.
func TestContract(t *testing.T) {
	count := func(t *testing.T, in []int, n int64) {
		if int(n) != len(in) {
			t.Errorf("%d of %d elements", n, len(in))
		}
	}
	all := func(t *testing.T, in, result []int) {
		if !slices.Equal(in, result) {
			t.Errorf("%v of %v", result, in)
		}
	}
	add := func(a, b int) int { return a + b }
	take := func(context.Context, int) error { return nil }
	same(t, "Slice", sink.Slice[int], all)
	same(t, "TakeLast", func() stream.Sink[int, []int] {
		return sink.TakeLast[int](3)
	}, func(t *testing.T, in, result []int) {
		all(t, in[max(0, len(in)-3):], result)
	})
	same(t, "Fold", func() stream.Sink[int, int] { return sink.Fold(0, add) }, nil)
	same(t, "Discard", sink.Discard[int], count)
	same(t, "ForEach", func() stream.Sink[int, int64] { return sink.ForEach(take) }, count)
	same(t, "ForEachParallel", func() stream.Sink[int, int64] { return sink.ForEachParallel(3, take) }, count)
	same(t, "Chan", func() stream.Sink[int, int64] { return sink.Chan(make(chan int, 1000)) }, count)
	same(t, "Defer", func() stream.Sink[int, int64] {
		return sink.Defer(func(context.Context) (stream.Sink[int, int64], error) { return sink.Discard[int](), nil })
	}, count)
	same(t, "Lazy", func() stream.Sink[int, []int] {
		return sink.Lazy(func(context.Context, int) (stream.Sink[int, []int], error) { return sink.Slice[int](), nil })
	}, all)
	same(t, "Lazy/goroutines", func() stream.Sink[int, []int] {
		return sink.Lazy(func(context.Context, int) (stream.Sink[int, []int], error) {
			return stream.Into(stream.Async[int](2), sink.Slice[int]()), nil
		})
	}, all)
	// First, Last and Reduce refuse a run without elements, with which the suite begins: orZero
	// turns that into a result.
	orZero := func(s stream.Sink[int, int]) func() stream.Sink[int, int] {
		return func() stream.Sink[int, int] {
			return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
				n, err := s.Consume(ctx, src)
				if errors.Is(err, sink.ErrEmpty) {
					err = nil
				}
				return n, err
			})
		}
	}
	same(t, "Reduce", orZero(sink.Reduce(add)), nil)
	same(t, "Last", orZero(sink.Last[int]()), func(t *testing.T, in []int, last int) {
		if len(in) > 0 && last != in[len(in)-1] {
			t.Error(last)
		}
	})
	for name, mk := range map[string]func() stream.Sink[int, int]{
		"First": orZero(sink.First[int]()),
		"Lazy/First": func() stream.Sink[int, int] {
			return sink.Lazy(func(context.Context, int) (stream.Sink[int, int], error) {
				return sink.First[int](), nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestSink(t, streamtest.Sink[int, int]{New: mk, Early: true, Want: func(t *testing.T, in []int,
				first int,
			) {
				if len(in) > 0 && first != in[0] {
					t.Error(first)
				}
			}})
		})
	}
}

func same[R any](t *testing.T, name string, mk func() stream.Sink[int, R], want func(*testing.T, []int, R)) {
	t.Run(name, func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, R]{New: mk, Many: 300, Want: want})
	})
}

// Sinks of bytes keep the contract: the stored bytes are visible once the run is complete, and not
// before.
func TestContractOfBytes(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	files, name := 0, ""
	next := func() string {
		mu.Lock()
		defer mu.Unlock()
		files++
		name = filepath.Join(dir, string(rune('a'+files%26))+"-file")
		_ = os.Remove(name)
		return name
	}
	stored := func(read func() []byte) func(*testing.T, [][]byte, int64) {
		return func(t *testing.T, in [][]byte, n int64) {
			if got, want := read(), bytes.Join(in, nil); !bytes.Equal(got, want) || int(n) != len(want) {
				t.Errorf("%d bytes, it says %d, of %d", len(got), n, len(want))
			}
		}
	}
	for test, opts := range map[string]sink.FileOptions{"File": {}, "File/IfAbsent": {IfAbsent: true}} {
		t.Run(test, func(t *testing.T) {
			streamtest.TestSink(t, streamtest.Sink[[]byte, int64]{
				New: func() stream.Sink[[]byte, int64] {
					next()
					return sink.Defer(func(context.Context) (stream.Sink[[]byte, int64], error) {
						return sink.File(next(), &opts), nil
					})
				},
				Want: stored(func() []byte { p, _ := os.ReadFile(name); return p }),
				Published: func() bool {
					_, err := os.Stat(name)
					return err == nil
				},
			})
			if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
				t.Error("left behind:", left, err)
			}
		})
	}
	t.Run("File/Append", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[[]byte, int64]{
			New: func() stream.Sink[[]byte, int64] { return sink.File(next(), &sink.FileOptions{Append: true}) },
		})
	})
	t.Run("Writer", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[[]byte, int64]{
			New: func() stream.Sink[[]byte, int64] { return sink.Writer(&shared{}) },
		})
	})
	t.Run("Create", func(t *testing.T) {
		var published *bytes.Buffer
		streamtest.TestSink(t, streamtest.Sink[[]byte, int64]{
			New: func() stream.Sink[[]byte, int64] {
				published = nil
				return sink.Create(func(context.Context) (io.WriteCloser, error) {
					return &publisher{publish: func(b *bytes.Buffer) { published = b }}, nil
				})
			},
			Want:      stored(func() []byte { return published.Bytes() }),
			Published: func() bool { return published != nil },
		})
	})
}

// shared is a writer that is safe for concurrent runs.
type shared struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}

// publisher is a writer whose Close publishes the written bytes.
type publisher struct {
	bytes.Buffer
	publish func(*bytes.Buffer)
}

var publishing sync.Mutex

func (p *publisher) Close() error {
	publishing.Lock()
	defer publishing.Unlock()
	p.publish(&p.Buffer)
	return nil
}

func (p *publisher) CloseWithError(error) error { return nil }
