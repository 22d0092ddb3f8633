package streamtest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

type (
	emitInt = func(int) error
	// each is the body of a broken flow of integers.
	each = func(ctx context.Context, src stream.Source[int], emit emitInt) error
)

// intFlow returns the test of a flow of integers with the body f.
func intFlow(f each) func(*testing.T) {
	return func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] { return flowOf(f) }})
	}
}

func flowOf(f each) stream.Flow[int, int] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		return f(ctx, src, emit)
	})
}

func brokenEmits() []defect {
	return []defect{
		{
			name: "emits after an error", check: "DownstreamError",
			says: `rule 3 .* emit was called again after it returned an error`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var first error
				err := src.Each(ctx, func(v int) error {
					if err := emit(v); err != nil && first == nil {
						first = err
					}
					return nil
				})
				if first != nil {
					return first
				}
				return err
			}),
		},
		{
			name: "emits after Each returned", check: "Many", says: `rule 3 .* emit was called after Each had returned`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				err := src.Each(ctx, emit)
				go func() {
					time.Sleep(time.Millisecond)
					_ = emit(-1)
				}()
				return err
			}),
		},
		{
			name: "emits concurrently", check: "SlowDownstream", says: `rule 3 .* while another emit was under way`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var wg sync.WaitGroup
				var mu sync.Mutex
				var failed error
				err := src.Each(ctx, func(v int) error {
					wg.Go(func() {
						if err := emit(v); err != nil {
							mu.Lock()
							defer mu.Unlock()
							failed = err
						}
					})
					return nil
				})
				wg.Wait()
				return errors.Join(failed, err)
			}),
		},
		{
			name: "emits on a goroutine of its own", check: "One",
			says: `rule 3 .* on another goroutine than the one that called Each`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				g, ctx := stream.NewGroup(ctx)
				g.Go(func() error { return src.Each(ctx, emit) })
				return g.Wait()
			}),
		},
		{
			name: "leaks a goroutine", check: "Many", says: `rule 1 .* still run after the flow returned`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				go func() { <-ctx.Done() }()
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "leaks a goroutine for ever", check: "Many", says: `rule 1 .* still run after the flow returned`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				go func() { select {} }()
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "leaks a goroutine on error only", check: "DownstreamError",
			says: `rule 1 .* still run after the flow returned`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				items, failed := make(chan int), make(chan error, 1)
				go func() {
					failed <- src.Each(ctx, func(v int) error { items <- v; return nil })
					close(items)
				}()
				for v := range items {
					if err := emit(v); err != nil {
						return err
					}
				}
				return <-failed
			}),
		},
		{
			name: "reads ahead without bounds", check: "ReadAhead", says: `rule 2 .* elements were taken in beyond`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{
					// of 110 that are there
					New: func() stream.Flow[int, int] { return ahead[int](1000) }, ReadAhead: 10,
				})
			},
		},
		{
			name: "emits an empty chunk", check: "Many", says: `an empty chunk was emitted`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{New: func() stream.Flow[[]byte, []byte] {
					return byteFlow(func(ctx context.Context, src stream.Source[[]byte],
						emit func([]byte) error,
					) error {
						if err := src.Each(ctx, emit); err != nil {
							return err
						}
						return emit(nil)
					})
				}})
			},
		},
		{
			name: "reorders when the downstream is slow", check: "SlowDownstream",
			says: `rule 6 .* element \d+ is \d+, not \d+`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				held, slow := -1, false
				return src.Each(ctx, func(v int) error {
					switch {
					case slow && held < 0:
						held = v
						return nil
					case slow:
						if err := emit(v); err != nil {
							return err
						}
						v, held = held, -1
					}
					start := time.Now()
					err := emit(v)
					slow = time.Since(start) > 0
					return err
				})
			}),
		},
	}
}

func byteFlow(f func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error) stream.Flow[[]byte,
	[]byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		return f(ctx, src, emit)
	})
}
