package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleMap() {
	src := stream.Via(source.Of(1, 2, 3), stream.Map(func(n int) string { return strconv.Itoa(n * n) }))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [1 4 9] <nil>
}

func ExampleTryMap() {
	number := func(_ context.Context, s string) (int, error) { return strconv.Atoi(s) }
	src := stream.Via(source.Of("1", "2", "x", "4"), stream.TryMap(number))
	fmt.Println(stream.Run(context.Background(), src, sink.ForEach(func(_ context.Context, n int) error {
		fmt.Println(n)
		return nil
	})))
	// Output:
	// 1
	// 2
	// 2 strconv.Atoi: parsing "x": invalid syntax
}

func ExampleFilter() {
	odd := func(n int) bool { return n%2 == 1 }
	src := stream.Via(source.Range(0, 10, 1), stream.Filter(odd))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [1 3 5 7 9] <nil>
}

func ExampleNewFlow() {
	// distinct drops elements that came before.
	distinct := stream.NewFlow(func(ctx context.Context, src stream.Source[string], emit func(string) error) error {
		seen := make(map[string]bool)
		return src.Each(ctx, func(s string) error {
			if seen[s] {
				return nil
			}
			seen[s] = true
			return emit(s)
		})
	})
	body := stream.Via(source.Of("a", "b", "a", "c", "b"), distinct)
	fmt.Println(stream.Run(context.Background(), body, sink.Slice[string]()))
	// Output: [a b c] <nil>
}

func ExampleFilterMap() {
	number := func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil
	}
	src := stream.Via(source.Of("1", "two", "3"), stream.FilterMap(number))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [1 3] <nil>
}

func ExampleFlatMap() {
	src := stream.Via(source.Of("the cat", "sat"), stream.FlatMap(strings.Fields))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [the cat sat] <nil>
}

func ExampleTake() {
	src := stream.Via(source.Cycle(func(yield func(string) bool) { _ = yield("tick") && yield("tock") }),
		stream.Take[string](3))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [tick tock tick] <nil>
}

func ExampleTakeWhile() {
	src := stream.Via(source.Of(1, 2, 30, 4), stream.TakeWhile(func(n int) bool { return n < 10 }))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [1 2] <nil>
}

func ExampleSkip() {
	src := stream.Via(source.Of("header", "a", "b"), stream.Skip[string](1))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[string]()))
	// Output: [a b] <nil>
}

func ExampleSkipWhile() {
	done := 2 // the checkpoint of an earlier run
	src := stream.Via(source.Of(1, 2, 3, 4), stream.SkipWhile(func(id int) bool { return id <= done }))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [3 4] <nil>
}

func ExampleLimit() {
	src := stream.Via(source.Of(1, 2, 3), stream.Limit[int](2))
	_, err := stream.Run(context.Background(), src, sink.Slice[int]())
	fmt.Println(errors.Is(err, stream.ErrLimit), err)
	// Output: true stream: more than 2 elements: the stream is longer than its limit
}

func ExampleLimitBytes() {
	src := stream.Via(source.Of([]byte("four"), []byte("five!")), stream.LimitBytes(8, stream.ByteLen[[]byte]))
	_, err := stream.Run(context.Background(), src, sink.Discard[[]byte]())
	fmt.Println(errors.Is(err, stream.ErrLimit))
	// Output: true
}

func ExampleByteLen() {
	chunks := stream.Via(source.Of([]byte("ab"), []byte("cd"), []byte("efg")),
		stream.BatchBytes(4, stream.ByteLen[[]byte]))
	batches, err := stream.Run(context.Background(), chunks, sink.Slice[[][]byte]())
	for _, batch := range batches {
		fmt.Printf("%s\n", batch)
	}
	fmt.Println(err)
	// Output:
	// [ab cd]
	// [efg]
	// <nil>
}

func ExampleScan() {
	add := func(sum, n int) int { return sum + n }
	src := stream.Via(source.Of(1, 2, 3, 4), stream.Scan(0, add))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [1 3 6 10] <nil>
}

func ExampleEnumerate() {
	src := stream.Via(source.Of("a", "b"), stream.Enumerate[string]())
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[stream.Pair[int64, string]]()))
	// Output: [{0 a} {1 b}] <nil>
}

func ExampleMapState() {
	start := func() int { return 0 }
	delta := func(last *int, n int) (int, error) {
		d := n - *last
		*last = n
		return d, nil
	}
	src := stream.Via(source.Of(3, 5, 10), stream.MapState(start, delta))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [3 2 5] <nil>
}

func ExampleFlatMapState() {
	// Consecutive equal elements become one run: the element and its count.
	type run struct {
		of string
		n  int
	}
	add := func(r *run, s string, emit func(run) error) error {
		if r.n > 0 && r.of == s {
			r.n++
			return nil
		}
		last := *r
		*r = run{s, 1}
		if last.n == 0 {
			return nil
		}
		return emit(last)
	}
	end := func(r *run, emit func(run) error) error {
		if r.n == 0 {
			return nil
		}
		return emit(*r)
	}
	src := stream.Via(source.Of("a", "a", "b", "a"), stream.FlatMapState(func() run { return run{} }, add, end))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[run]()))
	// Output: [{a 2} {b 1} {a 1}] <nil>
}

func ExampleMapResource() {
	open := func(context.Context) (*strings.Builder, error) { fmt.Println("open"); return new(strings.Builder), nil }
	add := func(b *strings.Builder, _ context.Context, s string) (int, error) { return b.WriteString(s) }
	shut := func(b *strings.Builder, _ context.Context) error { fmt.Println("close", b); return nil }
	src := stream.Via(source.Of("ab", "c"), stream.MapResource(open, add, shut))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output:
	// open
	// close abc
	// [2 1] <nil>
}

func ExampleSliding() {
	src := stream.Via(source.Range(1, 6, 1), stream.Sliding[int](3, 1))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[[]int]()))
	// Output: [[1 2 3] [2 3 4] [3 4 5]] <nil>
}

func ExampleIntersperse() {
	list := stream.Via(source.Of("1", "2", "3"), stream.Intersperse(","))
	array := stream.Concat(source.Of("["), list, source.Of("]"))
	got, err := stream.Run(context.Background(), array, sink.Slice[string]())
	fmt.Println(strings.Join(got, ""), err)
	// Output: [1,2,3] <nil>
}

func ExampleBatch() {
	src := stream.Via(source.Range(0, 5, 1), stream.Batch[int](2))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[[]int]()))
	// Output: [[0 1] [2 3] [4]] <nil>
}

func ExampleBatchBytes() {
	src := stream.Via(source.Of("aa", "bb", "c", "dddddd"), stream.BatchBytes(4, func(s string) int { return len(s) }))
	got, err := stream.Run(context.Background(), src, sink.Slice[[]string]())
	fmt.Printf("%q %v\n", got, err)
	// Output: [["aa" "bb"] ["c"] ["dddddd"]] <nil>
}

func ExampleLog() {
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{}
			}
			return a
		},
	})
	describe := func(s string) slog.Attr { return slog.String("value", s) }
	src := stream.Via(source.Of("a", "b"),
		stream.Log(slog.New(handler), "names", &stream.LogOptions[string]{Value: describe}))
	_, _ = stream.Run(context.Background(), src, sink.Discard[string]())
	// Output:
	// level=DEBUG msg=names element=0 value=a
	// level=DEBUG msg=names element=1 value=b
	// level=INFO msg=names elements=2 end=complete
}

func ExampleFlatMapPrefix_setup() {
	// The level is known when the pipeline runs, not when it is built.
	scale := func(context.Context, []int) (stream.Flow[int, int], error) {
		level := 3
		return stream.Map(func(n int) int { return n * level }), nil
	}
	src := stream.Via(source.Of(1, 2), stream.FlatMapPrefix(0, scale))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [3 6] <nil>
}

func ExampleLazyFlow() {
	by := func(_ context.Context, first int) (stream.Flow[int, int], error) {
		return stream.Map(func(n int) int { return n - first }), nil
	}
	src := stream.Via(source.Of(100, 103, 110), stream.LazyFlow(by))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [0 3 10] <nil>
}

func ExampleResultOf() {
	sum := sink.Fold(0, func(sum, n int) int { return sum + n })
	sums := stream.Via(source.Of(1, 2, 3), stream.ResultOf(sum))
	fmt.Println(stream.Run(context.Background(), sums, sink.Slice[int]()))
	// Output: [6] <nil>
}

func ExampleThen() {
	trim, number := stream.Map(strings.TrimSpace),
		stream.TryMap(func(_ context.Context, s string) (int, error) { return strconv.Atoi(s) })
	src := stream.Via(source.Of(" 1", "2 "), stream.Then(trim, number))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	// Output: [1 2] <nil>
}

func ExampleInto() {
	lengths := stream.Into(stream.Map(func(s string) int { return len(s) }), sink.Slice[int]())
	fmt.Println(stream.Run(context.Background(), source.Of("a", "bcd"), lengths))
	// Output: [1 3] <nil>
}

func ExampleCarry() {
	// Each line keeps its number in a flow that handles only lines.
	type numbered = stream.Envelope[string, int]
	src := source.Of(numbered{"b", 1}, numbered{"a", 2})
	upper := stream.Carry[int](stream.Map(strings.ToUpper))
	fmt.Println(stream.Run(context.Background(), stream.Via(src, upper), sink.Slice[numbered]()))
	// Output: [{B 1} {A 2}] <nil>
}

func ExampleFail() {
	closed := errors.New("the archive is closed today")
	src := stream.Concat(source.Of(1, 2), stream.Fail[int](closed))
	_, err := stream.Run(context.Background(), src, sink.Slice[int]())
	fmt.Println(err)
	// Output: the archive is closed today
}
