package stream_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleBatchWithin() {
	// A batch waits 300 ms for its second element, not forever.
	src := stream.Via2(stream.Concat(source.Of("a", "b", "c"), source.Never[string]()),
		stream.BatchWithin[string](2, 300*time.Millisecond), stream.Take[[]string](2))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[[]string]()))
	// Output: [[a b] [c]] <nil>
}

func ExampleBatchBytesWithin() {
	lines := stream.Concat(source.Of("aa", "bb", "c"), source.Never[string]())
	batches := stream.BatchBytesWithin(4, 300*time.Millisecond, func(s string) int { return len(s) })
	src := stream.Via2(lines, batches, stream.Take[[]string](2))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[[]string]()))
	// Output: [[aa bb] [c]] <nil>
}

func ExampleDelay() {
	began := time.Now()
	src := stream.Via(source.Of("a"), stream.Delay[string](20*time.Millisecond))
	got, err := stream.Run(context.Background(), src, sink.Slice[string]())
	fmt.Println(got, err, time.Since(began) >= 20*time.Millisecond)
	// Output: [a] <nil> true
}

func ExampleDelayFunc() {
	pause := func(s string) time.Duration { return time.Duration(len(s)) * time.Millisecond }
	src := stream.Via(source.Of("long", "s"), stream.DelayFunc(pause))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [long s] <nil>
}

func ExampleInitialDelay() {
	began := time.Now()
	src := stream.Via(source.Of("a"), stream.InitialDelay[string](20*time.Millisecond))
	got, err := stream.Run(context.Background(), src, sink.Slice[string]())
	fmt.Println(got, err, time.Since(began) >= 20*time.Millisecond)
	// Output: [a] <nil> true
}

func ExampleSkipFor() {
	warm := stream.Via(source.Of("warm"), stream.InitialDelay[string](600*time.Millisecond))
	src := stream.Via(stream.Concat(source.Of("cold"), warm), stream.SkipFor[string](300*time.Millisecond))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [warm] <nil>
}

func ExampleTakeFor() {
	// When the backup window closes, the elements read so far are stored.
	src := stream.Via(stream.Concat(source.Of("a", "b"), source.Never[string]()),
		stream.TakeFor[string](300*time.Millisecond))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [a b] <nil>
}

func ExampleKeepAlive() {
	quiet := stream.Concat(source.Of("data"), source.Never[string]())
	src := stream.Via2(quiet, stream.KeepAlive(200*time.Millisecond, func() string { return "ping" }),
		stream.Take[string](3))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [data ping ping] <nil>
}

func ExampleIdleTimeout() {
	src := stream.Via(stream.Concat(source.Of(1), source.Never[int]()), stream.IdleTimeout[int](300*time.Millisecond))
	n, err := stream.Run(context.Background(), src, sink.Discard[int]())
	fmt.Println(n, errors.Is(err, stream.ErrTimeout))
	// Output: 1 true
}

func ExampleFirstTimeout() {
	src := stream.Via(source.Never[int](), stream.FirstTimeout[int](10*time.Millisecond))
	_, err := stream.Run(context.Background(), src, sink.Discard[int]())
	fmt.Println(errors.Is(err, stream.ErrTimeout))
	// Output: true
}

func ExampleStallTimeout() {
	hanging := sink.ForEach(func(ctx context.Context, _ int) error { <-ctx.Done(); return context.Cause(ctx) })
	_, err := stream.Run(context.Background(), source.Of(1, 2), stream.StallTimeout(10*time.Millisecond, hanging))
	fmt.Println(errors.Is(err, stream.ErrTimeout))
	// Output: true
}

func ExampleThrottle() {
	// 1 kB a second on average, at most 2 kB at once. Runs may share a limiter, and it can be
	// adjusted while they are active.
	limiter := stream.NewLimiter(1000, 2000)
	limiter.Set(1e6)
	src := stream.Via(source.Of(make([]byte, 900), make([]byte, 600)), stream.Throttle(limiter, stream.ByteLen[[]byte]))
	n, err := stream.Run(context.Background(), src, sink.Discard[[]byte]())
	fmt.Println(n, "chunks", err)
	// Output: 2 chunks <nil>
}

func ExampleNewLimiter() {
	limiter := stream.NewLimiter(100, 10)
	fmt.Println(limiter.Wait(context.Background(), 10), limiter.Rate())
	// Output: <nil> 100
}
