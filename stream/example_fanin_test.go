package stream_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleConcat() {
	src := stream.Concat(source.Of("header"), source.Of("a", "b"), source.Of("end"))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [header a b end] <nil>
}

func ExampleOrElse() {
	src := stream.OrElse(source.Empty[string](), source.Of("default"))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [default] <nil>
}

func ExampleMerge() {
	src := stream.Merge(source.Of(1, 2), source.Of(10, 20))
	got, err := stream.Run(context.Background(), src, sink.Slice[int]())
	slices.Sort(got) // only the order within each source is fixed
	fmt.Println(got, err)
	// Output: [1 2 10 20] <nil>
}

func ExampleMergeSorted() {
	src := stream.MergeSorted(cmp.Compare[int], source.Of(1, 4, 9), source.Of(2, 3, 10))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [1 2 3 4 9 10] <nil>
}

func ExampleMergeSequence() {
	type part struct {
		Number int64
		Data   string
	}
	number := func(p part) int64 { return p.Number }
	src := stream.MergeSequence(number, source.Of(part{0, "a"}, part{3, "d"}), source.Of(part{1, "b"}, part{2, "c"}))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[part]()))
	// Output: [{0 a} {1 b} {2 c} {3 d}] <nil>
}

func ExampleMergePreferred() {
	// Both have elements ready; the control messages go first.
	control, data := source.Of("pause", "resume"),
		stream.Via(source.Of("a", "b"), stream.InitialDelay[string](300*time.Millisecond))
	src := stream.MergePreferred(control, data)
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [pause resume a b] <nil>
}

func ExampleMergeWeighted() {
	src := stream.MergeWeighted([]int{3, 1}, source.Range(0, 300, 1), source.Range(1000, 1100, 1))
	got, err := stream.Run(context.Background(), src, sink.Slice[int]())
	fmt.Println(len(got), err)
	// Output: 400 <nil>
}

func ExampleInterleave() {
	src := stream.Interleave(2, source.Of("a", "b", "c"), source.Of("1", "2", "3", "4", "5"))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [a b 1 2 c 3 4 5] <nil>
}

func ExampleZip() {
	src := stream.Zip(source.Of("a", "b", "c"), source.Of(1, 2))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[stream.Pair[string, int]]()))
	// Output: [{a 1} {b 2}] <nil>
}

func ExampleZipAll() {
	src := stream.ZipAll(source.Of("a", "b"), source.Of(1), "missing", -1)
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[stream.Pair[string, int]]()))
	// Output: [{a 1} {b -1}] <nil>
}

func ExampleZipN() {
	src := stream.ZipN(source.Of(1, 2), source.Of(10, 20), source.Of(100, 200))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[[]int]()))
	// Output: [[1 10 100] [2 20 200]] <nil>
}

func ExampleCombineLatest() {
	late := stream.Via(source.Of(10), stream.InitialDelay[int](300*time.Millisecond))
	src := stream.CombineLatest(source.Of(1, 2), late)
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[[]int]()))
	// Output: [[2 10]] <nil>
}

func ExampleZipLatest() {
	late := stream.Via(source.Of("b"), stream.InitialDelay[string](300*time.Millisecond))
	src := stream.ZipLatest(source.Of(1, 2), late)
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[stream.Pair[int, string]]()))
	// Output: [{2 b}] <nil>
}

func ExampleNewMergeHub() {
	// Runs that come and go write to one run.
	hub := stream.NewMergeHub[string]()
	all := stream.Go(context.Background(), hub, sink.Slice[string]())
	for _, names := range [][]string{{"ada", "bob"}, {"cyd"}} {
		n, err := stream.Run(context.Background(), source.Slice(names), hub.Sink())
		fmt.Println(n, err)
	}
	hub.Close()
	fmt.Println(all.Wait())
	// Output:
	// 2 <nil>
	// 1 <nil>
	// [ada bob cyd] <nil>
}
