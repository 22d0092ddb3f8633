package streamtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

var errBroken = errors.New("broken: an error of its own")

func brokenEnds() []defect {
	return []defect{
		{
			name: "drops the last element", check: "Many", says: `99 elements, want 100`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{
					New: func() stream.Flow[int, int] {
						return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
							held := -1
							return src.Each(ctx, func(v int) error {
								if v, held = held, v; v >= 0 {
									return emit(v)
								}
								return nil
							})
						})
					},
					Want: func(t *testing.T, in, out []int) {
						if len(out) != len(in) {
							t.Errorf("%d elements, want %d", len(out), len(in))
						}
					},
				})
			},
		},
		{
			name: "fails without elements", check: "Empty", says: `rule 6 .* nothing failed, but it returned the error`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				n := 0
				err := src.Each(ctx, func(v int) error { n++; return emit(v) })
				if err == nil && n == 0 {
					return errBroken
				}
				return err
			}),
		},
		{
			name: "completes before its upstream does", check: "Many", says: `rule 6 .* the upstream had not completed`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				n := 0
				if err := src.Each(ctx, func(v int) error {
					if n++; n > 20 {
						return errBroken
					}
					return emit(v)
				}); !errors.Is(err, errBroken) {
					return err
				}
				return nil
			}),
		},
		{
			name: "flushes what it holds when the upstream failed", check: "UpstreamError",
			says: `rule 6 .* element 0 is -?\d+, not`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				sum, failed := 0, error(nil)
				err := src.Each(ctx, func(v int) error { sum += v + 1; return nil })
				if ctx.Err() == nil {
					failed = emit(-sum)
				}
				if failed != nil {
					return failed
				}
				return err
			}),
		},
		{
			name: "treats an early end as a failure", check: "EarlyEnd",
			says: `rule 5 .* expected the early end as emit returned it`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				err := src.Each(ctx, emit)
				if stream.Stopped(err) {
					return fmt.Errorf("broken: stopped: %v", err)
				}
				return err
			}),
		},
		{
			name: "hides an early end from its upstream", check: "EarlyEnd",
			says: `rule 5 .* the upstream was stopped by`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var failed error
				err := src.Each(ctx, func(v int) error {
					if failed = emit(v); failed != nil && stream.Stopped(failed) {
						return errBroken
					}
					return failed
				})
				if failed != nil && stream.Stopped(failed) {
					return failed
				}
				return err
			}),
		},
		{
			name: "panics on an early end", check: "EarlyEnd", says: `rule 5 .* it panicked with .* expected no error`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				return src.Each(ctx, func(v int) error {
					err := emit(v)
					if stream.Stopped(err) {
						panic("broken")
					}
					return err
				})
			}),
		},
		{
			name: "leaves the upstream running on a goroutine of a timer", check: "EarlyEnd",
			says: `rule 1 .* the upstream still runs`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				items, quit, ended := make(chan int), make(chan struct{}), make(chan error, 1)
				time.AfterFunc(0, func() {
					ended <- src.Each(ctx, func(v int) error {
						select {
						case items <- v:
							return nil
						case <-quit:
							time.Sleep(time.Minute)
							return errBroken
						}
					})
				})
				for {
					select {
					case v := <-items:
						if err := emit(v); err != nil {
							close(quit)
							return err
						}
					case err := <-ended:
						return err
					}
				}
			}),
		},
		{
			name: "leaves the upstream running after an early end", check: "EarlyEnd", says: `rule 1 .* still run`,
			test: intFlow(apart{leave: stream.Stopped}.each),
		},
		{
			name: "ignores cancel", check: "Cancel/UpstreamBlocked", says: `rule 7 .* hangs`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				return src.Each(context.WithoutCancel(ctx), emit)
			}),
		},
		{
			name: "completes though it was cancelled", check: "Cancel/UpstreamBlocked",
			says: `rule 7 .* returned nil, expected context.Cause`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				err := src.Each(ctx, emit)
				if err != nil && errors.Is(err, context.Cause(ctx)) {
					return nil
				}
				return err
			}),
		},
		{
			name: "returns context.Canceled for the cause", check: "Cancel/UpstreamBlocked",
			says: `rule 7 .*"context canceled".* expected context.Cause`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				err := src.Each(ctx, emit)
				if err != nil && ctx.Err() != nil {
					return ctx.Err()
				}
				return err
			}),
		},
		{
			name: "cleans up for too long", check: "Cancel/DownstreamBlocked", says: `rule 7 .* more than 1s`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				err := src.Each(ctx, emit)
				if err != nil {
					time.Sleep(1001 * time.Millisecond)
				}
				return err
			}),
		},
		{
			name: "empties its buffer after a cancel", check: "Cancel/InsideEmit", says: `rule 7 .* more than 1s`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				var held []int
				if err := src.Each(ctx, func(v int) error { held = append(held, v); return nil }); err != nil {
					return err
				}
				for _, v := range held {
					if err := emit(v); err != nil {
						return err
					}
				}
				return nil
			}),
		},
		{
			name: "swallows a panic", check: "Panic/Downstream", says: `rule 10 .* returned nil, expected the panic`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) (err error) {
				defer func() { _ = recover() }()
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "makes a panic an error", check: "Panic/Upstream", says: `rule 10 .* expected the panic`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) (err error) {
				defer func() {
					if v := recover(); v != nil {
						err = fmt.Errorf("broken: panic: %v", v)
					}
				}()
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "lets a panic out before the upstream has ended", check: "Panic/Downstream",
			says: `rule 10 .* before the upstream had cleaned up`,
			test: intFlow(apart{flee: true}.each),
		},
		{
			name: "hangs on Goexit", check: "Goexit/Upstream", says: `rule 10 .* hangs`,
			test: intFlow(apart{hang: true}.each),
		},
		{
			name: "completes on Goexit", check: "Goexit/Upstream", says: `rule 10 .* nil was returned`,
			test: intFlow(apart{complete: true}.each),
		},
	}
}
