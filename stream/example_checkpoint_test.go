package stream_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// event is an element of a feed, with the offset to resume from.
type event struct {
	offset int
	text   string
}

var feed = []event{{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}, {5, "e"}}

type at = stream.Checkpoint[int]

func offsets() stream.Flow[event, stream.Envelope[event, at]] {
	return stream.Checkpoints(func(e event) int { return e.offset })
}

func ExampleCheckpoints() {
	marked, err := stream.Run(context.Background(), stream.Via(source.Slice(feed), offsets()),
		sink.First[stream.Envelope[event, at]]())
	fmt.Println(marked.Value, marked.Context.Position, err)
	// Output: {1 a} 1 <nil>
}

// Events are converted four at a time, stored in batches of two, and acknowledged after that.
func ExampleAcknowledge() {
	convert := func(_ context.Context, e event) (string, error) { return strings.ToUpper(e.text), nil }
	store := func(_ context.Context, batch []string) (int, error) {
		fmt.Println("stored", batch)
		return len(batch), nil
	}
	src := stream.Via3(source.Slice(feed), offsets(), stream.MapParallel(4, stream.OnValue[at](convert)),
		stream.Then(stream.CarryBatch(stream.Batch[stream.Envelope[string, at]](2)),
			stream.TryMap(stream.OnValue[at](store))))
	last, err := stream.Run(context.Background(), src,
		stream.Acknowledge[int](func(_ context.Context, offset int) error {
			fmt.Println("acknowledged", offset)
			return nil
		}))
	fmt.Println(last.Position, err)
	// Output:
	// stored [A B]
	// acknowledged 2
	// stored [C D]
	// acknowledged 4
	// stored [E]
	// acknowledged 5
	// 5 <nil>
}

func ExampleOnValue() {
	length := func(_ context.Context, s string) (int, error) { return len(s), nil }
	type file = stream.Envelope[string, string]
	src := stream.Via(source.Of(file{"hello", "a.txt"}, file{"", "b.txt"}),
		stream.MapParallel(2, stream.OnValue[string](length)))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[stream.Envelope[int, string]]()))
	// Output: [{5 a.txt} {0 b.txt}] <nil>
}

func ExampleCarryBatch() {
	batches := stream.CarryBatch(stream.Batch[stream.Envelope[event, at]](2))
	src := stream.Via2(source.Slice(feed), offsets(), batches)
	for batch, err := range stream.All(context.Background(), src) {
		fmt.Println(len(batch.Value), "up to", batch.Context.Position, err)
	}
	// Output:
	// 2 up to 2 <nil>
	// 2 up to 4 <nil>
	// 1 up to 5 <nil>
}

// The flow holds back all of its input. Nothing is acknowledged before it is emitted.
func ExampleCarrySegments() {
	join := stream.ResultOf(sink.Fold("", func(text string, e event) string { return text + e.text }))
	src := stream.Via2(source.Slice(feed), offsets(), stream.CarrySegments[int](3, join))
	for part, err := range stream.All(context.Background(), src) {
		fmt.Println(part.Value, "up to", part.Context.Position, err)
	}
	// Output:
	// abc up to 3 <nil>
	// de up to 5 <nil>
}

// The third overtakes the first two. It is acknowledged only after they are emitted.
func ExampleCarryMapUnordered() {
	overtaken := make(chan struct{})
	convert := func(_ context.Context, e event) (string, error) {
		switch e.offset {
		case 1:
			<-overtaken
		case 3:
			defer close(overtaken)
		}
		return e.text, nil
	}
	src := stream.Via2(source.Slice(feed[:3]), offsets(), stream.CarryMapUnordered[int](2, convert))
	last, err := stream.Run(context.Background(), src,
		stream.Acknowledge[string](func(context.Context, int) error { return nil }))
	fmt.Println(last.Position, err)
	// Output: 3 <nil>
}
