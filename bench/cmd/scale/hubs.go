package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// broadcastHub sends each element to n consumers.
func broadcastHub(e effort) []report.Case {
	elements := func(n int) int { return e.of(10_000_000, n) / n }
	return beside(report.Case{
		Name: "broadcast-hub", About: "each element to n consumers", Unit: "delivery",
		Cold: true,
	},
		e.sizes(10, 1_000, 10_000), "consumers",
		func(n int) point {
			hub := func() *stream.Hub[int] { return stream.NewBroadcastHub[int](64) }
			return hubPoint{n: n, calls: 1, deliveries: n, open: hub}.times(elements(n))
		},
		func(n int) point {
			return point{units: elements(n) * n, runFrom: func(begin func()) error {
				return bareBroadcast(n, elements(n), begin)
			}}
		})
}

// partitionHub sends each element to one of n consumers.
func partitionHub(e effort) report.Case {
	return compare(report.Case{
		Name: "partition-hub", About: "each element to one of n consumers, in turn",
		Unit: "element",
	},
		e.sizes(10, 100, 1_000), "consumers", flat, func(n int) point {
			hub := func() *stream.Hub[int] {
				return stream.NewPartitionHub(64, func(n, v int) int { return max(v, -v) % n })
			}
			return hubPoint{n: n, calls: n, deliveries: 1, open: hub}.times(e.of(1_000_000, n))
		})
}

type hubPoint struct {
	n          int // consumers
	calls      int // negative elements until every consumer has had one
	deliveries int // of one element
	open       func() *stream.Hub[int]
}

func (p hubPoint) times(elements int) point {
	return point{
		units: elements * p.deliveries, runFrom: func(begin func()) error { return p.run(elements, begin) },
	}
}

// run sends elements to all consumers. It calls begin once they have joined.
func (p hubPoint) run(elements int, begin func()) error {
	hub := p.open()
	var joined atomic.Int64
	consumers := make([]*stream.Running[int64], p.n)
	for i := range consumers {
		seen := false
		consumers[i] = stream.Go(background, hub.Source(), sink.Fold(int64(0), func(n int64, v int) int64 {
			switch {
			case v >= 0:
				return n + 1
			case !seen:
				seen = true
				joined.Add(1)
			}
			return n
		}))
	}
	src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for joined.Load() < int64(p.n) {
			for i := range p.calls {
				if err := emit(-i - 1); err != nil {
					return err
				}
			}
			time.Sleep(time.Millisecond)
		}
		begin()
		return source.Range(0, elements, 1).Each(ctx, emit)
	})
	if _, err := stream.Run(background, src, hub); err != nil {
		return err
	}
	var got int64
	for _, r := range consumers {
		n, err := r.Wait()
		if err != nil {
			return err
		}
		got += n
	}
	if got != int64(elements*p.deliveries) {
		return fmt.Errorf("%d deliveries, not %d", got, elements*p.deliveries)
	}
	return nil
}
