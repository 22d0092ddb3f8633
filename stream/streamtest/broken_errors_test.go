package streamtest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/stream"
)

func brokenErrors() []defect {
	return []defect{
		{
			name: "swallows the emit error", check: "DownstreamError",
			says: `rule 4 .* returned nil, expected emit's error as it is`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error {
					failed = emit(v)
					return failed
				})
				if failed != nil {
					return nil
				}
				return err
			}),
		},
		{
			name: "wraps the emit error", check: "DownstreamError", says: `rule 4 .* expected emit's error as it is`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				return src.Each(ctx, func(v int) error {
					if err := emit(v); err != nil {
						return fmt.Errorf("broken: emit: %w", err)
					}
					return nil
				})
			}),
		},
		{
			name: "swallows the upstream's error", check: "UpstreamError",
			says: `rule 4 .* returned nil, expected the error`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error {
					failed = emit(v)
					return failed
				})
				if failed == nil && ctx.Err() == nil {
					return nil // reports a truncated stream as complete
				}
				return err
			}),
		},
		{
			name: "loses the clean-up error", check: "CleanUpError", says: `rule 4 .* clean-up error joined`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error {
					failed = emit(v)
					return failed
				})
				if failed != nil {
					return failed
				}
				return err
			}),
		},
		{
			name: "lets an echo replace the first cause", check: "FirstCause/DownstreamThenCanceled",
			says: `rule 4 .* expected the first cause`,
			test: intFlow(apart{pick: func(up, down error) error { return cmp.Or(up, down) }}.each),
		},
		{
			name: "lets the downstream's echo replace the first cause", check: "FirstCause/UpstreamThenCanceled",
			says: `rule 4 .* expected the first cause`,
			test: intFlow(apart{pick: func(up, down error) error { return cmp.Or(down, up) }}.each),
		},
		{
			name: "replaces the upstream's error by its text", check: "UpstreamError",
			says: `rule 4 .* expected the error`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error {
					failed = emit(v)
					return failed
				})
				if err != nil && failed == nil && ctx.Err() == nil {
					return errors.New("broken: upstream: " + err.Error())
				}
				return err
			}),
		},
	}
}
