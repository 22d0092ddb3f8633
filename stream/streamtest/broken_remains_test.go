package streamtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// brokenRemains returns stages that leak something after a run, lose the values of the context, or
// share state between their runs.
func brokenRemains() []defect {
	return []defect{
		{
			name: "leaves a function of its context", check: "LeftBehind", alone: true,
			says: `rule 1 .* 1 child context.* are left`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				context.AfterFunc(ctx, func() {})
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "leaves a child context", check: "LeftBehind", alone: true,
			says: `rule 1 .* 1 child context.* are left`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				ctx, _ = childOf(ctx)
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "leaves a child context of a failure", check: "LeftBehind", alone: true,
			says: `rule 1 .* fails.* 1 child context.* are left`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				ctx, cancel := childOf(ctx)
				err := src.Each(ctx, emit)
				if err == nil {
					cancel(nil)
				}
				return err
			}),
		},
		{
			name: "leaves a timer", check: "LeftBehind", alone: true,
			says: `rule 1 .* context was used after it had returned`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				time.AfterFunc(time.Hour, func() { _ = ctx.Err() })
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "emits when a timer comes later", check: "LeftBehind", alone: true,
			says: `rule 3 .* emit was called after Each had returned`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				time.AfterFunc(time.Hour, func() { _ = emit(1) })
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "sink publishes later", check: "UpstreamError",
			says: `rule 6 .* the run failed .* but later the sink's work became visible`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				if err = src.Each(ctx, func(int) error { n++; return nil }); err != nil {
					time.AfterFunc(time.Minute, func() { s.published.Store(true) })
				}
				s.published.Store(err == nil)
				return n, err
			}),
		},
		{
			name: "loses the values of its context", check: "Empty",
			says: `rule 7 .* the upstream's context lacks the values`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				g, inner := stream.NewGroup(context.Background())
				defer context.AfterFunc(ctx, func() { g.Fail(context.Cause(ctx)) })()
				return g.Do(func() error { return src.Each(inner, emit) })
			}),
		},
		{
			name: "holds a lock through its run", check: "TwiceInOnePipeline", alone: true,
			says: `rule 1 .* the same flow twice.* hangs`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					lock := make(chan struct{}, 1)
					return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
						select {
						case lock <- struct{}{}:
						case <-ctx.Done():
							return context.Cause(ctx)
						}
						defer func() { <-lock }()
						return src.Each(ctx, emit)
					})
				}})
			},
		},
	}
}

// childOf hides context.WithCancelCause from go vet, which would report that cancel is not called.
func childOf(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	return context.WithCancelCause(ctx)
}
