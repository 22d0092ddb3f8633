package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// throttleRate measures how long a throttled run takes of the time that its rate allows.
func throttleRate(e effort) report.Case {
	const planned = 200 * time.Millisecond
	return compare(report.Case{
		Name: "throttle-rate", About: "n elements a second with a burst of 1", Unit: "planned ns", By: report.Wall,
		Limits: []report.Limit{{Max: 1.2}},
	}, e.sizes(1_000, 10_000, 1_000_000), "a second", report.Bar{}, func(n int) point {
		elements := max(1, int(float64(n)*planned.Seconds()))
		return point{units: int(float64(elements) / float64(n) * 1e9), run: func() error {
			return consume(stream.Via(source.Range(0, elements, 1),
				stream.Throttle[int](stream.NewLimiter(float64(n), 1), nil)), elements)
		}}
	})
}

// together runs f on n goroutines and returns the first error.
func together(n int, f func() error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// limiterShared has n goroutines wait for one limiter.
func limiterShared(e effort) report.Case {
	return compare(report.Case{Name: "limiter-shared", About: "n goroutines wait for one limiter", Unit: "call"},
		e.sizes(100, 1_000, 10_000), "goroutines", flat, func(n int) point {
			return each(n, e.of(1_000_000, n), func() func(calls int) error {
				l := stream.NewLimiter(5e6, 100)
				return func(calls int) error {
					for range calls {
						if err := l.Wait(background, 1); err != nil {
							return err
						}
					}
					return nil
				}
			})
		})
}

// each returns the work of n goroutines that make calls concurrently. Their start does not count.
func each(n, calls int, open func() func(calls int) error) point {
	run := func(calls int) error {
		f := open()
		return together(n, func() error { return f(calls) })
	}
	return point{
		units: calls / n * n, run: func() error { return run(calls / n) },
		setup: func() error { return run(0) },
	}
}

// limiterCancelled cancels n goroutines that wait for one limiter.
func limiterCancelled(e effort) report.Case {
	return compare(report.Case{
		Name: "limiter-cancel", About: "n goroutines that wait for a limiter are cancelled",
		Unit: "call",
	},
		e.sizes(1_000, 10_000, 100_000), "goroutines", flat, func(n int) point {
			return point{units: n, run: func() error {
				l := stream.NewLimiter(0, 1) // blocks every call
				ctx, cancel := context.WithCancel(background)
				time.AfterFunc(time.Duration(n)*time.Microsecond, cancel)
				return together(n, func() error {
					if err := l.Wait(ctx, 1); !errors.Is(err, context.Canceled) {
						return fmt.Errorf("got %w", err)
					}
					return nil
				})
			}}
		})
}

// budgetShared has n stages take more than their minimum from one budget, which has room for half
// of them.
func budgetShared(e effort) report.Case {
	return compare(report.Case{
		Name: "budget-shared", About: "n stages take bytes of one budget and give them back",
		Unit: "call",
	},
		e.sizes(100, 1_000, 10_000), "stages", flat, func(n int) point {
			return each(n, e.of(1_000_000, n), func() func(calls int) error {
				ctx := stream.WithReservation(stream.WithBudget(background, stream.NewBudget(int64(2*n))))
				return func(calls int) error {
					a := stream.OpenAccount(ctx, stream.Need{Stage: "stage", Min: 1})
					defer a.Close()
					for range calls {
						if err := a.Acquire(ctx, 1); err != nil {
							return err
						}
						if a.TryAcquire(2) {
							a.Release(2)
						}
						a.Release(1)
					}
					return nil
				}
			})
		})
}

// budgetRuns runs n pipelines with a budget that has room for ten at a time.
func budgetRuns(e effort) report.Case {
	return compare(report.Case{
		Name: "budget-runs", About: "n pipelines, ten at a time within a budget",
		Unit: "pipeline",
	},
		e.sizes(100, 1_000, 10_000), "pipelines", flat, func(n int) point {
			return point{units: n, run: func() error {
				ctx := stream.WithBudget(background, stream.NewBudget(10))
				return together(n, func() error {
					src := stream.Via(source.Of(1, 2, 3), stream.AsyncBytes(1, func(int) int { return 0 }))
					_, err := stream.Run(ctx, src, sink.Discard[int]())
					return err
				})
			}}
		})
}

// mapParallel calls a cheap function on n goroutines.
func mapParallel(e effort) report.Case {
	addOne := func(_ context.Context, v int) (int, error) { return v + 1, nil }
	return compare(report.Case{Name: "map-parallel", About: "n calls of a cheap function at once", Unit: "element"},
		e.sizes(10, 1_000, 10_000), "calls", flat, func(n int) point {
			elements := e.of(10_000_000, 1)
			run := func(elements int) error {
				return consume(stream.Via(source.Range(0, elements, 1), stream.MapParallel(n, addOne)), elements)
			}
			return point{units: elements, run: func() error {
				return run(elements)
			}, setup: func() error { return run(0) }}
		})
}

// sliding emits windows of n elements, each one further. Each window is a new slice, so the cost is
// the cost of copying an element.
func sliding(e effort) report.Case {
	return compare(report.Case{Name: "sliding", About: "windows of n elements, step 1", Unit: "copied element"},
		e.sizes(100, 1_000, 10_000), "elements a window", flat, func(n int) point {
			elements := e.of(100_000_000, n)/n + n
			return point{units: elements * n, run: func() error {
				return consume(stream.Via(source.Range(0, elements, 1), stream.Sliding[int](n, 1)), elements-n+1)
			}}
		})
}
