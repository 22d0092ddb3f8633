package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// consume runs src and checks the number of its elements.
func consume[T any](src stream.Source[T], want int) error {
	n, err := stream.Run(background, src, sink.Discard[T]())
	if err == nil && int(n) != want {
		err = fmt.Errorf("%d elements, not %d", n, want)
	}
	return err
}

// groupBy opens a group for each of n keys, and sends ten elements to each in turn. Every element
// wakes the goroutine of its key.
func groupBy(e effort) []report.Case {
	key := func(n int) func(int) int { return func(v int) int { return v % n } }
	open := func(int) stream.Flow[int, int] { return stream.Map(func(v int) int { return v }) }
	repeat := func(run func(n, elements int) error) func(n int) point {
		return func(n int) point {
			runs := max(e.of(100_000, 1)/n, 1)
			return point{units: runs * 10 * n, run: func() error {
				for range runs {
					if err := run(n, 10*n); err != nil {
						return err
					}
				}
				return nil
			}}
		}
	}
	return beside(report.Case{
		Name: "group-by", About: "ten elements of each of n keys in turn, with the start of each key",
		Unit: "element", Cold: true,
	},
		e.sizes(1_000, 10_000, 100_000), "keys",
		repeat(func(n, elements int) error {
			groups := stream.GroupBy(n, key(n), open, nil)
			return consume(stream.Via(source.Range(0, elements, 1), groups), elements)
		}), repeat(bareGroups))
}

// mergeIdle merges one busy source with n idle ones.
func mergeIdle(e effort) report.Case {
	return compare(report.Case{Name: "merge-idle", About: "one busy source among n idle ones", Unit: "element"},
		e.sizes(10, 1_000, 10_000), "sources", flat, func(n int) point {
			elements := e.of(50_000_000, 1)
			merge := func(elements int) error {
				done := make(chan struct{})
				busy := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
					defer close(done)
					return source.Range(0, elements, 1).Each(ctx, emit)
				})
				srcs := []stream.Source[int]{busy}
				for range n {
					srcs = append(srcs, stream.Via(source.Never[int](), stream.Until[int](done)))
				}
				return consume(stream.Merge(srcs...), elements)
			}
			return point{
				units: elements, run: func() error { return merge(elements) },
				setup: func() error { return merge(0) },
			}
		})
}

func mergeSorted(e effort) []report.Case {
	return ordered(e, "merge-sorted", func(srcs []stream.Source[int]) stream.Source[int] {
		return stream.MergeSorted(cmp.Compare[int], srcs...)
	})
}

func mergeSequence(e effort) []report.Case {
	return ordered(e, "merge-sequence", func(srcs []stream.Source[int]) stream.Source[int] {
		return stream.MergeSequence(func(v int) int64 { return int64(v) }, srcs...)
	})
}

// ordered merges n sources, each with every n-th number. A comparison sort needs log n steps, and
// the least element is of another source each time.
func ordered(e effort, name string, merge func([]stream.Source[int]) stream.Source[int]) []report.Case {
	timed := func(run func(n, elements int) error) func(n int) point {
		return func(n int) point {
			elements := e.of(2_000_000, n)
			return point{units: elements, run: func() error {
				return run(n, elements)
			}, setup: func() error { return run(n, 0) }}
		}
	}
	return beside(report.Case{Name: name, About: "n sources with every n-th number each", Unit: "element"},
		e.sizes(10, 1_000, 10_000), "sources",
		timed(func(n, elements int) error {
			srcs := make([]stream.Source[int], n)
			for i := range srcs {
				srcs[i] = source.Range(i, elements, n)
			}
			return consume(merge(srcs), elements)
		}), timed(bareMerge))
}
