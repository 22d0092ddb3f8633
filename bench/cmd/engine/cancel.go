package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/rusage"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var errGone = errors.New("the caller has gone")

// cancelled measures the time from cancelling the context of an endless run until it returns, the
// longest of several pipelines.
func cancelled() report.Case {
	return report.Case{
		Name: "cancel", About: "from the cancelling of an endless run to its return, the slowest of all kinds",
		Unit: "run", Units: 1, By: report.Wall,
		Ours: report.Peer{Name: "millweir", Work: slowestReturn(endless)},
		Peers: []report.Peer{
			{Name: "a loop that asks its context", Work: slowestReturn(loops()), Bar: report.Bar{Least: 0.02}},
		},
	}
}

// loops returns one handwritten loop for each endless run. The case measures the slowest run, so
// both sides must start the same number.
func loops() map[string]func(context.Context) error {
	all := make(map[string]func(context.Context) error, len(endless))
	for name := range endless {
		all[name] = func(ctx context.Context) error {
			for v := 0; ctx.Err() == nil; v = addOne(v) {
			}
			return context.Cause(ctx)
		}
	}
	return all
}

// endless are runs of every kind that only a cancelled context ends. None of their functions
// blocks.
var endless = map[string]func(context.Context) error{
	"fused": func(ctx context.Context) error {
		return run(ctx, stream.Via2(source.Repeat(1), stream.Map(addOne), stream.Filter(keep)))
	},
	"idle source": func(ctx context.Context) error { return run(ctx, source.Never[int]()) },
	"full buffer": func(ctx context.Context) error {
		return run(ctx, stream.Via2(source.Repeat(1), stream.Async[int](ahead), stream.Delay[int](time.Hour)))
	},
	"async": func(ctx context.Context) error {
		return run(ctx, stream.Via(source.Repeat(1), stream.Async[int](ahead)))
	},
	"ordered map": func(ctx context.Context) error {
		return run(ctx, stream.Via(source.Repeat(1), stream.MapParallel(4, lookUp)))
	},
	"broadcast": func(ctx context.Context) error {
		return run(ctx, stream.Via(source.Repeat(1), stream.Broadcast(stream.Map(addOne), stream.Map(addOne))))
	},
	"merge": func(ctx context.Context) error {
		return run(ctx, stream.Merge(source.Repeat(1), source.Never[int](), source.Repeat(2)))
	},
	"batch within": func(ctx context.Context) error {
		return run(ctx, stream.Via(source.Repeat(1), stream.BatchWithin[int](batchSize, time.Hour)))
	},
	"lines": func(ctx context.Context) error {
		return run(ctx, stream.Via(source.Repeat([]byte("a\nb\n")), codec.SplitLines(nil)))
	},
}

func run[T any](ctx context.Context, src stream.Source[T]) error {
	_, err := stream.Run(ctx, src, sink.Discard[T]())
	return err
}

func lookUp(_ context.Context, v int) (int, error) { return addOne(v), nil }

// slowestReturn starts each of the runs, cancels it, and returns the longest time to return. Once
// in a measurement is enough.
func slowestReturn(runs map[string]func(context.Context) error) report.Work {
	return func(int) (report.Sample, error) {
		s := report.Sample{Units: 1, Allocs: -1}
		before, err := rusage.CPU()
		if err != nil {
			return s, err
		}
		for name, f := range runs {
			took, err := toReturn(f)
			if err != nil {
				return s, fmt.Errorf("%s: %w", name, err)
			}
			s.Wall = max(s.Wall, took)
		}
		after, err := rusage.CPU()
		s.CPU = after - before
		return s, err
	}
}

func toReturn(f func(context.Context) error) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(background)
	ended := make(chan time.Time, 1)
	var err error
	go func() {
		err = f(ctx)
		ended <- time.Now()
	}()
	time.Sleep(3 * time.Millisecond)
	began := time.Now()
	cancel(errGone)
	took := (<-ended).Sub(began)
	if !errors.Is(err, errGone) {
		return took, fmt.Errorf("it ended with %v, not with the cause of the context", err)
	}
	return took, nil
}
