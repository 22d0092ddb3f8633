package stream_test

import (
	"context"
	"io"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// badRuns has the invalid settings of runs, sinks, budgets and limiters.
func badRuns() map[string][]badRun {
	type ints = stream.Source[int]
	var (
		try   = func(_ context.Context, n int) (int, error) { return n, nil }
		count = sink.Discard[int]()
		same  = stream.Map(func(n int) int { return n })
		wrong = &stream.Backoff{Factor: 0.5}
		keep  = func(context.Context, []int) error { return nil }
		mark  = func(context.Context, int) error { return nil }
		none  = stream.Source[int](nil)
	)
	return map[string][]badRun{
		"stream.Acknowledge.save": {func(ctx context.Context, started func()) error {
			_, err := stream.Run(ctx, untouched[marked](started), stream.Acknowledge[int, int](nil))
			return err
		}},
		"stream.All.src": {func(ctx context.Context, _ func()) (err error) {
			return rangeOver(stream.All(ctx, none))
		}},
		"stream.EachLent.src": {func(ctx context.Context, _ func()) error {
			return stream.EachLent(ctx, nil, func([]byte) error { return nil })
		}},
		"stream.EachLent.take": {func(ctx context.Context, started func()) error {
			return stream.EachLent(ctx, untouched[[]byte](started), nil)
		}},
		"stream.Go.sink": {func(ctx context.Context, started func()) error {
			return wait(stream.Go[int, int](ctx, untouched[int](started), nil))
		}},
		"stream.Go.src": {func(ctx context.Context, _ func()) error {
			return wait(stream.Go(ctx, none, count))
		}},
		"stream.Into.f":    {badSink(stream.Into[int, int](nil, count))},
		"stream.Into.sink": {badSink(stream.Into[int, int, int](same, nil))},
		"stream.NewBudget.bytes": {
			func(ctx context.Context, started func()) error {
				ctx = stream.WithBudget(ctx, stream.NewBudget(0))
				return badFlow(stream.Async[int](1))(ctx, started)
			},
			func(ctx context.Context, _ func()) error {
				ctx = stream.WithBudget(ctx, stream.NewBudget(-1))
				return stream.OpenAccount(ctx, stream.Need{}).Acquire(ctx, 1)
			},
		},
		"stream.NewLimiter.burst": {
			badFlow(stream.Throttle[int](stream.NewLimiter(1, 0), nil)),
			badFlow(stream.Throttle[int](stream.NewLimiter(1, -1), nil)),
		},
		"stream.NewLimiter.rate": {
			badFlow(stream.Throttle[int](stream.NewLimiter(-1, 1), nil)),
			func(ctx context.Context, _ func()) error {
				return stream.NewLimiter(-1, 1).Wait(ctx, 1)
			},
		},
		"stream.OnResult.f":       {badSink(stream.OnResult(count, nil))},
		"stream.OnResult.sink":    {badSink(stream.OnResult[int, int](nil, func(int) {}))},
		"stream.OpenAccount.need": {badNeed(-1, 0), badNeed(0, -1), badNeed(2, 1)},
		"stream.Parallelism.option": {func(ctx context.Context, _ func()) error {
			_, err := stream.Parallelism(stream.WithParallelism(ctx, 4), -2)
			return err
		}},
		"stream.Reader.src": {func(ctx context.Context, _ func()) error {
			_, err := io.ReadAll(stream.Reader(ctx, nil))
			return err
		}},
		"stream.Retry.b": {func(ctx context.Context, _ func()) error {
			_, err := stream.Retry(try, wrong)(ctx, 1)
			return err
		}},
		"stream.Retry.f": {func(ctx context.Context, _ func()) error {
			_, err := stream.Retry[int, int](nil, nil)(ctx, 1)
			return err
		}},
		"stream.Run.sink":          {badSink[int, int](nil)},
		"stream.Run.src":           {badSource(none)},
		"stream.StallTimeout.d":    {badSink(stream.StallTimeout(0, count)), badSink(stream.StallTimeout(-1, count))},
		"stream.StallTimeout.sink": {badSink(stream.StallTimeout[int, int](1, nil))},
		"stream.StoreBatches.opts": {
			badSink(stream.StoreBatches(keep, mark, &stream.StoreOptions{MaxElements: -1})),
			badSink(stream.StoreBatches(keep, mark, &stream.StoreOptions{MaxDelay: -1})),
			badSink(stream.StoreBatches(keep, mark, &stream.StoreOptions{Parallelism: -1})),
			badSink(stream.StoreBatches(keep, mark, &stream.StoreOptions{Retry: &stream.Backoff{Min: -1}})),
		},
		"stream.StoreBatches.save":  {badSink(stream.StoreBatches[int, int](keep, nil, nil))},
		"stream.StoreBatches.store": {badSink(stream.StoreBatches[int](nil, mark, nil))},
		"stream.Throttle.l":         {badFlow(stream.Throttle[int](nil, nil))},
		"stream.Unzip.first":        {badSink(stream.Unzip[int, int, int](nil, count))},
		"stream.Unzip.second":       {badSink(stream.Unzip[int, int, int64, int](count, nil))},
		"stream.Via.f":              {fanIn(func(good ints) ints { return stream.Via[int, int](good, nil) })},
		"stream.Via.src":            {badSource(stream.Via(none, same))},
		"stream.WithParallelism.n": {func(ctx context.Context, _ func()) error {
			_, err := stream.Parallelism(stream.WithParallelism(ctx, -1), 0)
			return err
		}},
	}
}

func badNeed(least, most int64) func(context.Context, func()) error {
	return func(ctx context.Context, _ func()) error {
		ctx = stream.WithBudget(ctx, stream.NewBudget(100))
		return stream.OpenAccount(ctx, stream.Need{Min: least, Requested: most}).Acquire(ctx, 1)
	}
}
