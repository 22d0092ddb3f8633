package streamtest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// store is the store that the broken sinks write to.
type store struct{ published atomic.Bool }

func sink(f func(ctx context.Context, s *store, src stream.Source[int]) (int, error)) func(*testing.T) {
	return func(t *testing.T) {
		var s *store
		streamtest.TestSink(t, streamtest.Sink[int, int]{
			New: func() stream.Sink[int, int] {
				mine := new(store)
				s = mine
				return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
					return f(ctx, mine, src)
				})
			},
			Published: func() bool { return s.published.Load() },
		})
	}
}

func brokenSinks() []defect {
	return []defect{
		{
			name: "sink publishes before its source returned", check: "Many",
			says: `rule 6 .* visible before its source returned nil`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				err = src.Each(ctx, func(int) error { n++; s.published.Store(true); return nil })
				return n, err
			}),
		},
		{
			name: "sink publishes after an error", check: "UpstreamError", says: `rule 6 .* the run failed .* visible`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				err = src.Each(ctx, func(int) error { n++; return nil })
				s.published.Store(true)
				return n, err
			}),
		},
		{
			name: "sink publishes after a cancel", check: "Cancel/UpstreamBlocked",
			says: `rule 6 .* the run failed .* visible`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				err = src.Each(ctx, func(int) error { n++; return nil })
				s.published.Store(err == nil || ctx.Err() != nil)
				return n, err
			}),
		},
		{
			name: "sink publishes in a defer, after a panic", check: "Panic/Upstream",
			says: `rule 6 .* the run failed .* visible`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				defer func() { s.published.Store(err == nil) }()
				err = src.Each(ctx, func(int) error { n++; return nil })
				return n, err
			}),
		},
		{
			name: "sink swallows the upstream's error", check: "UpstreamError",
			says: `rule 4 .* returned nil, expected the error`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				if err = src.Each(ctx, func(int) error { n++; return nil }); err != nil && ctx.Err() == nil {
					err = nil
				}
				s.published.Store(err == nil)
				return n, err
			}),
		},
		{
			name: "sink with a store that hangs ignores cancel", check: "Cancel/Stalled", says: `rule 7 .* hangs`,
			test: func(t *testing.T) {
				d := new(drawer)
				streamtest.TestSink(t, streamtest.Sink[int, int]{New: d.put, Stalled: func() stream.Sink[int, int] {
					return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
						return 0, src.Each(ctx, func(int) error { select {} })
					})
				}})
			},
		},
		{
			name: "sink does not publish at all", check: "One", says: `rule 6 .* work is not visible`,
			test: sink(func(ctx context.Context, _ *store, src stream.Source[int]) (n int, err error) {
				err = src.Each(ctx, func(int) error { n++; return nil })
				return n, err
			}),
		},
		{
			name: "sink ends early without saying so", check: "Many", says: `rule 6 .* the upstream had not completed`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				if err = src.Each(ctx, func(int) error {
					if n++; n == 50 {
						return errBroken
					}
					return nil
				}); n == 50 {
					err = nil
				}
				s.published.Store(err == nil)
				return n, err
			}),
		},
	}
}
