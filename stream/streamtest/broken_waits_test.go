package streamtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// brokenWaits returns stages that break a rule while they wait themselves, or at a deadline.
func brokenWaits() []defect {
	return []defect{
		{
			name: "waits for each element without its context", check: "Cancel/Waiting", alone: true,
			says: `rule 7 .* more than 1s`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				return src.Each(ctx, func(v int) error {
					time.Sleep(1100 * time.Millisecond)
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					return emit(v)
				})
			}),
		},
		{
			name: "waits at the end without its context", check: "Cancel/Waiting", alone: true,
			says: `rule 7 .* more than 1s`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				if err := src.Each(ctx, emit); err != nil {
					return err
				}
				time.Sleep(time.Minute)
				return context.Cause(ctx)
			}),
		},
		{
			name: "loses the cause while it waits", check: "Cancel/Waiting", alone: true,
			says: `rule 7 .*"context canceled".* expected context.Cause`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				if err := src.Each(ctx, emit); err != nil {
					return err
				}
				select {
				case <-time.After(time.Minute):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}),
		},
		{
			name: "takes a cancel in its wait for the end", check: "Cancel/Waiting", alone: true,
			says: `rule 7 .* nil was returned, but the output has`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var held []int
				if err := src.Each(ctx, func(v int) error { held = append(held, v); return nil }); err != nil {
					return err
				}
				select {
				case <-time.After(time.Minute):
				case <-ctx.Done():
					return nil
				}
				for _, v := range held {
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					if err := emit(v); err != nil {
						return err
					}
				}
				return nil
			}),
		},
		{
			name: "source waits between elements without its context", check: "Cancel/Waiting",
			says: `rule 7 .* more than 1s`,
			test: source(func(ctx context.Context, n int, emit emitInt) error {
				return numbers(n).Each(ctx, func(v int) error {
					if time.Sleep(900 * time.Millisecond); v == 3 {
						time.Sleep(time.Hour / 4)
					}
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					return emit(v)
				})
			}),
		},
		{
			name: "sink finishes without its context", check: "Cancel/Waiting", alone: true,
			says: `rule 7 .* more than 1s`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				if err = src.Each(ctx, func(int) error { n++; return nil }); err != nil {
					return n, err
				}
				time.Sleep(time.Minute)
				s.published.Store(true)
				return n, nil
			}),
		},
		{
			name: "sink publishes when it is cancelled in its finishing", check: "Cancel/Waiting", alone: true,
			says: `rule 6 .* the run failed .* visible`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				if err = src.Each(ctx, func(int) error { n++; return nil }); err != nil {
					return n, err
				}
				select {
				case <-time.After(time.Minute):
				case <-ctx.Done():
					err = context.Cause(ctx)
				}
				s.published.Store(true)
				return n, err
			}),
		},
		{
			name: "takes the run's deadline for a time of its own", check: "Deadline/UpstreamBlocked", alone: true,
			says: `rule 7 .* returned nil, expected context.Cause`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				err := src.Each(ctx, emit)
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					return nil
				}
				return err
			}),
		},
		{
			name: "runs its upstream without the deadline", check: "Deadline/UpstreamBlocked", alone: true,
			says: `rule 7 .* hangs`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				g, inner := stream.NewGroup(context.WithoutCancel(ctx))
				defer context.AfterFunc(ctx, func() {
					if errors.Is(ctx.Err(), context.Canceled) {
						g.Fail(context.Cause(ctx))
					}
				})()
				return g.Do(func() error { return src.Each(inner, emit) })
			}),
		},
		{
			name: "source returns its context's error at a deadline", check: "Deadline/DownstreamBlocked", alone: true,
			says: `rule 7 .*"context deadline exceeded".* expected context.Cause`,
			test: source(func(ctx context.Context, n int, emit emitInt) error {
				err := numbers(n).Each(ctx, emit)
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					return ctx.Err()
				}
				return err
			}),
		},
		{
			name: "sink takes an early end further down for the end", check: "Cancel/ByEarlyEnd", alone: true,
			says: `rule 7 .* returned nil, expected context.Cause`,
			test: func(t *testing.T) {
				streamtest.TestSink(t, streamtest.Sink[int, int]{New: func() stream.Sink[int, int] {
					return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (n int,
						err error,
					) {
						err = src.Each(ctx, func(int) error { n++; return nil })
						if err != nil && stream.Stopped(context.Cause(ctx)) {
							err = nil
						}
						return n, err
					})
				}})
			},
		},
	}
}
