package stream_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A run returns the result of the sink, or the first error.
func ExampleRun() {
	add := func(sum, n int) int { return sum + n }
	sum, err := stream.Run(context.Background(), source.Of(1, 2, 3), sink.Fold(0, add))
	fmt.Println(sum, err)

	_, err = stream.Run(context.Background(), stream.Fail[int](fmt.Errorf("no network")), sink.Fold(0, add))
	fmt.Println(err)
	// Output:
	// 6 <nil>
	// no network
}

// Via appends one flow to a source. Via2 and Via3 append several, and Then joins flows.
func ExampleVia() {
	words := source.Of("a", "stream", "of", "words")
	long := stream.Via(words, stream.Filter(func(s string) bool { return len(s) > 2 }))
	upper := stream.Via(long, stream.Map(strings.ToUpper))
	fmt.Println(stream.Run(context.Background(), upper, sink.Slice[string]()))
	// Output: [STREAM WORDS] <nil>
}

// A stage with a goroutine runs it in a group. The group returns the first true cause, and carries
// a panic of the goroutine to the caller.
func ExampleNewGroup() {
	prefetch := stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		g, ctx := stream.NewGroup(ctx)
		fetched := make(chan int, 8)
		g.Go(func() error {
			defer close(fetched)
			return src.Each(ctx, func(n int) error {
				select {
				case fetched <- n:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			})
		})
		return g.Do(func() error {
			for n := range fetched {
				if err := emit(n); err != nil {
					return err
				}
			}
			return nil
		})
	})
	src := stream.Via(source.Range(0, 5, 1), prefetch)
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [0 1 2 3 4] <nil>
}

// A sink that copies or digests chunks reads them by EachLent, so that a source can use one buffer
// for all of them.
func ExampleEachLent() {
	digest := stream.SinkFunc[[]byte, string](func(ctx context.Context, src stream.Source[[]byte]) (string, error) {
		h := sha256.New()
		err := stream.EachLent(ctx, src, func(p []byte) error {
			h.Write(p) // p is valid only during this call
			return nil
		})
		return fmt.Sprintf("%x", h.Sum(nil)[:4]), err
	})
	fmt.Println(stream.Run(context.Background(), source.Reader(strings.NewReader("millweir")), digest))
	// Output: 3ec02c68 <nil>
}

// A stage that must see its whole input reads on after an early end of its downstream.
func ExampleWithoutStop() {
	total := stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		ctx, release := stream.WithoutStop(ctx)
		defer release()
		sum, stopped := 0, error(nil)
		err := src.Each(ctx, func(n int) error {
			sum += n
			if stopped != nil {
				return nil
			}
			err := emit(n)
			if stream.Stopped(err) {
				stopped, err = err, nil
			}
			return err
		})
		fmt.Println("sum of all:", sum)
		return cmp.Or(err, stopped)
	})
	src := stream.Via2(source.Range(1, 11, 1), total, stream.Take[int](2))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output:
	// sum of all: 55
	// [1 2] <nil>
}
