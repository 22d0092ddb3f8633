package streamtest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// numbers is a source of 0 to n-1.
func numbers(n int) stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for i := range n {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(i); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	})
}

// double is a fused flow.
func double() stream.Flow[int, int] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		return src.Each(ctx, func(v int) error { return emit(2 * v) })
	})
}

// ahead is a flow with a goroutine: its upstream runs up to n elements ahead.
func ahead[T any](n int) stream.Flow[T, T] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[T], emit func(T) error) error {
		g, ctx := stream.NewGroup(ctx)
		items := make(chan T, n)
		g.Go(func() error {
			err := src.Each(ctx, func(v T) error {
				select {
				case items <- v:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
			if err == nil {
				close(items)
			}
			return err
		})
		return g.Do(func() error {
			for {
				select {
				case v, ok := <-items:
					switch {
					case ctx.Err() != nil: // select may have chosen the item
						return context.Cause(ctx)
					case !ok:
						return nil
					}
					if err := emit(v); err != nil {
						return err
					}
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		})
	})
}

// lines is a flow from chunks to lines.
func lines() stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		var rest []byte
		err := src.Each(ctx, func(chunk []byte) error {
			rest = append(rest, chunk...)
			for ctx.Err() == nil {
				i := bytes.IndexByte(rest, '\n')
				if i < 0 {
					return nil
				}
				line := bytes.Clone(rest[:i])
				rest = rest[i+1:]
				if err := emit(line); err != nil {
					return err
				}
			}
			return context.Cause(ctx)
		})
		if err == nil && len(rest) > 0 {
			err = emit(rest)
		}
		return err
	})
}

// drawer is a store into which puts sinks publish.
type drawer struct {
	mu  sync.Mutex
	all []int
}

func (d *drawer) full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all != nil
}

func (d *drawer) put() stream.Sink[int, int] {
	return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
		all := []int{}
		if err := src.Each(ctx, func(v int) error { all = append(all, v); return nil }); err != nil {
			return 0, err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.all = all
		return len(all), nil
	})
}

func TestReferences(t *testing.T) {
	t.Run("Source", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[int]{
			New: numbers,
			Want: func(t *testing.T, n int, out []int) {
				if len(out) != n {
					t.Errorf("%d elements, want %d", len(out), n)
				}
			},
		})
	})
	t.Run("Fused", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{New: double})
	})
	t.Run("Goroutine", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{
			New:  func() stream.Flow[int, int] { return ahead[int](3) },
			Want: func(t *testing.T, in, out []int) { checkEqual(t, in, out) }, ReadAhead: 3,
		})
	})
	t.Run("GoroutineRealIO", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{
			New:  func() stream.Flow[int, int] { return ahead[int](3) },
			Want: func(t *testing.T, in, out []int) { checkEqual(t, in, out) }, RealIO: true,
		})
	})
	t.Run("Apart", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
			return flowOf(apart{}.each)
		}})
	})
	t.Run("Lines", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{New: lines, OutRecords: true})
	})
	t.Run("Sink", func(t *testing.T) {
		var d *drawer
		streamtest.TestSink(t, streamtest.Sink[int, int]{
			New:       func() stream.Sink[int, int] { d = new(drawer); return d.put() },
			Published: func() bool { return d.full() },
			Want:      func(t *testing.T, in []int, n int) { checkEqual(t, []int{len(in)}, []int{n}) },
			Bad: []stream.Sink[int, int]{stream.SinkFunc[int, int](func(context.Context, stream.Source[int]) (int,
				error,
			) {
				return 0, errors.New("bad settings")
			})},
		})
	})
}

func checkEqual(t *testing.T, want, got []int) {
	t.Helper()
	if !slices.Equal(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
}
