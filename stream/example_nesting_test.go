package stream_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleConcatMap() {
	upTo := func(n int) stream.Source[int] { return source.Range(0, n, 1) }
	src := stream.Via(source.Of(1, 3, 2), stream.ConcatMap(upTo))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [0 0 1 2 0 1] <nil>
}

func ExampleMergeMap() {
	documents := func(collection string) stream.Source[string] { return source.Of(collection+"/1", collection+"/2") }
	src := stream.Via(source.Of("users", "orders"), stream.MergeMap(2, documents))
	got, err := stream.Run(context.Background(), src, sink.Slice[string]())
	slices.Sort(got) // two collections at once: the order is random
	fmt.Println(got, err)
	// Output: [orders/1 orders/2 users/1 users/2] <nil>
}

func ExampleFlatMapPrefix() {
	// The first line selects the style of the others.
	by := func(_ context.Context, head []string) (stream.Flow[string, string], error) {
		if head[0] == "upper" {
			return stream.Map(strings.ToUpper), nil
		}
		return nil, fmt.Errorf("unknown style %q", head[0])
	}
	for _, lines := range [][]string{{"upper", "a", "b"}, {"bold", "a"}} {
		fmt.Println(stream.Run(context.Background(), stream.Via(source.Slice(lines), stream.FlatMapPrefix(1, by)),
			sink.Slice[string]()))
	}
	// Output:
	// [A B] <nil>
	// [] unknown style "bold"
}

func ExampleGroupBy() {
	tenant := func(s string) string { return s[:1] }
	count := func(tenant string) stream.Flow[string, string] {
		total := stream.ResultOf(sink.Fold(0, func(n int, _ string) int { return n + 1 }))
		return stream.Then(total, stream.Map(func(n int) string { return fmt.Sprint(tenant, ":", n) }))
	}
	src := stream.Via(source.Of("a1", "b1", "a2", "a3"), stream.GroupBy(10, tenant, count, nil))
	got, err := stream.Run(context.Background(), src, sink.Slice[string]())
	slices.Sort(got)
	fmt.Println(got, err)
	// Output: [a:3 b:1] <nil>
}

func ExampleSplitWhen() {
	header := func(s string) bool { return strings.HasPrefix(s, "#") }
	sections := stream.Via(source.Of("#1", "a", "b", "#2", "c"), stream.SplitWhen(header))
	fmt.Println(stream.Run(context.Background(), sections,
		sink.ForEach(func(ctx context.Context, section stream.Source[string]) error {
			lines, err := stream.Run(ctx, section, sink.Slice[string]())
			fmt.Println(lines)
			return err
		})))
	// Output:
	// [#1 a b]
	// [#2 c]
	// 2 <nil>
}

func ExampleSplitAfter() {
	last := func(s string) bool { return strings.HasSuffix(s, ".") }
	sentences := stream.Via(source.Of("I", "am.", "You", "are."), stream.SplitAfter(last))
	text := func(ctx context.Context, sentence stream.Source[string]) (string, error) {
		words, err := stream.Run(ctx, sentence, sink.Slice[string]())
		return strings.Join(words, " "), err
	}
	fmt.Println(stream.Run(context.Background(), stream.Via(sentences, stream.TryMap(text)), sink.Slice[string]()))
	// Output: [I am. You are.] <nil>
}

func ExampleFlowOf() {
	// The input is printed; the output comes from another source.
	show := sink.ForEach(func(_ context.Context, s string) error { fmt.Println("in:", s); return nil })
	body := stream.Via(source.Of("a"), stream.FlowOf(show, source.Of(1, 2)))
	fmt.Println(stream.Run(context.Background(), body, sink.Slice[int]()))
	// Output:
	// in: a
	// [1 2] <nil>
}

func ExampleFlowOfCoupled() {
	// The end of the input ends a source that has no end.
	show := sink.ForEach(func(_ context.Context, s string) error { fmt.Println("in:", s); return nil })
	body := stream.Via(source.Of("a"), stream.FlowOfCoupled(show, source.Never[int]()))
	fmt.Println(stream.Run(context.Background(), body, sink.Slice[int]()))
	// Output:
	// in: a
	// [] <nil>
}
