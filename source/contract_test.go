package source_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// upTo returns 0 to n-1.
func upTo(n int) []int {
	xs := make([]int, n)
	for i := range xs {
		xs[i] = i
	}
	return xs
}

// lines returns n lines.
func lines(n int) []byte {
	var p []byte
	for i := range n {
		p = fmt.Appendf(p, "line %d\n", i)
	}
	return p
}

// filled returns a closed channel with 0 to n-1 in it.
func filled(n int) <-chan int {
	ch := make(chan int, n)
	for i := range n {
		ch <- i
	}
	close(ch)
	return ch
}

// counter is a resource that yields 0 to n-1.
func counter(n int) stream.Source[int] {
	return source.Resource(
		func(context.Context) (*int, error) { return new(int), nil },
		func(i *int, _ context.Context) (int, bool, error) { *i++; return *i - 1, *i <= n, nil },
		func(*int, context.Context) error { return nil },
	)
}

// Every source of values keeps the contract. Endless sources are cut. The runs are long enough for
// every way to watch the context.
func TestContract(t *testing.T) {
	pairs := func(n int) func(func(int, error) bool) {
		return func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
	sources := map[string]func(n int) stream.Source[int]{
		"Slice":  func(n int) stream.Source[int] { return source.Slice(upTo(n)) },
		"Of":     func(n int) stream.Source[int] { return source.Of(upTo(n)...) },
		"Seq":    func(n int) stream.Source[int] { return source.Seq(slices.Values(upTo(n))) },
		"Seq2":   func(n int) stream.Source[int] { return source.Seq2(pairs(n)) },
		"Range":  func(n int) stream.Source[int] { return source.Range(0, n, 1) },
		"Unfold": func(n int) stream.Source[int] { return source.Unfold(0, countTo(n)) },
		"Defer": func(n int) stream.Source[int] {
			return source.Defer(func(context.Context) (stream.Source[int], error) { return source.Range(0, n, 1), nil })
		},
		"Resource": counter,
		"Cycle": func(n int) stream.Source[int] {
			return stream.Via(source.Cycle(slices.Values(upTo(1000))), stream.Take[int](n))
		},
	}
	for name, mk := range sources {
		t.Run(name, func(t *testing.T) {
			streamtest.TestSource(t, streamtest.Source[int]{New: mk, Many: 300, Want: wantUpTo})
		})
	}
	once := map[string]func(n int) stream.Source[int]{
		"Chan": func(n int) stream.Source[int] { return source.Chan(filled(n)) },
		"Queue": func(n int) stream.Source[int] {
			q := source.NewQueue[int](n)
			for i := range n {
				if ok, err := q.TryOffer(i); !ok || err != nil {
					panic(err)
				}
			}
			q.Complete()
			return q
		},
	}
	for name, mk := range once {
		t.Run(name, func(t *testing.T) {
			streamtest.TestSource(t, streamtest.Source[int]{
				New: mk, Want: wantUpTo, SingleUse: true,
				Stalled: map[string]func() stream.Source[int]{
					"Chan":  func() stream.Source[int] { return source.Chan(make(chan int)) },
					"Queue": func() stream.Source[int] { return source.NewQueue[int](1) },
				}[name],
			})
		})
	}
	t.Run("Func", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[int]{
			New: func(int) stream.Source[int] {
				return source.Func(func(context.Context) (int, error) { return 7, nil })
			},
			Stalled: func() stream.Source[int] {
				return source.Func(func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
			},
		})
	})
	t.Run("Tick", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[time.Time]{
			New: func(n int) stream.Source[time.Time] {
				return stream.Via(source.Tick(time.Millisecond), stream.Take[time.Time](n))
			},
			Stalled: func() stream.Source[time.Time] { return source.Tick(1000 * time.Hour) },
			Varies:  true,
		})
	})
}

func wantUpTo(t *testing.T, n int, out []int) {
	if !slices.Equal(out, upTo(n)) {
		t.Errorf("%d records: %v", n, out)
	}
}

func countTo(n int) func(context.Context, int) (int, int, bool, error) {
	return func(_ context.Context, i int) (int, int, bool, error) { return i + 1, i, i < n, nil }
}

// Empty and Never have no elements, which most checks of the suite need.
func TestNothing(t *testing.T) {
	for _, src := range []stream.Source[int]{
		source.Empty[int](), source.Of[int](), source.Range(0, 0, 1),
		source.Seq(maps.Keys(map[int]int{})),
	} {
		if err := src.Each(t.Context(), func(int) error { panic("an element") }); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(errTest) })
	if err := source.Never[int]().Each(ctx, func(int) error { panic("an element") }); err != errTest {
		t.Error(err)
	}
}

// Sources of bytes keep the contract.
func TestContractOfBytes(t *testing.T) {
	wantLines := func(t *testing.T, n int, out [][]byte) {
		if !bytes.Equal(bytes.Join(out, nil), lines(n)) {
			t.Errorf("%d records: %q", n, out)
		}
	}
	dir := t.TempDir()
	file := func(n int) string {
		name := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(name, lines(n), 0o600); err != nil {
			panic(err)
		}
		return name
	}
	for name, f := range map[string]streamtest.Source[[]byte]{
		"Repeat": {
			New: func(n int) stream.Source[[]byte] {
				return stream.Via(source.Repeat([]byte("again")), stream.Take[[]byte](n))
			},
			Many:    300,
			Records: true,
		},
		"Reader": {
			New:       func(n int) stream.Source[[]byte] { return source.Reader(bytes.NewReader(lines(n))) },
			Want:      wantLines,
			SingleUse: true,
		},
		"Reader/Pipe": {
			New: func(n int) stream.Source[[]byte] {
				return source.Reader(iotest.DataErrReader(bytes.NewReader(lines(n))))
			},
			Want:      wantLines,
			SingleUse: true,
			Stalled: func() stream.Source[[]byte] {
				r, _ := io.Pipe()
				return source.Reader(r)
			},
		},
		"Stdin": {
			New: func(n int) stream.Source[[]byte] {
				f, err := os.Open(file(n))
				if err != nil {
					panic(err)
				}
				return stdin(t, f)
			},
			Want:      wantLines,
			SingleUse: true,
		},
		"Open": {
			New: func(n int) stream.Source[[]byte] {
				return source.Open(func(context.Context) (io.ReadCloser, error) {
					return io.NopCloser(iotest.OneByteReader(bytes.NewReader(lines(n)))), nil
				})
			},
			Want: wantLines,
			Stalled: func() stream.Source[[]byte] {
				return source.Open(func(context.Context) (io.ReadCloser, error) {
					r, w := io.Pipe()
					return struct {
						io.Reader
						io.Closer
					}{r, w}, nil
				})
			},
		},
		"File": {
			New:  func(n int) stream.Source[[]byte] { return source.File(file(n), &source.FileOptions{ChunkSize: 10}) },
			Want: wantLines,
		},
		"Pipe": {
			New: func(n int) stream.Source[[]byte] {
				return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
					src, w := source.Pipe()
					g, ctx := stream.NewGroup(ctx)
					g.Go(func() error {
						for line := range bytes.Lines(lines(n)) {
							if _, err := w.Write(line); err != nil {
								return nil // the run knows why it ended
							}
						}
						return w.Close()
					})
					return g.Do(func() error { return src.Each(ctx, emit) })
				})
			},
			Want: wantLines,
			Stalled: func() stream.Source[[]byte] {
				src, _ := source.Pipe()
				return src
			},
		},
	} {
		t.Run(name, func(t *testing.T) { streamtest.TestSource(t, f) })
	}
}
