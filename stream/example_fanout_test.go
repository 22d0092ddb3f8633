package stream_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleBroadcast() {
	upper := stream.Map(strings.ToUpper)
	count := stream.Then(stream.ResultOf(sink.Discard[string]()),
		stream.Map(func(n int64) string { return fmt.Sprint(n, " names") }))
	src := stream.Via(source.Of("ada", "bob"), stream.Broadcast(upper, count))
	got, err := stream.Run(context.Background(), src, sink.Slice[string]())
	slices.Sort(got)
	fmt.Println(got, err)
	// Output: [2 names ADA BOB] <nil>
}

func ExampleBalance() {
	// Two equal flows in parallel. Each element goes through one that is free.
	square := stream.Map(func(n int) int { return n * n })
	src := stream.Via(source.Of(1, 2, 3), stream.Balance(square, square))
	got, err := stream.Run(context.Background(), src, sink.Slice[int]())
	slices.Sort(got)
	fmt.Println(got, err)
	// Output: [1 4 9] <nil>
}

func ExamplePartition() {
	small, large := stream.Map(func(n int) string { return "small" }),
		stream.Map(func(n int) string { return fmt.Sprint("large ", n) })
	bySize := func(n int) int { return min(n/100, 1) }
	src := stream.Via(source.Of(5, 500), stream.Partition(bySize, small, large))
	got, err := stream.Run(context.Background(), src, sink.Slice[string]())
	slices.Sort(got)
	fmt.Println(got, err)
	// Output: [large 500 small] <nil>
}

func ExampleUnzip() {
	pairs := stream.Zip(source.Of("a", "b"), source.Of(1, 2))
	got, err := stream.Run(context.Background(), pairs, stream.Unzip(sink.Slice[string](), sink.Slice[int]()))
	fmt.Println(got.First, got.Second, err)
	// Output: [a b] [1 2] <nil>
}

func ExampleAlsoTo() {
	// The bytes go to the store and also to a digest.
	digest := sink.Fold(sha256.New(), func(h hash.Hash, p []byte) hash.Hash { _, _ = h.Write(p); return h })
	var sum []byte
	src := stream.Via(source.Of([]byte("ab"), []byte("c")),
		stream.AlsoTo(stream.OnResult(digest, func(h hash.Hash) { sum = h.Sum(nil) })))
	n, err := stream.Run(context.Background(), src, sink.Discard[[]byte]())
	fmt.Printf("%d chunks, %x…, %v\n", n, sum[:4], err)
	// Output: 2 chunks, ba7816bf…, <nil>
}

func ExampleDivertTo() {
	bad := func(s string) bool { return !strings.HasPrefix(s, "{") }
	var rejected []string
	reject := stream.OnResult(sink.Slice[string](), func(lines []string) { rejected = lines })
	src := stream.Via(source.Of("{1}", "oops", "{2}"), stream.DivertTo(reject, bad))
	good, err := stream.Run(context.Background(), src, sink.Slice[string]())
	fmt.Println(good, rejected, err)
	// Output: [{1} {2}] [oops] <nil>
}

func ExampleOnResult() {
	// The number of dead letters is the result of their sink.
	var skipped int64
	dead := stream.OnResult(sink.Discard[stream.DeadLetter[string]](), func(n int64) { skipped = n })
	parse := func(_ context.Context, s string) (int, error) {
		n, err := strconv.Atoi(s)
		return n, stream.Mark(err, stream.Data)
	}
	numbers := stream.Via(source.Of("1", "two", "3"), stream.SuperviseTo(1, parse, dead, nil))
	got, err := stream.Run(context.Background(), numbers, sink.Slice[int]())
	fmt.Println(got, skipped, err)
	// Output: [1 3] 1 <nil>
}

func ExampleWireTap() {
	// A sink that fails or is slow does not hold back the run.
	broken := sink.ForEach(func(context.Context, int) error { return fmt.Errorf("the dashboard is down") })
	var tapped error
	src := stream.Via(source.Of(1, 2, 3), stream.WireTap(broken, func(_ int64, err error) { tapped = err }))
	fmt.Println(stream.Run(context.Background(), src, sink.Slice[int]()))
	fmt.Println(tapped)
	// Output:
	// [1 2 3] <nil>
	// the dashboard is down
}

func ExampleNewBroadcastHub() {
	hub := stream.NewBroadcastHub[string](16)
	first := stream.Go(context.Background(), hub.Source(), sink.Slice[string]())
	// The run waits for the first consumer.
	sent, err := stream.Run(context.Background(), source.Of("a", "b"), hub)
	fmt.Println(sent, err)
	fmt.Println(first.Wait())
	// Output:
	// 2 <nil>
	// [a b] <nil>
}

func ExampleNewPartitionHub() {
	hub := stream.NewPartitionHub(16, func(consumers int, n int) int { return n % consumers })
	all := stream.Go(context.Background(), hub.Source(), sink.Slice[int]())
	sent, err := stream.Run(context.Background(), source.Of(1, 2, 3), hub)
	fmt.Println(sent, err)
	fmt.Println(all.Wait())
	// Output:
	// 3 <nil>
	// [1 2 3] <nil>
}
