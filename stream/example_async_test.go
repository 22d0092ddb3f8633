package stream_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleAsync() {
	// Upper works on one goroutine while trim works on another, at most 64 elements ahead.
	trim, upper := stream.Map(strings.TrimSpace), stream.Map(strings.ToUpper)
	src := stream.Via3(source.Of(" a", "b "), trim, stream.Async[string](64), upper)
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [A B] <nil>
}

func ExampleMapParallel() {
	// Four calls at once; the results come in the order of the elements.
	size := func(_ context.Context, name string) (int, error) { return len(name), nil }
	src := stream.Via(source.Of("one", "three", "thirteen"), stream.MapParallel(4, size))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [3 5 8] <nil>
}

// Every stage that computes uses as many goroutines as the context says. Without WithParallelism
// they are fused.
func ExampleWithParallelism() {
	ctx := stream.WithParallelism(context.Background(), 0) // as many as there are cores
	hash := parallelMap(func(s string) string { return fmt.Sprintf("%x", crc32.ChecksumIEEE([]byte(s))) })
	fmt.Println(stream.Run(ctx, stream.Via(source.Of("one", "two"), hash), sink.Slice[string]()))
	// Output: [7a6c86f1 11ca8a66] <nil>
}

// A stage of your own follows the context, unless its option says otherwise.
func ExampleParallelism() {
	upper := parallelMap(strings.ToUpper)
	fmt.Println(stream.Run(context.Background(), stream.Via(source.Of("a", "b"), upper), sink.Slice[string]()))
	// Output: [A B] <nil>
}

// parallelMap is Map in a fused run, and MapParallel in a run in parallel.
func parallelMap(f func(string) string) stream.Flow[string, string] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[string], emit func(string) error) error {
		n, err := stream.Parallelism(ctx, 0)
		if err != nil {
			return err
		}
		flow := stream.Map(f)
		if n > 0 {
			flow = stream.MapParallel(n, func(_ context.Context, s string) (string, error) { return f(s), nil })
		}
		return stream.Via(src, flow).Each(ctx, emit)
	})
}

func ExampleMapUnordered() {
	wait := func(_ context.Context, d time.Duration) (time.Duration, error) { time.Sleep(d); return d, nil }
	src := stream.Via(source.Of(400*time.Millisecond, time.Millisecond), stream.MapUnordered(2, wait))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[time.Duration]()))
	// Output: [1ms 400ms] <nil>
}

func ExampleMapKeyed() {
	// Updates of one account run one after another, updates of different accounts at the same time.
	type update struct{ Account, Amount int }
	balance := map[int]*int{1: new(int), 2: new(int)}
	apply := func(_ context.Context, u update) (int, error) {
		*balance[u.Account] += u.Amount
		return *balance[u.Account], nil
	}
	account := func(u update) int { return u.Account }
	src := stream.Via(source.Of(update{1, 10}, update{2, 5}, update{1, -3}), stream.MapKeyed(4, 1, account, apply))
	got, err := stream.Run(context.Background(), src, sink.Slice[int]())
	fmt.Println(got, err)
	// Output: [10 5 7] <nil>
}

func ExampleBuffer() {
	// However slow the downstream is, the last element is one of the two that are kept.
	src := stream.Via(source.Range(0, 1000, 1), stream.Buffer[int](2, stream.DropOldest))
	n, err := stream.Run(context.Background(), src, sink.Last[int]())
	fmt.Println(n, err)
	// Output: 999 <nil>
}

func ExampleConflate() {
	// However slow the progress bar is, it shows the sum.
	whole := func(n int) int { return n }
	add := func(sum, n int) int { return sum + n }
	src := stream.Via(source.Range(0, 1000, 1), stream.Conflate(whole, add))
	fmt.Println(stream.Run(context.Background(), src, sink.Reduce(add)))
	// Output: 499500 <nil>
}

func ExampleConflateUpTo() {
	seed := func(n int) []int { return []int{n} }
	add := func(batch []int, n int) []int { return append(batch, n) }
	src := stream.Via(source.Range(0, 100, 1), stream.ConflateUpTo(10, nil, seed, add))
	batches, err := stream.Run(context.Background(), src, sink.Slice[[]int]())
	fmt.Println(len(slices.Concat(batches...)), "elements in batches of 10 at most", err)
	// Output: 100 elements in batches of 10 at most <nil>
}

func ExampleExpand() {
	// While no new reading comes, the last one is repeated.
	repeat := func(reading string) iter.Seq[string] {
		return func(yield func(string) bool) {
			for yield(reading) {
			}
		}
	}
	readings := stream.Concat(source.Of("21 °C"), source.Never[string]())
	src := stream.Via2(readings, stream.Expand(repeat), stream.Take[string](3))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [21 °C 21 °C 21 °C] <nil>
}

func ExampleAggregate() {
	// Parts of at least 5 bytes.
	start := func() []byte { return nil }
	add := func(part, p []byte) ([]byte, bool, error) {
		part = append(part, p...)
		return part, len(part) >= 5, nil
	}
	text := func(part []byte) string { return string(part) }
	src := stream.Via(source.Of([]byte("ab"), []byte("cdefg"), []byte("h")), stream.Aggregate(start, add, text, 0))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [abcdefg h] <nil>
}

func ExampleGo() {
	run := stream.Go(context.Background(), source.Tick(time.Millisecond), sink.Discard[time.Time]())
	run.Drain() // elements in flight are still processed
	_, err := run.Wait()
	fmt.Println(err)
	// Output: <nil>
}

func ExampleDrainable() {
	// numbers ignores drains.
	numbers := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for n := 1; ; n++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(n); err != nil {
				return err
			}
		}
	})
	var run *stream.Running[[]int]
	started := make(chan struct{})
	stopping := stream.Map(func(n int) int {
		if <-started; n == 3 {
			run.Drain()
		}
		return n
	})
	run = stream.Go(context.Background(), stream.Via2(stream.Drainable(numbers), stopping, stream.Batch[int](2)),
		sink.Last[[]int]())
	close(started)
	fmt.Println(run.Wait()) // the third, already taken, is in the last batch
	// Output: [3] <nil>
}

func ExampleUntil() {
	stop := make(chan struct{})
	close(stop)
	src := stream.Via(source.Never[int](), stream.Until[int](stop))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [] <nil>
}

func ExampleReader() {
	r := stream.Reader(context.Background(), source.Of([]byte("hello "), []byte("world")))
	defer r.Close()
	var words [2]string
	fmt.Fscan(r, &words[0], &words[1])
	fmt.Println(words)
	// Output: [hello world]
}

func ExampleAll() {
	for n, err := range stream.All(context.Background(), source.Of(1, 2, 3)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(n)
	}
	// Output:
	// 1
	// 2
	// 3
}

func ExampleBottleneck() {
	// the snapshots of two monitors
	read := stream.Snapshot{Name: "read", Waited: 2 * time.Second, Blocked: 8 * time.Second}
	gzip := stream.Snapshot{Name: "gzip", Waited: 3 * time.Second, Own: 6 * time.Second, Blocked: time.Second}
	fmt.Println(stream.Bottleneck(read, gzip))
	// Output: gzip: 60 % of 10s
}
