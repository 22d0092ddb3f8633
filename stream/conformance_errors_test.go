package stream_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// Stages that handle errors keep the contract. They must not handle any error that the suite
// causes.
func TestContractOfErrorHandling(t *testing.T) {
	id := func(n int) int { return n }
	try := func(_ context.Context, n int) (int, error) { return n, nil }
	same := func(in, out int) bool { return in == out }
	no := func(error) bool { return false }
	odd := func(_ context.Context, n int) (int, error) {
		if n%2 == 1 {
			return 0, stream.Mark(errBoom, stream.Data)
		}
		return n, nil
	}
	ignore := func(context.Context, stream.DeadLetter[int]) error { return nil }
	restart := func(opts *stream.RestartOptions) stream.Flow[int, int] {
		return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Restart(src, id, func(last int) stream.Source[int] {
				return stream.Via(src, stream.SkipWhile(func(n int) bool { return n <= last }))
			}, opts)
		})
	}
	after := func(int) stream.Source[int] { return nil }
	badBackoff := &stream.Backoff{Factor: 0.5}
	for name, f := range map[string]streamtest.Flow[int, int]{
		"MapErr": {
			New: func() stream.Flow[int, int] {
				return stream.MapErr[int](func(err error) error { return errors.Join(err, errBoom) })
			},
			Bad: []stream.Flow[int, int]{stream.MapErr[int](nil)},
		},
		"CompleteOn": {
			New: func() stream.Flow[int, int] { return stream.CompleteOn[int](no) },
			Bad: []stream.Flow[int, int]{stream.CompleteOn[int](nil)},
		},
		"Recover": {
			New: func() stream.Flow[int, int] {
				return stream.Recover(func(err error) ([]int, error) { return nil, err })
			},
			Bad: []stream.Flow[int, int]{stream.Recover[int](nil)},
		},
		"RecoverWith": {
			New: func() stream.Flow[int, int] {
				return stream.RecoverWith(1, func(err error) (stream.Source[int], error) { return nil, err })
			},
			Bad: []stream.Flow[int, int]{stream.RecoverWith[int](1, nil)},
		},
		"RecoverWith, switched": {
			New: func() stream.Flow[int, int] {
				return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
					return stream.Via(stream.Fail[int](errBoom),
						stream.RecoverWith(1, func(error) (stream.Source[int], error) { return src, nil }))
				})
			},
		},
		"Recover, last elements": {
			New: func() stream.Flow[int, int] {
				return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
					failed := stream.Concat(src, stream.Fail[int](stream.ErrTimeout))
					return stream.Via(failed, stream.Recover(func(err error) ([]int, error) {
						if errors.Is(err, stream.ErrTimeout) {
							return []int{-1, -2}, nil
						}
						return nil, err
					}))
				})
			},
		},
		"Retry in parallel": {
			New: func() stream.Flow[int, int] { return stream.MapParallel(3, stream.Retry(try, nil)) },
		},
		"Retry": {
			New: func() stream.Flow[int, int] {
				return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
					calls := 0
					return stream.Via(src, stream.TryMap(stream.Retry(func(_ context.Context, n int) (int, error) {
						if calls++; calls%3 == 0 {
							return 0, stream.Mark(errBoom, stream.Retryable)
						}
						return n, nil
					}, &stream.Backoff{Min: 1}))).Each(ctx, emit)
				})
			},
		},
		"Restart": {
			New:      func() stream.Flow[int, int] { return restart(nil) },
			Restarts: true, // after a retryable error, such as a timeout
			Bad:      []stream.Flow[int, int]{restart(&stream.RestartOptions{Backoff: *badBackoff})},
		},
		"Restart, restarted": { // each run of the upstream fails after some elements
			New: func() stream.Flow[int, int] {
				return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
					part := func(after int) stream.Source[int] {
						return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
							calls := 0
							return stream.Via2(src, stream.SkipWhile(func(n int) bool { return n <= after }),
								stream.TryMap(func(_ context.Context, n int) (int, error) {
									if calls++; calls%3 == 0 {
										return 0, stream.Mark(errBoom, stream.Retryable)
									}
									return n, nil
								})).Each(ctx, emit)
						})
					}
					return stream.Restart(part(-1), id, part,
						&stream.RestartOptions{Backoff: stream.Backoff{Min: 1, Max: 1, MaxRetries: -1}})
				})
			},
			Restarts: true,
		},
		"RestartFlow": {
			New: func() stream.Flow[int, int] { return stream.RestartFlow(4, stream.Map(id), same, nil) },
			Bad: []stream.Flow[int, int]{
				stream.RestartFlow(0, stream.Map(id), same, nil), stream.RestartFlow[int, int](1, nil, same, nil),
				stream.RestartFlow(1, stream.Map(id), nil, nil),
				stream.RestartFlow(1, stream.Map(id), same, badBackoff),
			},
			ReadAhead: 2,
		},
		"RestartFlow, restarted": {
			New: func() stream.Flow[int, int] {
				return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
					calls := 0
					broken := stream.TryMap(func(_ context.Context, n int) (int, error) {
						if calls++; calls%3 == 0 {
							return 0, stream.Mark(errBoom, stream.Retryable)
						}
						return n, nil
					})
					return stream.Via(src, stream.RestartFlow(4, broken, same,
						&stream.Backoff{Min: 1, MaxRetries: -1})).Each(ctx, emit)
				})
			},
		},
		"RestartFlow of MapParallel": {
			New: func() stream.Flow[int, int] {
				return stream.RestartFlow(1000, stream.MapParallel(2, try), same, nil)
			},
		},
		"RestartSink": {
			New: func() stream.Flow[int, int] {
				return stream.RestartSink(2, sink.Fold(0, func(a, b int) int { return a + b }), nil)
			},
			Bad: []stream.Flow[int, int]{
				stream.RestartSink[int, int](1, nil, nil),
				stream.RestartSink(0, sink.Fold(0, func(a, _ int) int { return a }), nil),
				stream.RestartSink(1, sink.Fold(0, func(a, _ int) int { return a }), badBackoff),
			},
		},
		"Supervise": {
			New: func() stream.Flow[int, int] { return stream.Supervise(1, odd, ignore, nil) },
			Bad: []stream.Flow[int, int]{
				stream.Supervise(0, odd, ignore, nil),
				stream.Supervise[int, int](1, nil, ignore, nil), stream.Supervise(1, odd, nil, nil),
			},
		},
		"Supervise, parallel": {
			New: func() stream.Flow[int, int] { return stream.Supervise(3, odd, ignore, nil) },
		},
		"SuperviseTo": {
			New: func() stream.Flow[int, int] {
				return stream.SuperviseTo(1, odd, sink.Discard[stream.DeadLetter[int]](), nil)
			},
			Bad: []stream.Flow[int, int]{stream.SuperviseTo[int, int, int](1, odd, nil, nil)},
		},
		"AsyncBytes": {
			New: func() stream.Flow[int, int] {
				return stream.AsyncBytes(3*(2+strconv.IntSize/8), func(int) int { return 2 })
			},
			Bad:       []stream.Flow[int, int]{stream.AsyncBytes(0, id), stream.AsyncBytes[int](1, nil)},
			ReadAhead: 4,
		},
		"AsyncBytes, twice": {
			New: func() stream.Flow[int, int] {
				return stream.Then(stream.AsyncBytes(100, id), stream.AsyncBytes(100, id))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f.In = func(i int) int { return i }
			streamtest.TestFlow(t, f)
		})
	}
	t.Run("Restart, source", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[int]{
			New: func(n int) stream.Source[int] {
				passing := stream.Mark(errBoom, stream.Retryable)
				return stream.Restart(span(0, n, 2, passing), id,
					func(last int) stream.Source[int] { return span(last+1, n, 2, passing) },
					&stream.RestartOptions{Backoff: stream.Backoff{MaxRetries: -1, Max: time.Millisecond}})
			},
			Want: func(t *testing.T, n int, out []int) {
				if len(out) != n || !slices.IsSorted(out) || len(slices.Compact(out)) != n {
					t.Errorf("%v of %d elements", out, n)
				}
			},
			Stalled: func() stream.Source[int] {
				return stream.Restart(stream.Fail[int](stream.Mark(errBoom, stream.Retryable)),
					id, after, &stream.RestartOptions{
						Backoff: stream.Backoff{Min: time.Hour},
					})
			},
			Bad: []stream.Source[int]{
				stream.Restart(nil, id, after, nil), stream.Restart[int, int](count(1), nil, after, nil),
				stream.Restart(count(1), id, nil, nil),
			},
		})
	})
	t.Run("documents", func(t *testing.T) {
		for name, flow := range map[string]stream.Flow[doc, doc]{
			"AsyncBytes": stream.AsyncBytes(100, stream.ByteLen[doc]),
			"MapErr":     stream.MapErr[doc](func(err error) error { return err }),
			"RestartFlow": stream.RestartFlow(4, stream.Map(func(d doc) doc { return d }),
				func(in, out doc) bool { return string(in) == string(out) }, nil),
			"RestartSink": stream.Then(stream.RestartSink(2, sink.Slice[doc](), nil),
				stream.FlatMap(func(ds []doc) []doc { return ds })),
			"Supervise": stream.Supervise(2, func(_ context.Context, d doc) (doc, error) { return d, nil },
				func(context.Context, stream.DeadLetter[doc]) error { return nil }, nil),
		} {
			t.Run(name, func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[doc, doc]{
					New: func() stream.Flow[doc, doc] { return flow },
					In:  func(i int) doc { return doc{byte(i), byte(i >> 8)} },
				})
			})
		}
	})
}
