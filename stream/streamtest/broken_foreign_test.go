package streamtest_test

import (
	"context"
	"errors"
	"io"

	"github.com/millweir/millweir/stream"
)

// brokenForeigns returns stages that misinterpret a neighbour's error, or fail only late in a long
// run.
func brokenForeigns() []defect {
	return []defect{
		{
			name: "takes an upstream's EOF for the end", check: "ForeignError/UpstreamEOF", alone: true,
			says: `rule 4 .* returned nil, expected the error "EOF"`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error { failed = emit(v); return failed })
				if failed == nil && errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}),
		},
		{
			name: "sink takes an upstream's EOF for the end", check: "ForeignError/UpstreamEOF", alone: true,
			says: `rule 4 .* returned nil, expected the error "EOF"`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				if err = src.Each(ctx, func(int) error { n++; return nil }); err == io.EOF {
					err = nil
				}
				s.published.Store(err == nil)
				return n, err
			}),
		},
		{
			name: "takes an upstream's Canceled for an echo", check: "ForeignError/UpstreamCanceled", alone: true,
			says: `rule 4 .* returned nil, expected the error "context canceled"`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error { failed = emit(v); return failed })
				if failed == nil && errors.Is(err, context.Canceled) {
					return context.Cause(ctx)
				}
				return err
			}),
		},
		{
			name: "takes an upstream's DeadlineExceeded for its time", check: "ForeignError/UpstreamDeadlineExceeded",
			alone: true, says: `rule 4 .* returned nil, expected the error "context deadline`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error { failed = emit(v); return failed })
				if failed == nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
					return nil
				}
				return err
			}),
		},
		{
			name: "takes an upstream's closed pipe for an echo", check: "ForeignError/UpstreamClosedPipe", alone: true,
			says: `rule 4 .* returned nil, expected the error "io: read/write`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error { failed = emit(v); return failed })
				if failed == nil && errors.Is(err, io.ErrClosedPipe) {
					return nil
				}
				return err
			}),
		},
		{
			name: "sink takes another's early end for the end", check: "ForeignError/UpstreamStopped", alone: true,
			says: `rule 4 .* returned nil, expected the error`,
			test: sink(func(ctx context.Context, s *store, src stream.Source[int]) (n int, err error) {
				if err = src.Each(ctx, func(int) error { n++; return nil }); stream.Stopped(err) && ctx.Err() == nil {
					err = nil
				}
				s.published.Store(err == nil)
				return n, err
			}),
		},
		{
			name: "takes emit's EOF for an early end", check: "ForeignError/DownstreamEOF", alone: true,
			says: `rule 4 .* expected emit's error as it is`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error { failed = emit(v); return failed })
				if failed == io.EOF {
					return nil
				}
				return err
			}),
		},
		{
			name: "drains its upstream after emit failed", check: "DownstreamError/UpstreamStops", alone: true,
			says: `rule 4 .* more elements were taken from the upstream after emit had failed`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error {
					if failed == nil {
						if failed = emit(v); stream.Stopped(failed) {
							return failed
						}
					}
					return nil
				})
				switch {
				case failed == nil, stream.Stopped(failed):
					return err
				case err == nil, ctx.Err() != nil:
					return failed
				}
				return errors.Join(failed, err)
			}),
		},
		{
			name: "swallows a late error of its upstream", check: "UpstreamError", alone: true,
			says: `rule 4 .* of 100 elements: it returned nil, expected the error`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				n := 0
				var failed error
				err := src.Each(ctx, func(v int) error { n++; failed = emit(v); return failed })
				if n > 8 && failed == nil && ctx.Err() == nil {
					return nil
				}
				return err
			}),
		},
		{
			name: "swallows a late error of emit", check: "DownstreamError",
			says: `rule 4 .* of 100 fails: it returned nil, expected emit's error`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				n := 0
				var failed error
				err := src.Each(ctx, func(v int) error { n++; failed = emit(v); return failed })
				if n > 8 && failed != nil && ctx.Err() == nil && !stream.Stopped(failed) {
					return nil
				}
				return err
			}),
		},
		{
			name: "makes a failure of a late early end", check: "EarlyEnd", alone: true,
			says: `rule 5 .* of 100 elements: .* expected the early end`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				n := 0
				err := src.Each(ctx, func(v int) error { n++; return emit(v) })
				if n > 8 && stream.Stopped(err) {
					return errBroken
				}
				return err
			}),
		},
	}
}
