package streamtest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func brokenReuse() []defect {
	return []defect{
		{
			name: "shares state between runs", check: "RunTwice", says: `rule 9 .* run 2 .* element 0 is`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					var n atomic.Int64
					return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
						return src.Each(ctx, func(int) error { return emit(int(n.Add(1))) })
					})
				}})
			},
		},
		{
			name: "shares state between runs of what Apply returned", check: "RunAppliedTwice",
			says: `rule 9 .* run 2 .* element 0 is`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
						n := 0
						return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
							return src.Each(ctx, func(int) error { n++; return emit(n) })
						})
					})
				}})
			},
		},
		{
			name: "shares state between runs at the same time", check: "RunAtOnce",
			says: `rule 9 .* at the same time: the run does not give`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					var n atomic.Int64
					return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
						n.Store(0)
						return src.Each(ctx, func(int) error { return emit(int(n.Add(1))) })
					})
				}})
			},
		},
		{
			name: "keeps state of a failed run", check: "RunAfterFailure",
			says: `rule 9 .* a run after one that failed .* does not give`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					var n atomic.Int64
					return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
						err := src.Each(ctx, func(int) error { return emit(int(n.Add(1))) })
						if err == nil {
							n.Store(0)
						}
						return err
					})
				}})
			},
		},
		{
			name: "runs its upstream in the constructor", check: "Constructor", says: `rule 9 .* it ran its upstream`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
						var all []int
						failed := src.Each(context.Background(), func(v int) error { all = append(all, v); return nil })
						return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
							for _, v := range all {
								if err := emit(v); err != nil {
									return err
								}
							}
							return failed
						})
					})
				}})
			},
		},
		{
			name: "panics in the constructor", check: "Constructor", says: `rule 9 .* it panicked with broken`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] { panic("broken") }})
			},
		},
		{
			name: "publishes in the constructor", check: "Constructor", says: `rule 9 .* its work is visible`,
			test: func(t *testing.T) {
				published := false
				streamtest.TestSink(t, streamtest.Sink[int, int]{
					New:       func() stream.Sink[int, int] { published = true; return new(drawer).put() },
					Published: func() bool { return published },
				})
			},
		},
		{
			name: "fails the second time", check: "RunTwice", says: `rule 9 .* run 2 .* though nothing failed`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					var used atomic.Bool
					return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
						if used.Swap(true) {
							return errBroken
						}
						return src.Each(ctx, emit)
					})
				}})
			},
		},
		{
			name: "starts a goroutine in the constructor", check: "Constructor", says: `rule 1 .* still run`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					go func() { select {} }()
					return double()
				}})
			},
		},
		{
			name: "runs its upstream twice", check: "Many", says: `rule 9 .* the upstream was run 2 times`,
			test: intFlow(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
				n := 0
				if err := src.Each(ctx, func(int) error { n++; return nil }); err != nil {
					return err
				}
				return src.Each(ctx, emit)
			}),
		},
		{
			name: "takes a chunk for a record", check: "OneByteChunks", says: `rule 6 .* bytes differ`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{New: func() stream.Flow[[]byte, []byte] {
					return byteFlow(func(ctx context.Context, src stream.Source[[]byte],
						emit func([]byte) error,
					) error {
						return src.Each(ctx, func(chunk []byte) error { return emit(append([]byte{'-'}, chunk...)) })
					})
				}})
			},
		},
	}
}
