package stream_test

import (
	"cmp"

	"github.com/millweir/millweir/stream"
)

// badJoins has the invalid settings of operators with several sources, and of hubs.
func badJoins() map[string][]badRun {
	type ints = stream.Source[int]
	var (
		srcs = func(f func(good ints) stream.Source[any]) []badRun { return []badRun{fanIn(f)} }
		none = stream.Source[int](nil)
	)
	return map[string][]badRun{
		"stream.CombineLatest.srcs": {fanIn(func(good ints) stream.Source[[]int] {
			return stream.CombineLatest(good, nil)
		})},
		"stream.Concat.srcs":   {fanIn(func(good ints) ints { return stream.Concat(good, nil) })},
		"stream.Drainable.src": {badSource(stream.Drainable(none))},
		"stream.Interleave.n": {fanIn(func(good ints) ints {
			return stream.Interleave(0, good)
		}), fanIn(func(good ints) ints { return stream.Interleave(-1, good) })},
		"stream.Interleave.srcs":          {fanIn(func(good ints) ints { return stream.Interleave(1, good, nil) })},
		"stream.Merge.srcs":               {fanIn(func(good ints) ints { return stream.Merge(good, nil) })},
		"stream.MergePreferred.others":    {fanIn(func(good ints) ints { return stream.MergePreferred(good, nil) })},
		"stream.MergePreferred.preferred": {fanIn(func(good ints) ints { return stream.MergePreferred(nil, good) })},
		"stream.MergeSequence.number":     {fanIn(func(good ints) ints { return stream.MergeSequence(nil, good) })},
		"stream.MergeSequence.srcs": {fanIn(func(good ints) ints {
			return stream.MergeSequence(func(n int) int64 { return int64(n) }, good, nil)
		})},
		"stream.MergeSorted.compare": {fanIn(func(good ints) ints { return stream.MergeSorted(nil, good) })},
		"stream.MergeSorted.srcs": {fanIn(func(good ints) ints {
			return stream.MergeSorted(cmp.Compare[int], good, nil)
		})},
		"stream.MergeWeighted.srcs": {fanIn(func(good ints) ints {
			return stream.MergeWeighted([]int{1, 1}, good, nil)
		})},
		"stream.MergeWeighted.weights": {fanIn(func(good ints) ints {
			return stream.MergeWeighted([]int{0}, good)
		}), fanIn(func(good ints) ints {
			return stream.MergeWeighted([]int{-1}, good)
		}), fanIn(func(good ints) ints { return stream.MergeWeighted([]int{1, 2}, good) })},
		"stream.NewBroadcastHub.n": {
			badSink(stream.NewBroadcastHub[int](0)),
			badSink(stream.NewBroadcastHub[int](-1)), badSource(stream.NewBroadcastHub[int](0).Source()),
		},
		"stream.NewPartitionHub.choose": {
			badSink(stream.NewPartitionHub[int](1, nil)),
			badSource(stream.NewPartitionHub[int](1, nil).Source()),
		},
		"stream.NewPartitionHub.n": {badSink(stream.NewPartitionHub(0, func(int, int) int {
			return 0
		})), badSource(stream.NewPartitionHub(0, func(int, int) int { return 0 }).Source())},
		"stream.OrElse.first":  {fanIn(func(good ints) ints { return stream.OrElse(nil, good) })},
		"stream.OrElse.second": {fanIn(func(good ints) ints { return stream.OrElse(good, nil) })},
		"stream.Zip.a":         srcs(func(good ints) stream.Source[any] { return anyOf(stream.Zip(none, good)) }),
		"stream.Zip.b":         srcs(func(good ints) stream.Source[any] { return anyOf(stream.Zip(good, none)) }),
		"stream.ZipAll.a": srcs(func(good ints) stream.Source[any] {
			return anyOf(stream.ZipAll(none, good, 0, 0))
		}),
		"stream.ZipAll.b": srcs(func(good ints) stream.Source[any] {
			return anyOf(stream.ZipAll(good, none, 0, 0))
		}),
		"stream.ZipLatest.a": srcs(func(good ints) stream.Source[any] {
			return anyOf(stream.ZipLatest(none, good))
		}),
		"stream.ZipLatest.b": srcs(func(good ints) stream.Source[any] {
			return anyOf(stream.ZipLatest(good, none))
		}),
		"stream.ZipN.srcs": srcs(func(good ints) stream.Source[any] { return anyOf(stream.ZipN(good, none)) }),
	}
}
