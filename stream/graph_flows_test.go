package stream_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// plain returns the operators with one upstream that handle each element separately or pass it on.
func plain() []operator {
	size := func(v uint64) int { return int(v % 8) }
	return []operator{
		{"Fault", func(b *builder, in model, _ int) (numberFlow, model, string) {
			p := b.fault()
			return broken(p), in, note(p)
		}},
		{"Map", tag},
		{"Filter", func(b *builder, in model, _ int) (numberFlow, model, string) {
			p, r := b.quiet(), uint64(b.number(0, 2))
			pass := func(v uint64) bool { return v%3 != r }
			return stream.Filter(func(v uint64) bool { p.pass(); return pass(v) }), in.keep(pass), note(p)
		}},
		{"FilterMap", func(b *builder, in model, _ int) (numberFlow, model, string) {
			p, salt := b.quiet(), b.nextSalt()
			pass := func(v uint64) bool { return v%4 != salt%4 }
			return stream.FilterMap(func(v uint64) (uint64, bool) { p.pass(); return mix(v, salt), pass(v) }),
				in.keep(pass).each(func(v uint64) uint64 { return mix(v, salt) }), note(p)
		}},
		called("TryMap",
			func(_ *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				return stream.TryMap(f), out
			}),
		called("MapParallel",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				return stream.MapParallel(b.number(1, 5), f), out
			}),
		called("MapUnordered",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				return stream.MapUnordered(b.number(1, 5), f), out.apart()
			}),
		called("MapKeyed",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				return stream.MapKeyed(b.number(1, 5), b.number(1, 2), func(v uint64) uint64 { return v % 3 }, f), out
			}),
		called("Retry in parallel",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				return stream.MapParallel(b.number(1, 3), stream.Retry(f, nil)), out
			}),
		called("MapResource",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				opened, closed := 0, 0
				b.checks = append(b.checks, func() string {
					if opened != closed {
						return fmt.Sprintf("MapResource opened %d resources and closed %d", opened, closed)
					}
					return ""
				})
				return stream.MapResource(func(context.Context) (int, error) { opened++; return opened, nil },
					func(_ int, ctx context.Context, v uint64) (uint64, error) { return f(ctx, v) },
					func(_ int, ctx context.Context) error { closed++; return ctx.Err() }), out
			}),
		called("Supervise",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				bad := func(v uint64) bool { return v%5 == 0 }
				g := func(ctx context.Context, v uint64) (uint64, error) {
					u, err := f(ctx, v)
					if err == nil && bad(u) {
						err = errGraphBad
					}
					return u, err
				}
				dead := func(context.Context, stream.DeadLetter[uint64]) error { return nil }
				return stream.Supervise(b.number(1, 3), g, dead, &stream.SuperviseOptions[uint64]{MaxCount: -1}),
					out.keep(func(v uint64) bool { return !bad(v) })
			}),
		called("SuperviseTo",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				bad := func(v uint64) bool { return v%5 == 1 }
				g := func(ctx context.Context, v uint64) (uint64, error) {
					u, err := f(ctx, v)
					if err == nil && bad(u) {
						err = errGraphBad
					}
					return u, err
				}
				return stream.SuperviseTo(b.number(1, 3), g, sink.Discard[stream.DeadLetter[uint64]](),
						&stream.SuperviseOptions[uint64]{MaxCount: -1}),
					out.keep(func(v uint64) bool { return !bad(v) })
			}),
		called("Measure",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				return stream.Measure(new(stream.Stats), stream.MapParallel(b.number(1, 3), f)), out
			}),
		called("Retry",
			func(b *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				var tries sync.Map
				g := func(ctx context.Context, v uint64) (uint64, error) {
					if _, again := tries.LoadOrStore(v, true); !again && v%5 == 0 {
						return 0, errGraphTransient
					}
					return f(ctx, v)
				}
				return stream.MapParallel(b.number(1, 3), stream.Retry(g, &stream.Backoff{Min: time.Millisecond})), out
			}),
		called("RestartFlow",
			func(_ *builder, out model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model) {
				var tries sync.Map
				flow := stream.TryMap(func(ctx context.Context, v uint64) (stream.Pair[uint64, uint64], error) {
					u, err := f(ctx, v)
					if _, again := tries.LoadOrStore(v, true); err == nil && !again && v%5 == 0 {
						err = errGraphTransient
					}
					return stream.Pair[uint64, uint64]{First: v, Second: u}, err
				})
				settles := func(in uint64, out stream.Pair[uint64, uint64]) bool { return in == out.First }
				return stream.Then(
					stream.RestartFlow(1000, flow, settles, &stream.Backoff{Min: time.Millisecond, MaxRetries: -1}),
					stream.Map(func(p stream.Pair[uint64, uint64]) uint64 { return p.Second })), out
			}),
		same("RestartSink", func(b *builder, p *fault) numberFlow {
			return stream.Then(stream.RestartSink(b.number(1, 5), sink.Slice[uint64](), nil), flatten(p))
		}),
		adjacent("FlatMapState", func(_ *builder, split func(uint64) []uint64) numberFlow {
			return stream.FlatMapState(func() int { return 0 }, func(_ *int, v uint64, emit func(uint64) error) error {
				for _, u := range split(v) {
					if err := emit(u); err != nil {
						return err
					}
				}
				return nil
			}, nil)
		}),
		adjacent("FlatMap",
			func(_ *builder, split func(uint64) []uint64) numberFlow { return stream.FlatMap(split) }),
		adjacent("ConcatMap", func(_ *builder, split func(uint64) []uint64) numberFlow {
			return stream.ConcatMap(func(v uint64) numberSource { return source.Slice(split(v)) })
		}),
		scattered("MergeMap", func(b *builder, split func(uint64) []uint64) numberFlow {
			return stream.MergeMap(b.number(1, 4), func(v uint64) numberSource { return source.Slice(split(v)) })
		}),
		counted("Take", 0, 12, func(_ *builder, in model, n int) (numberFlow, model) {
			return stream.Take[uint64](n), in.take(n)
		}),
		counted("Short", 0, 12, func(_ *builder, in model, n int) (numberFlow, model) {
			return streamtest.Short[uint64](n), in.take(n)
		}),
		counted("Skip", 0, 4, func(_ *builder, in model, n int) (numberFlow, model) {
			return stream.Skip[uint64](n), in.skip(n)
		}),
		counted("FlatMapPrefix, without head", 0, 4, func(_ *builder, in model, n int) (numberFlow, model) {
			return stream.FlatMapPrefix(n, func(context.Context, []uint64) (numberFlow, error) {
					return stream.Map(identity(nil)), nil
				}),
				in.skip(n)
		}),
		counted("Drop", 1, 6, func(b *builder, in model, n int) (numberFlow, model) {
			return stream.Buffer[uint64](n, stream.Overflow(b.number(int(stream.DropOldest), int(stream.DropAll)))),
				in.lossy()
		}),
		counted("Slow", 1, 5, func(_ *builder, in model, n int) (numberFlow, model) {
			return streamtest.Slow[uint64](time.Duration(n) * time.Millisecond), in
		}),
		counted("Async", 1, 20,
			func(_ *builder, in model, n int) (numberFlow, model) { return stream.Async[uint64](n), in }),
		{"Buffer", func(_ *builder, in model, _ int) (numberFlow, model, string) {
			return stream.Buffer[uint64](in.hi+1, stream.OverflowFail), in, ""
		}},
		{"Limit", func(_ *builder, in model, _ int) (numberFlow, model, string) {
			return stream.Limit[uint64](int64(in.hi)), in, ""
		}},
		same("LimitBytes", func(*builder, *fault) numberFlow { return stream.LimitBytes(1<<40, size) }),
		same("Batch", func(b *builder, p *fault) numberFlow {
			return stream.Then(stream.Batch[uint64](b.number(1, 5)), flatten(p))
		}),
		same("BatchBytes", func(b *builder, p *fault) numberFlow {
			return stream.Then(stream.BatchBytes(b.number(1, 20), size), flatten(p))
		}),
		same("BatchWithin", func(b *builder, p *fault) numberFlow {
			return stream.Then(
				stream.BatchWithin[uint64](b.number(1, 5), time.Duration(b.number(1, 5))*time.Millisecond), flatten(p))
		}),
		same("BatchBytesWithin", func(b *builder, p *fault) numberFlow {
			return stream.Then(stream.BatchBytesWithin(b.number(1, 20),
				time.Duration(b.number(1, 5))*time.Millisecond, size), flatten(p))
		}),
		same("Aggregate", func(b *builder, p *fault) numberFlow {
			n := b.number(1, 5)
			return stream.Then(
				stream.Aggregate(func() []uint64 { return nil }, func(s []uint64, v uint64) ([]uint64, bool, error) {
					return append(s, v), len(s)+1 == n, nil
				}, slices.Clone[[]uint64], time.Duration(b.number(0, 5))*time.Millisecond), flatten(p))
		}),
		same("Sliding", func(b *builder, p *fault) numberFlow {
			n := b.number(1, 5)
			return stream.Then(stream.Sliding[uint64](n, n), flatten(p))
		}),
		same("Conflate", func(_ *builder, p *fault) numberFlow {
			return stream.Then(stream.Conflate(func(v uint64) []uint64 { return []uint64{v} },
				func(s []uint64, v uint64) []uint64 { return append(s, v) }), flatten(p))
		}),
		same("ConflateUpTo", func(b *builder, p *fault) numberFlow {
			return stream.Then(
				stream.ConflateUpTo(int64(b.number(1, 5)), nil, func(v uint64) []uint64 {
					p.pass()
					return []uint64{v}
				},
					func(s []uint64, v uint64) []uint64 { return append(s, v) }), flatten(nil))
		}),
		same("Expand", func(_ *builder, p *fault) numberFlow {
			return stream.Expand(func(v uint64) iter.Seq[uint64] { p.pass(); return slices.Values([]uint64{v}) })
		}),
		same("AsyncBytes", func(b *builder, p *fault) numberFlow {
			return stream.AsyncBytes(b.number(1, 100),
				func(v uint64) int { p.pass(); return size(v) })
		}),
		same("Throttle", func(b *builder, p *fault) numberFlow {
			return stream.Throttle(stream.NewLimiter(float64(b.number(500, 2000)), int64(b.number(1, 4))),
				func(uint64) int { p.pass(); return 1 })
		}),
		same("Delay", func(b *builder, p *fault) numberFlow {
			return stream.DelayFunc(
				func(v uint64) time.Duration { p.pass(); return time.Duration(v%4) * time.Millisecond })
		}),
		same("InitialDelay", func(b *builder, _ *fault) numberFlow {
			return stream.InitialDelay[uint64](time.Duration(b.number(0, 5)) * time.Millisecond)
		}),
		same("SkipFor", func(*builder, *fault) numberFlow { return stream.SkipFor[uint64](0) }),
		same("TakeFor", func(*builder, *fault) numberFlow { return stream.TakeFor[uint64](longest) }),
		same("KeepAlive",
			func(*builder, *fault) numberFlow { return stream.KeepAlive(longest, func() uint64 { return 0 }) }),
		same("IdleTimeout", func(*builder, *fault) numberFlow { return stream.IdleTimeout[uint64](longest) }),
		same("FirstTimeout", func(*builder, *fault) numberFlow { return stream.FirstTimeout[uint64](longest) }),
		same("Until", func(*builder, *fault) numberFlow { return stream.Until[uint64](make(chan struct{})) }),
		same("Monitor", func(*builder, *fault) numberFlow { return stream.Monitor[uint64](new(stream.Stats)) }),
		same("Log", func(*builder, *fault) numberFlow {
			return stream.Log[uint64](slog.New(slog.DiscardHandler), "graph", nil)
		}),
		same("MapErr", func(*builder, *fault) numberFlow {
			return stream.MapErr[uint64](func(err error) error { return fmt.Errorf("said by MapErr: %w", err) })
		}),
		same("CompleteOn", func(_ *builder, p *fault) numberFlow {
			return stream.CompleteOn[uint64](func(error) bool { p.pass(); return false })
		}),
		same("Recover", func(_ *builder, p *fault) numberFlow {
			return stream.Recover(func(err error) ([]uint64, error) { p.pass(); return nil, err })
		}),
		same("Carry", func(_ *builder, p *fault) numberFlow {
			type envelope = stream.Envelope[uint64, int]
			return stream.Then(stream.Map(func(v uint64) envelope { return envelope{Value: v} }), stream.Then(
				stream.Carry[int](stream.Map(identity(p))), stream.Map(func(e envelope) uint64 { return e.Value })))
		}),
		same("FlatMapPrefix", func(b *builder, p *fault) numberFlow {
			return stream.FlatMapPrefix(b.number(0, 4), func(_ context.Context, head []uint64) (numberFlow, error) {
				return stream.FlowFunc[uint64, uint64](func(rest numberSource) numberSource {
					return stream.Concat(source.Slice(head), stream.Via(rest, stream.Map(identity(p))))
				}), nil
			})
		}),
		same("LazyFlow", func(_ *builder, p *fault) numberFlow {
			return stream.LazyFlow(func(context.Context, uint64) (numberFlow, error) {
				p.pass()
				return stream.Async[uint64](2), nil
			})
		}),
		same("SplitWhen", func(_ *builder, p *fault) numberFlow {
			return stream.Then(stream.SplitWhen(func(v uint64) bool { p.pass(); return v%3 == 0 }),
				stream.ConcatMap(func(s numberSource) numberSource { return s }))
		}),
		same("SplitAfter", func(_ *builder, p *fault) numberFlow {
			return stream.Then(stream.SplitAfter(func(v uint64) bool { p.pass(); return v%3 == 0 }),
				stream.ConcatMap(func(s numberSource) numberSource { return s }))
		}),
		same("CombineLatest", func(_ *builder, p *fault) numberFlow {
			return stream.FlowFunc[uint64, uint64](func(src numberSource) numberSource {
				return stream.Via(stream.CombineLatest(src), flatten(p))
			})
		}),
		{"ResultOf", func(b *builder, in model, _ int) (numberFlow, model, string) {
			p := b.quiet()
			flow := stream.Then(stream.ResultOf(sink.Slice[uint64]()), flatten(p))
			return flow, in, note(p)
		}},
		{"FlowOf", func(b *builder, _ model, _ int) (numberFlow, model, string) {
			from := b.leaf()
			m, coupled := from.m, b.chance(2)
			if coupled {
				m.lo = 0 // the upstream may end first
			}
			flow := stream.FlowOf[uint64](sink.Discard[uint64](), from.src)
			if coupled {
				flow = stream.FlowOfCoupled[uint64](sink.Discard[uint64](), from.src)
			}
			return flow, m, fmt.Sprintf("(%s, %v)", from.text, coupled)
		}},
		{"AlsoTo", func(b *builder, in model, _ int) (numberFlow, model, string) {
			p := b.fault()
			return stream.AlsoTo(b.collected("AlsoTo", in, p)), in, note(p)
		}},
		{"AlsoTo some", func(_ *builder, in model, _ int) (numberFlow, model, string) {
			return stream.AlsoTo(stream.Into(stream.Take[uint64](2), sink.Discard[uint64]())), in, ""
		}},
		{"WireTap", func(b *builder, in model, _ int) (numberFlow, model, string) {
			p := b.quiet() // the error of its sink is not the run's error
			return stream.WireTap(b.collected("WireTap", in.lossy(), p), nil), in, note(p)
		}},
		{"DivertTo", func(b *builder, in model, _ int) (numberFlow, model, string) {
			p, q := b.quiet(), b.fault()
			aside := func(v uint64) bool { return v%3 == 0 }
			flow := stream.DivertTo(b.collected("DivertTo", in.keep(aside), q),
				func(v uint64) bool { p.pass(); return aside(v) })
			return flow, in.keep(func(v uint64) bool { return !aside(v) }), note(p) + note(q)
		}},
	}
}
