package stream_test

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/millweir/millweir/stream"
)

// brokenInOptions has a run for each function of an options struct.
func brokenInOptions() map[string]func(*breaker) brokenRun {
	type (
		ctx = context.Context
	)
	var (
		id      = func(n int) int { return n }
		plain   = func(_ ctx, n int) (int, error) { return n, nil }
		passing = stream.Mark(errBoom, stream.Retryable)
		bad     = stream.Mark(errBoom, stream.Data)
		quick   = stream.Backoff{Min: 1, MaxRetries: -1}
		fails   = func(err error) func(ctx, int) (int, error) {
			return func(_ ctx, n int) (int, error) { return n, err }
		}
		dead = func(ctx, stream.DeadLetter[int]) error { return nil }
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
		notify = func(b *breaker) stream.Backoff {
			o := quick
			o.ResetAfter = time.Hour // the run gives up on a source that emits and fails forever
			o.Notify = func(error, time.Duration) { b.hit() }
			return o
		}
	)
	return map[string]func(*breaker) brokenRun{
		"stream.Backoff.When": func(b *breaker) brokenRun {
			return run(b.src(),
				stream.MapParallel(1, stream.Retry(fails(errBoom), &stream.Backoff{Min: 1, When: func(error) bool {
					b.hit()
					return true
				}})))
		},
		"stream.Backoff.Notify": func(b *breaker) brokenRun {
			o := notify(b)
			return run(b.src(), stream.TryMap(stream.Retry(once(plain), &o)))
		},
		"stream.Backoff.Notify, of Restart": func(b *breaker) brokenRun {
			return drain(stream.Restart(b.lost(passing), id,
				func(int) stream.Source[int] { return b.lost(passing) }, &stream.RestartOptions{Backoff: notify(b)}))
		},
		"stream.Backoff.Notify, of RestartFlow": func(b *breaker) brokenRun {
			o := notify(b)
			return run(b.src(),
				stream.RestartFlow(9, stream.TryMap(once(plain)), func(x, y int) bool { return x == y }, &o))
		},
		"stream.Backoff.Random": func(b *breaker) brokenRun {
			o := quick
			o.Random = func() float64 { b.hit(); return 0 }
			return run(b.src(), stream.TryMap(stream.Retry(once(plain), &o)))
		},
		"stream.SuperviseOptions.When": func(b *breaker) brokenRun {
			return run(b.src(), stream.Supervise(2, fails(errBoom), dead,
				&stream.SuperviseOptions[int]{When: func(error) bool { b.hit(); return true }}))
		},
		"stream.SuperviseOptions.Size": func(b *breaker) brokenRun {
			return run(b.src(), stream.Supervise(2, fails(bad), dead, &stream.SuperviseOptions[int]{Size: b.same}))
		},
		"stream.LogOptions.Value": func(b *breaker) brokenRun {
			return run(b.src(),
				stream.Log(slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug})),
					"x", &stream.LogOptions[int]{Value: func(n int) slog.Attr { b.hit(); return slog.Int("n", n) }}))
		},
		"stream.Log, its handler": func(b *breaker) brokenRun {
			return run(b.src(), stream.Log[int](slog.New(&brokenHandler{b}), "x", nil))
		},
	}
}

type brokenHandler struct{ b *breaker }

func (h *brokenHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (h *brokenHandler) Handle(context.Context, slog.Record) error { h.b.hit(); return nil }
func (h *brokenHandler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h *brokenHandler) WithGroup(string) slog.Handler             { return h }
