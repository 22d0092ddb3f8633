package streamtest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/stream"
)

func brokenErrors() []defect {
	return []defect{
		{
			name: "swallows the emit error", check: "DownstreamError", says: `rule 4 .* returned nil, expected emit's error as it is`,
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
			name: "swallows the upstream's error", check: "UpstreamError", says: `rule 4 .* returned nil, expected the error`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error {
					failed = emit(v)
					return failed
				})
				if failed == nil && ctx.Err() == nil {
					return nil // a truncated stream passes for a whole one
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
			name: "lets an echo replace the first cause", check: "FirstCause/DownstreamThenCanceled", says: `rule 4 .* expected the first cause`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				return apart(ctx, src, emit, func(up, down error) error {
					if up != nil {
						return up
					}
					return down
				})
			}),
		},
		{
			name: "lets the downstream's echo replace the first cause", check: "FirstCause/UpstreamThenCanceled", says: `rule 4 .* expected the first cause`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				return apart(ctx, src, emit, func(up, down error) error {
					if down != nil {
						return down
					}
					return up
				})
			}),
		},
		{
			name: "replaces the upstream's error by its text", check: "UpstreamError", says: `rule 4 .* expected the error`,
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

// apart runs src on a goroutine of its own, and lets pick choose between the errors of the two sides.
func apart(ctx context.Context, src stream.Source[int], emit emitInt, pick func(up, down error) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	items, up := make(chan int, 1000), make(chan error, 1)
	go func() {
		defer close(items)
		up <- src.Each(ctx, func(v int) error {
			select {
			case items <- v:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	var down error
	for v := range items {
		if ctx.Err() != nil {
			continue
		}
		if down = emit(v); down != nil {
			cancel(down)
		}
	}
	return pick(<-up, down)
}
