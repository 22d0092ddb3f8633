package streamtest_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// raw is a record type made of bytes, as bson.Raw is.
type raw []byte

func recordFlow(t *testing.T, f func(ctx context.Context, src stream.Source[raw], emit func(raw) error) error) {
	streamtest.TestFlow(t, streamtest.Flow[raw, raw]{
		In: func(i int) raw { return raw{byte(i), byte(i + 1), byte(i + 2)} },
		New: func() stream.Flow[raw, raw] {
			return stream.NewFlow(func(ctx context.Context, src stream.Source[raw], emit func(raw) error) error {
				return f(ctx, src, emit)
			})
		},
	})
}

func brokenOwners() []defect {
	return []defect{
		{
			name: "reuses a buffer", check: "Ownership/Kept", says: `rule 8 .* changed .* after it was handed on`,
			test: func(t *testing.T) {
				recordFlow(t, func(ctx context.Context, src stream.Source[raw], emit func(raw) error) error {
					var buf raw
					return src.Each(ctx, func(v raw) error {
						buf = append(append(buf[:0], 'x'), v...)
						return emit(buf)
					})
				})
			},
		},
		{
			name: "reuses a buffer in the next run", check: "Ownership/Kept", says: `rule 8 .* changed by the next run`,
			test: func(t *testing.T) {
				var pool []raw
				recordFlow(t, func(ctx context.Context, src stream.Source[raw], emit func(raw) error) error {
					free, used := pool, []raw(nil)
					pool = nil
					err := src.Each(ctx, func(v raw) error {
						buf := raw(nil)
						if len(free) > 0 {
							buf, free = free[0], free[1:]
						}
						buf = append(append(buf[:0], byte(len(free))), v...)
						used = append(used, buf)
						return emit(buf)
					})
					pool = used
					return err
				})
			},
		},
		{
			name: "reads what it emitted", check: "Ownership/Overwritten", says: `rule 8 .* later output depends`,
			test: func(t *testing.T) {
				recordFlow(t, func(ctx context.Context, src stream.Source[raw], emit func(raw) error) error {
					var last raw
					return src.Each(ctx, func(v raw) error {
						last = append(bytes.Clone(last), v...)
						return emit(last)
					})
				})
			},
		},
		{
			name: "emits parts of one array with room to append", check: "Ownership/Overwritten",
			says: `rule 8 .* later output depends`,
			test: func(t *testing.T) {
				recordFlow(t, func(ctx context.Context, src stream.Source[raw], emit func(raw) error) error {
					return src.Each(ctx, func(v raw) error {
						for i := range v {
							if ctx.Err() != nil {
								return context.Cause(ctx)
							}
							if err := emit(v[i : i+1]); err != nil {
								return err
							}
						}
						return nil
					})
				})
			},
		},
		{
			name: "fails when what it emitted is overwritten", check: "Ownership/Overwritten",
			says: `rule 8 .* though nothing failed`,
			test: func(t *testing.T) {
				recordFlow(t, func(ctx context.Context, src stream.Source[raw], emit func(raw) error) error {
					return src.Each(ctx, func(v raw) error {
						first := v[0]
						if err := emit(v); err != nil || v[0] == first {
							return err
						}
						return errBroken
					})
				})
			},
		},
		{
			name: "reuses the slice of a batch", check: "Ownership/Kept", says: `rule 8 .* changed`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, []int]{New: func() stream.Flow[int, []int] {
					return stream.NewFlow(func(ctx context.Context, src stream.Source[int],
						emit func([]int) error,
					) error {
						var batch []int
						return src.Each(ctx, func(v int) error {
							if batch = append(batch, v); len(batch) < 2 {
								return nil
							}
							err := emit(batch)
							batch = batch[:0]
							return err
						})
					})
				}})
			},
		},
	}
}
