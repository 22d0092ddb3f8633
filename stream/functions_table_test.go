package stream_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// brokenFunctions has a run for each parameter that is a function or an iterator. In that run, the
// function breaks. Other runs are for functions in options, methods and interfaces.
func brokenFunctions() map[string]func(*breaker) func(context.Context) error {
	type (
		bb  = *breaker
		Run = func(context.Context) error
		out = stream.Flow[int, int]
		ctx = context.Context
	)
	var (
		id    = func(n int) int { return n }
		add   = func(a, b int) int { return a + b }
		same  = stream.Map(id)
		zero  = func() int { return 0 }
		put   = func(a, n int) (int, bool, error) { return a + n, true, nil }
		plain = func(_ ctx, n int) (int, error) { return n, nil }
		open  = func(ctx) (int, error) { return 0, nil }
		shut  = func(int, ctx) error { return nil }
		use   = func(_ int, _ ctx, n int) (int, error) { return n, nil }
		state = func(_ *int, n int) (int, error) { return n, nil }
		many  = func(_ *int, n int, emit func(int) error) error { return emit(n) }
		next  = func() func(int, ctx) (int, bool, error) {
			n := 0
			return func(int, ctx) (int, bool, error) { n++; return n, n < 9, nil }
		}
		after   = func(n int) stream.Source[int] { return source.Range(n+1, 8, 1) }
		passing = stream.Mark(errBoom, stream.Retryable)
		bad     = stream.Mark(errBoom, stream.Data)
		quick   = stream.Backoff{Min: 1, MaxRetries: -1}

		hit   = func(b bb) func(int) int { return func(n int) int { b.hit(); return n } }
		yes   = func(b bb, ok bool) func(int) bool { return func(int) bool { b.hit(); return ok } }
		sum   = func(b bb) func(int, int) int { return func(a, n int) int { b.hit(); return a + n } }
		try   = func(b bb) func(ctx, int) (int, error) { return func(c ctx, n int) (int, error) { return n, b.try(c) } }
		pause = slowly[int](time.Second)
		fails = func(err error) func(ctx, int) (int, error) { return func(_ ctx, n int) (int, error) { return n, err } }
		dead  = func(ctx, stream.DeadLetter[int]) error { return nil }
		// the first call for each element fails
		once = func(f func(ctx, int) (int, error)) func(ctx, int) (int, error) {
			seen := map[int]bool{}
			return func(c ctx, n int) (int, error) {
				if !seen[n] {
					seen[n] = true
					return 0, passing
				}
				return f(c, n)
			}
		}
		notify = func(b bb) stream.Backoff {
			o := quick
			o.ResetAfter = time.Hour // the run gives up on a source that emits and fails forever
			o.Notify = func(error, time.Duration) { b.hit() }
			return o
		}
		seq = func(b bb) iter.Seq[int] {
			return func(yield func(int) bool) {
				for i := range 8 {
					if b.hit(); !yield(i) {
						return
					}
				}
			}
		}
	)
	return map[string]func(bb) Run{
		"stream.Aggregate.start": func(b bb) Run {
			return run(b.src(), stream.Aggregate(func() int { b.hit(); return 0 }, put, id, 0))
		},
		"stream.Aggregate.add": func(b bb) Run {
			return run(b.src(), stream.Aggregate(zero,
				func(a, n int) (int, bool, error) { b.hit(); return put(a, n) }, id, time.Second))
		},
		"stream.Aggregate.harvest": func(b bb) Run {
			return run(b.src(), stream.Aggregate(zero, put, hit(b), time.Second))
		},
		"stream.AlsoTo.done": func(b bb) Run {
			return twice(run(b.src(), stream.AlsoTo(sink.Discard[int](), func(int64) { b.hit() })))
		},
		"stream.AsyncBytes.size": func(b bb) Run {
			return run(b.src(), stream.AsyncBytes(100, hit(b)))
		},
		"stream.BatchBytes.size": func(b bb) Run { return run(b.src(), stream.BatchBytes(2, hit(b))) },
		"stream.BatchBytesWithin.size": func(b bb) Run {
			return run(b.src(), stream.BatchBytesWithin(2, time.Second, hit(b)))
		},
		"stream.ConflateUpTo.cost": func(b bb) Run {
			return run(b.src(), stream.Then(stream.ConflateUpTo(2, func(int) int64 {
				b.hit()
				return 1
			}, id, add), pause))
		},
		"stream.ConflateUpTo.seed": func(b bb) Run {
			return run(b.src(), stream.Then(stream.ConflateUpTo(2, nil, hit(b), add), pause))
		},
		"stream.ConflateUpTo.add": func(b bb) Run {
			return run(b.src(), stream.Then(stream.ConflateUpTo(9, nil, id, sum(b)), pause))
		},
		"stream.Acknowledge.save": func(b bb) Run {
			return into(stream.Via(b.src(), positions()),
				stream.Acknowledge[int](func(c ctx, _ int) error { return b.try(c) }))
		},
		"stream.StoreBatches.store": func(b bb) Run {
			return into(stream.Via(b.src(), positions()), stream.StoreBatches(
				func(c ctx, _ []int) error { return b.try(c) },
				func(ctx, int) error { return nil }, nil))
		},
		"stream.StoreBatches.save": func(b bb) Run {
			return into(stream.Via(b.src(), positions()), stream.StoreBatches(
				func(ctx, []int) error { return nil },
				func(c ctx, _ int) error { return b.try(c) }, nil))
		},
		"stream.CarryMapUnordered.f": func(b bb) Run {
			return run(stream.Via(b.src(), positions()), stream.CarryMapUnordered[int](1, try(b)))
		},
		"stream.Checkpoints.position": func(b bb) Run { return run(b.src(), stream.Checkpoints(hit(b))) },
		"stream.OnValue.f": func(b bb) Run {
			return run(stream.Via(b.src(), positions()), stream.TryMap(stream.OnValue[position](try(b))))
		},
		"stream.CompleteOn.enough": func(b bb) Run {
			return thrice(run(b.lost(errBoom), stream.CompleteOn[int](func(error) bool { b.hit(); return true })))
		},
		"stream.ConcatMap.f": func(b bb) Run {
			return run(b.src(), stream.ConcatMap(func(n int) stream.Source[int] { b.hit(); return source.Of(n) }))
		},
		"stream.Conflate.seed": func(b bb) Run {
			return run(stream.Via(b.src(), pause), stream.Conflate(hit(b), add))
		},
		"stream.Conflate.add": func(b bb) Run {
			return run(b.src(), stream.Then(stream.Conflate(id, sum(b)), pause))
		},
		"stream.DelayFunc.f": func(b bb) Run {
			return run(b.src(), stream.DelayFunc(func(int) time.Duration { b.hit(); return 1 }))
		},
		"stream.DivertTo.divert": func(b bb) Run {
			return run(b.src(), stream.DivertTo(sink.Discard[int](), yes(b, true), nil))
		},
		"stream.DivertTo.done": func(b bb) Run {
			return run(b.src(),
				stream.DivertTo(sink.Discard[int](), func(int) bool { return true }, func(int64) { b.hit() }))
		},
		"stream.Expand.f": func(b bb) Run {
			return run(b.src(), stream.Expand(func(n int) iter.Seq[int] { b.hit(); return slices.Values([]int{n}) }))
		},
		"stream.Expand.f's sequence": func(b bb) Run {
			return run(b.src(), stream.Expand(func(int) iter.Seq[int] { return seq(b) }))
		},
		"stream.Filter.keep": func(b bb) Run { return run(b.src(), stream.Filter(yes(b, true))) },
		"stream.FilterMap.f": func(b bb) Run {
			return run(b.src(), stream.FilterMap(func(n int) (int, bool) { b.hit(); return n, true }))
		},
		"stream.FlatMap.f": func(b bb) Run {
			return run(b.src(), stream.FlatMap(func(n int) []int { b.hit(); return nil }))
		},
		"stream.FlatMapState.start": func(b bb) Run {
			return run(b.src(), stream.FlatMapState(func() int { b.hit(); return 0 }, many, nil))
		},
		"stream.FlatMapState.f": func(b bb) Run {
			return run(b.src(),
				stream.FlatMapState(zero, func(s *int, n int, emit func(int) error) error { b.hit(); return nil }, nil))
		},
		"stream.FlatMapState.end": func(b bb) Run {
			return run(b.src(),
				stream.FlatMapState(zero, many, func(*int, func(int) error) error { b.hit(); return nil }))
		},
		"stream.GroupBy.key": func(b bb) Run {
			return run(b.src(), stream.GroupBy(9, hit(b), func(int) out { return same }, nil))
		},
		"stream.GroupBy.open": func(b bb) Run {
			return run(b.src(), stream.GroupBy(9, id, func(int) out { b.hit(); return same }, nil))
		},
		"stream.KeepAlive.f": func(b bb) Run {
			return run(stream.Via(b.src(), slowly[int](3500*time.Millisecond)),
				stream.KeepAlive(time.Second, func() int { b.hit(); return 0 }))
		},
		"stream.LazyFlow.f": func(b bb) Run {
			return run(b.src(), stream.LazyFlow(func(c ctx, _ int) (out, error) { return same, b.try(c) }))
		},
		"stream.LimitBytes.size": func(b bb) Run { return run(b.src(), stream.LimitBytes(100, hit(b))) },
		"stream.Map.f":           func(b bb) Run { return run(b.src(), stream.Map(hit(b))) },
		"stream.MapErr.f": func(b bb) Run {
			return run(b.lost(errBoom), stream.MapErr[int](func(err error) error { b.hit(); return err }))
		},
		"stream.MapKeyed.key": func(b bb) Run { return run(b.src(), stream.MapKeyed(3, 1, hit(b), plain)) },
		"stream.MapKeyed.f": func(b bb) Run {
			return run(b.src(), stream.MapKeyed(3, 1, func(int) int { return 0 }, try(b)))
		},
		"stream.NewFlow.f": func(b bb) Run {
			return run(b.src(), stream.NewFlow(func(c ctx, src stream.Source[int], emit func(int) error) error {
				if err := b.try(c); err != nil {
					return context.Cause(c) // the rule of Source.Each
				}
				return src.Each(c, emit)
			}))
		},
		"stream.MapParallel.f": func(b bb) Run { return run(b.src(), stream.MapParallel(1, try(b))) },
		"stream.MapResource.open": func(b bb) Run {
			return run(b.src(), stream.MapResource(func(c ctx) (int, error) { return 0, b.try(c) }, use, shut))
		},
		"stream.MapResource.f": func(b bb) Run {
			return run(b.src(),
				stream.MapResource(open, func(_ int, c ctx, n int) (int, error) { return n, b.try(c) }, shut))
		},
		"stream.MapResource.shut": func(b bb) Run {
			return run(b.src(), stream.MapResource(open, use, func(int, ctx) error { b.hit(); return nil }))
		},
		"stream.MapState.start": func(b bb) Run {
			return run(b.src(), stream.MapState(func() int { b.hit(); return 0 }, state, nil))
		},
		"stream.MapState.f": func(b bb) Run {
			return run(b.src(), stream.MapState(zero, func(_ *int, n int) (int, error) { b.hit(); return n, nil }, nil))
		},
		"stream.MapState.end": func(b bb) Run {
			return run(b.src(),
				stream.MapState(zero, state, func(*int) (int, bool, error) { b.hit(); return 0, false, nil }))
		},
		"stream.MapUnordered.f": func(b bb) Run { return run(b.src(), stream.MapUnordered(1, try(b))) },
		"stream.MergeMap.f": func(b bb) Run {
			return run(b.src(), stream.MergeMap(2, func(n int) stream.Source[int] { b.hit(); return source.Of(n) }))
		},
		"stream.MergeSequence.number": func(b bb) Run {
			return drain(stream.MergeSequence(func(n int) int64 { b.hit(); return int64(n) }, b.src()))
		},
		"stream.MergeSorted.compare": func(b bb) Run {
			return drain(stream.MergeSorted(func(x, y int) int { b.hit(); return x - y }, b.src(), b.src()))
		},
		"stream.NewPartitionHub.choose": func(b bb) Run {
			return func(c ctx) error {
				hub := stream.NewPartitionHub(1, func(int, int) int { b.hit(); return 0 })
				out := stream.Go(c, hub.Source(), sink.Discard[int]())
				defer func() { _, _ = out.Wait() }()
				return into(b.src(), hub)(c)
			}
		},
		"stream.Partition.choose": func(b bb) Run {
			return run(b.src(), stream.Partition(func(int) int { b.hit(); return 0 }, same))
		},
		"stream.FlatMapPrefix.f": func(b bb) Run {
			return run(b.src(), stream.FlatMapPrefix(2, func(c ctx, _ []int) (out, error) { return same, b.try(c) }))
		},
		"stream.Recover.f": func(b bb) Run {
			return run(b.lost(errBoom), stream.Recover(func(error) ([]int, error) { b.hit(); return nil, nil }))
		},
		"stream.RecoverWith.f": func(b bb) Run {
			return run(b.lost(errBoom),
				stream.RecoverWith(5, func(error) (stream.Source[int], error) { b.hit(); return b.lost(errBoom), nil }))
		},
		"stream.Restart.position": func(b bb) Run { return drain(stream.Restart(b.src(), hit(b), after, nil)) },
		"stream.Restart.after": func(b bb) Run {
			return drain(
				stream.Restart(b.lost(passing), id, func(int) stream.Source[int] { b.hit(); return b.lost(passing) },
					&stream.RestartOptions{Backoff: stream.Backoff{Min: 1, MaxRetries: 5, ResetAfter: time.Hour}}))
		},
		"stream.RestartFlow.settles": func(b bb) Run {
			return run(b.src(), stream.RestartFlow(9, same, func(x, y int) bool { b.hit(); return x == y }, nil))
		},
		"stream.Retry.f":        func(b bb) Run { return run(b.src(), stream.TryMap(stream.Retry(try(b), nil))) },
		"stream.Scan.f":         func(b bb) Run { return run(b.src(), stream.Scan(0, sum(b))) },
		"stream.SkipWhile.drop": func(b bb) Run { return run(b.src(), stream.SkipWhile(yes(b, true))) },
		"stream.SplitAfter.cut": func(b bb) Run { return run(b.src(), stream.SplitAfter(yes(b, true))) },
		"stream.SplitWhen.cut":  func(b bb) Run { return run(b.src(), stream.SplitWhen(yes(b, true))) },
		"stream.Supervise.f":    func(b bb) Run { return run(b.src(), stream.Supervise(1, try(b), dead, nil)) },
		"stream.Supervise.dead": func(b bb) Run {
			return run(b.src(),
				stream.Supervise(2, fails(bad), func(c ctx, _ stream.DeadLetter[int]) error { return b.try(c) }, nil))
		},
		"stream.SuperviseTo.f": func(b bb) Run {
			return run(b.src(), stream.SuperviseTo(1, try(b), sink.Discard[stream.DeadLetter[int]](), nil, nil))
		},
		"stream.SuperviseTo.done": func(b bb) Run {
			return run(b.src(),
				stream.SuperviseTo(2, plain, sink.Discard[stream.DeadLetter[int]](), func(int64) { b.hit() }, nil))
		},
		"stream.TakeWhile.keep": func(b bb) Run { return run(b.src(), stream.TakeWhile(yes(b, true))) },
		"stream.Throttle.cost": func(b bb) Run {
			return run(b.src(), stream.Throttle(stream.NewLimiter(1, 1), hit(b)))
		},
		"stream.TryMap.f": func(b bb) Run { return run(b.src(), stream.TryMap(try(b))) },
		"stream.WireTap.done": func(b bb) Run {
			return run(b.src(), stream.WireTap(sink.Discard[int](), func(int64, error) { b.hit() }))
		},

		// in options
		"stream.Backoff.When": func(b bb) Run {
			return run(b.src(),
				stream.MapParallel(1, stream.Retry(fails(errBoom), &stream.Backoff{Min: 1, When: func(error) bool {
					b.hit()
					return true
				}})))
		},
		"stream.Backoff.Notify": func(b bb) Run {
			o := notify(b)
			return run(b.src(), stream.TryMap(stream.Retry(once(plain), &o)))
		},
		"stream.Backoff.Notify, of Restart": func(b bb) Run {
			return drain(stream.Restart(b.lost(passing), id,
				func(int) stream.Source[int] { return b.lost(passing) }, &stream.RestartOptions{Backoff: notify(b)}))
		},
		"stream.Backoff.Notify, of RestartFlow": func(b bb) Run {
			o := notify(b)
			return run(b.src(),
				stream.RestartFlow(9, stream.TryMap(once(plain)), func(x, y int) bool { return x == y }, &o))
		},
		"stream.Backoff.Random": func(b bb) Run {
			o := quick
			o.Random = func() float64 { b.hit(); return 0 }
			return run(b.src(), stream.TryMap(stream.Retry(once(plain), &o)))
		},
		"stream.SuperviseOptions.When": func(b bb) Run {
			return run(b.src(), stream.Supervise(2, fails(errBoom), dead,
				&stream.SuperviseOptions[int]{When: func(error) bool { b.hit(); return true }}))
		},
		"stream.SuperviseOptions.Size": func(b bb) Run {
			return run(b.src(), stream.Supervise(2, fails(bad), dead, &stream.SuperviseOptions[int]{Size: hit(b)}))
		},
		"stream.LogOptions.Value": func(b bb) Run {
			return run(b.src(),
				stream.Log(slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug})),
					"x", &stream.LogOptions[int]{Value: func(n int) slog.Attr { b.hit(); return slog.Int("n", n) }}))
		},
		"stream.Log, its handler": func(b bb) Run {
			return run(b.src(), stream.Log[int](slog.New(&brokenHandler{b}), "x", nil))
		},

		// at the ends, and in stages that take elements one by one or in the background
		"stream.All, its loop": func(b bb) Run {
			b.bare = true
			return func(c ctx) error {
				for _, err := range stream.All(c, stream.Via(b.src(), stream.Async[int](2))) {
					if b.hit(); err != nil {
						return err
					}
				}
				return nil
			}
		},
		"stream.EachLent.take": func(b bb) Run {
			text := stream.Via(b.src(), stream.Map(func(int) []byte { return []byte("x") }))
			return into(text, stream.SinkFunc[[]byte, int](func(c ctx, src stream.Source[[]byte]) (int, error) {
				return 0, stream.EachLent(c, src, func([]byte) error { b.hit(); return nil })
			}))
		},
		"stream.Go, its sink": func(b bb) Run {
			return func(c ctx) error {
				return wait(stream.Go(c, b.src(), sink.ForEach(func(c ctx, _ int) error { return b.try(c) })))
			}
		},
		"stream.Zip, a source": func(b bb) Run {
			return drain(stream.Zip(b.src(), stream.Via(b.src(), stream.Map(hit(b)))))
		},
		"stream.Reader, its source": func(b bb) Run {
			return func(c ctx) error {
				r := stream.Reader(c, stream.Via(b.src(), stream.Map(func(int) []byte { b.hit(); return []byte("x") })))
				defer r.Close()
				_, err := io.ReadAll(r)
				return err
			}
		},
		"stream.Reader, its source as it is closed": func(b bb) Run {
			return func(c ctx) error {
				r := stream.Reader(c, stream.SourceFunc[[]byte](func(_ ctx, emit func([]byte) error) error {
					err := emit([]byte("x"))
					b.hit()
					return err
				}))
				_, err := r.Read(make([]byte, 1))
				return errors.Join(err, r.Close())
			}
		},

		"source.Cycle.seq": func(b bb) Run { return run(source.Cycle(seq(b)), stream.Take[int](9)) },
		"source.Defer.f": func(b bb) Run {
			return drain(source.Defer(func(c ctx) (stream.Source[int], error) { return b.src(), b.try(c) }))
		},
		"source.Func.f": func(b bb) Run { return drain(source.Func(func(c ctx) (int, error) { return 1, b.try(c) })) },
		"source.Open.open": func(b bb) Run {
			return drain(
				source.Open(func(c ctx) (io.ReadCloser, error) { return io.NopCloser(&brokenReader{b: b}), b.try(c) }))
		},
		"source.Reader, a Read": func(b bb) Run { return drain(source.Reader(&brokenReader{b, 8})) },
		"source.Resource.open": func(b bb) Run {
			return drain(source.Resource(func(c ctx) (int, error) { return 0, b.try(c) }, next(), shut))
		},
		"source.Resource.next": func(b bb) Run {
			n := 0
			return drain(
				source.Resource(open, func(_ int, c ctx) (int, bool, error) { n++; return n, n < 9, b.try(c) }, shut))
		},
		"source.Resource.shut": func(b bb) Run {
			return drain(source.Resource(open, next(), func(int, ctx) error { b.hit(); return nil }))
		},
		"source.Seq.seq": func(b bb) Run { return drain(source.Seq(seq(b))) },
		"source.Seq2.seq": func(b bb) Run {
			return drain(source.Seq2(func(yield func(int, error) bool) {
				for n := range seq(b) {
					if !yield(n, nil) {
						return
					}
				}
			}))
		},
		"source.Unfold.f": func(b bb) Run {
			return drain(
				source.Unfold(0, func(c ctx, s int) (int, int, bool, error) { return s + 1, s, s < 9, b.try(c) }))
		},

		"sink.Create.open": func(b bb) Run {
			return into(source.Of([]byte("x")),
				sink.Create(func(c ctx) (io.WriteCloser, error) { return &brokenWriter{}, b.try(c) }))
		},
		"sink.Create, a Write": func(b bb) Run {
			return into(source.Of([]byte("x"), []byte("x"), []byte("x")),
				sink.Create(func(ctx) (io.WriteCloser, error) { return &brokenWriter{b: b}, nil }))
		},
		"sink.Create, a Close": func(b bb) Run {
			return into(source.Of([]byte("x")),
				sink.Create(func(ctx) (io.WriteCloser, error) { return &brokenWriter{onClose: b}, nil }))
		},
		"sink.Writer, a Write": func(b bb) Run {
			return into(source.Of([]byte("x"), []byte("x"), []byte("x")), sink.Writer(&brokenWriter{b: b}))
		},
		"sink.Defer.f": func(b bb) Run {
			return into(b.src(),
				sink.Defer(func(c ctx) (stream.Sink[int, int64], error) { return sink.Discard[int](), b.try(c) }))
		},
		"sink.Fold.f": func(b bb) Run { return into(b.src(), sink.Fold(0, sum(b))) },
		"sink.ForEach.f": func(b bb) Run {
			return into(b.src(), sink.ForEach(func(c ctx, _ int) error { return b.try(c) }))
		},
		"sink.ForEachParallel.f": func(b bb) Run {
			return into(b.src(), sink.ForEachParallel(1, func(c ctx, _ int) error { return b.try(c) }))
		},
		"sink.Lazy.f": func(b bb) Run {
			return into(b.src(),
				sink.Lazy(func(c ctx, _ int) (stream.Sink[int, int64], error) { return sink.Discard[int](), b.try(c) }))
		},
		"sink.Reduce.f": func(b bb) Run { return into(b.src(), sink.Reduce(sum(b))) },
	}
}

// twice and thrice repeat a run, for functions that are called once per run.
func twice(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return errors.Join(run(ctx), run(ctx)) }
}

func thrice(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return errors.Join(run(ctx), run(ctx), run(ctx)) }
}

type brokenHandler struct{ b *breaker }

func (h *brokenHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (h *brokenHandler) Handle(context.Context, slog.Record) error { h.b.hit(); return nil }
func (h *brokenHandler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h *brokenHandler) WithGroup(string) slog.Handler             { return h }

type brokenReader struct {
	b    *breaker
	left int
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	r.b.hit()
	r.left--
	return copy(p, "x"), nil
}

type brokenWriter struct{ b, onClose *breaker }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.b != nil {
		w.b.hit()
	}
	return len(p), nil
}

func (w *brokenWriter) Close() error {
	if w.onClose != nil {
		w.onClose.hit()
	}
	return nil
}
