package streamtest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// source returns the test of a source of integers.
func source(f func(ctx context.Context, n int, emit emitInt) error) func(*testing.T) {
	return func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[int]{New: func(n int) stream.Source[int] {
			return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				return f(ctx, n, emit)
			})
		}})
	}
}

// bySlice returns the test of a source of integers that is correct except in what it emits as
// slices.
func bySlice(hand func(vs []int, take func([]int) error) error) func(*testing.T) {
	return func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[int]{New: func(n int) stream.Source[int] {
			return sliceOf{numbers(n), n, hand}
		}})
	}
}

type sliceOf struct {
	stream.Source[int]
	n    int
	hand func(vs []int, take func([]int) error) error
}

func (s sliceOf) EachSlice(ctx context.Context, take func([]int) error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s.n == 0:
		return nil
	}
	vs := make([]int, s.n)
	for i := range vs {
		vs[i] = i
	}
	return s.hand(vs, take)
}

// hasty does not look at its context before its only slice.
type hasty struct {
	stream.Source[int]
	n int
}

func (h hasty) EachSlice(_ context.Context, take func([]int) error) error {
	return sliceOf{n: h.n, hand: func(vs []int, take func([]int) error) error {
		return take(vs)
	}}.EachSlice(context.Background(), take)
}

func brokenSources() []defect {
	return []defect{
		{
			name: "source ignores cancel", check: "Cancel/InsideEmit", says: `rule 7 .* more than 1s`,
			test: source(func(_ context.Context, n int, emit emitInt) error {
				return numbers(n).Each(context.Background(), emit)
			}),
		},
		{
			name: "source starts in a cancelled context", check: "Cancel/BeforeStart",
			says: `rule 7 .* returned nil, expected context.Cause`,
			test: source(func(_ context.Context, n int, emit emitInt) error {
				return numbers(n).Each(context.Background(), emit)
			}),
		},
		{
			name: "source returns context.Canceled for the cause", check: "Cancel/InsideEmit",
			says: `rule 7 .*"context canceled".* expected context.Cause`,
			test: source(func(ctx context.Context, n int, emit emitInt) error {
				for i := range n {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					if err := emit(i); err != nil {
						return err
					}
				}
				return ctx.Err()
			}),
		},
		{
			name: "source drops the last slice", check: "Slices/Whole", says: `rule 6 .* by slices`,
			test: bySlice(func(vs []int, take func([]int) error) error { return take(vs[:len(vs)-1]) }),
		},
		{
			name: "source hands on a slice in a cancelled context", check: "Slices/Cancel/BeforeStart",
			says: `rule 7 .* before the start`,
			test: func(t *testing.T) {
				streamtest.TestSource(t, streamtest.Source[int]{New: func(n int) stream.Source[int] {
					return hasty{numbers(n), n}
				}})
			},
		},
		{
			name: "source hands on an empty slice", check: "Slices/Whole", says: `rule 0 .* empty slice`,
			test: bySlice(func(vs []int, take func([]int) error) error {
				if err := take(vs); err != nil {
					return err
				}
				return take(nil)
			}),
		},
		{
			name: "source forgets the error of a slice", check: "Slices/DownstreamError",
			says: `rule 4 .* expected emit's error`,
			test: bySlice(func(vs []int, take func([]int) error) error {
				_ = take(vs)
				return nil
			}),
		},
		{
			name: "source stops when cancelled and says it is complete", check: "Cancel/InsideEmit",
			says: `rule 7 .* nil was returned, but the output has`,
			test: source(func(ctx context.Context, n int, emit emitInt) error {
				for i := 0; i < n && ctx.Err() == nil; i++ {
					if err := emit(i); err != nil {
						return err
					}
				}
				return nil
			}),
		},
		{
			name: "waiting source ignores cancel", check: "Cancel/Stalled", says: `rule 7 .* hangs`,
			test: func(t *testing.T) {
				streamtest.TestSource(t, streamtest.Source[int]{New: numbers, Stalled: func() stream.Source[int] {
					return stream.SourceFunc[int](func(context.Context, func(int) error) error { select {} })
				}})
			},
		},
		{
			name: "single-use source completes the second time", check: "SingleUse",
			says: `rule 9 .* returned nil, expected an error`,
			test: func(t *testing.T) {
				streamtest.TestSource(t, streamtest.Source[int]{SingleUse: true, New: func(n int) stream.Source[int] {
					var used atomic.Bool
					return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
						if used.Swap(true) {
							return nil
						}
						return numbers(n).Each(ctx, emit)
					})
				}})
			},
		},
		{
			name: "single-use source emits before it fails the second time", check: "SingleUse",
			says: `rule 9 .* 1 elements were emitted`,
			test: func(t *testing.T) {
				streamtest.TestSource(t, streamtest.Source[int]{SingleUse: true, New: func(n int) stream.Source[int] {
					var used atomic.Bool
					return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
						if !used.Swap(true) {
							return numbers(n).Each(ctx, emit)
						}
						if err := emit(0); err != nil {
							return err
						}
						return errBroken
					})
				}})
			},
		},
		{
			name: "source goes on where the last run ended", check: "RunTwice", says: `rule 9 .* run 2`,
			test: func(t *testing.T) {
				streamtest.TestSource(t, streamtest.Source[int]{New: func(n int) stream.Source[int] {
					var next atomic.Int64
					return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
						for next.Load() < int64(n) {
							if err := emit(int(next.Add(1))); err != nil {
								return err
							}
						}
						return nil
					})
				}})
			},
		},
	}
}
