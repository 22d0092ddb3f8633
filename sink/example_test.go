package sink_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var ctx = context.Background()

func ExampleSlice() {
	fmt.Println(stream.Run(ctx, source.Range(0, 3, 1), sink.Slice[int]()))
	// Output: [0 1 2] <nil>
}

func ExampleFold() {
	words := source.Of("a", "bc", "def")
	fmt.Println(stream.Run(ctx, words, sink.Fold(0, func(n int, w string) int { return n + len(w) })))
	// Output: 6 <nil>
}

func ExampleReduce() {
	fmt.Println(stream.Run(ctx, source.Of(3, 8, 5), sink.Reduce(func(a, b int) int { return max(a, b) })))
	// Output: 8 <nil>
}

func ExampleForEach() {
	n, err := stream.Run(ctx, source.Of("ann", "bob"), sink.ForEach(func(_ context.Context, name string) error {
		fmt.Println("hello,", name)
		return nil
	}))
	fmt.Println(n, err)
	// Output:
	// hello, ann
	// hello, bob
	// 2 <nil>
}

func ExampleForEachParallel() {
	var sum atomic.Int64
	n, err := stream.Run(ctx, source.Range(1, 101, 1), sink.ForEachParallel(4, func(_ context.Context, v int) error {
		sum.Add(int64(v))
		return nil
	}))
	fmt.Println(n, err, sum.Load())
	// Output: 100 <nil> 5050
}

func ExampleDiscard() {
	fmt.Println(stream.Run(ctx, source.Of("a", "b"), sink.Discard[string]()))
	// Output: 2 <nil>
}

func ExampleFirst() {
	fmt.Println(stream.Run(ctx, source.Repeat("the first will do"), sink.First[string]()))
	_, err := stream.Run(ctx, source.Empty[string](), sink.First[string]())
	fmt.Println(errors.Is(err, sink.ErrEmpty))
	// Output:
	// the first will do <nil>
	// true
}

func ExampleLast() {
	fmt.Println(stream.Run(ctx, source.Of(1, 2, 3), sink.Last[int]()))
	// Output: 3 <nil>
}

func ExampleTakeLast() {
	fmt.Println(stream.Run(ctx, source.Range(0, 100, 1), sink.TakeLast[int](3)))
	// Output: [97 98 99] <nil>
}

func ExampleChan() {
	ch := make(chan int)
	go func() {
		_, err := stream.Run(ctx, source.Of(1, 2), sink.Chan(ch))
		if err == nil {
			close(ch)
		}
	}()
	for v := range ch {
		fmt.Println(v)
	}
	// Output:
	// 1
	// 2
}

func ExampleDefer() {
	today := sink.Defer(func(context.Context) (stream.Sink[[]byte, int64], error) {
		fmt.Println("this run begins")
		return sink.Writer(os.Stdout), nil
	})
	n, err := stream.Run(ctx, source.Of([]byte("bytes\n")), today)
	fmt.Println(n, err)
	// Output:
	// this run begins
	// bytes
	// 6 <nil>
}

func ExampleLazy() {
	byKind := sink.Lazy(func(_ context.Context, first string) (stream.Sink[string, []string], error) {
		fmt.Println("a sink for", first)
		return sink.Slice[string](), nil
	})
	fmt.Println(stream.Run(ctx, source.Of("pears", "apples"), byKind))
	fmt.Println(stream.Run(ctx, source.Empty[string](), byKind))
	// Output:
	// a sink for pears
	// [pears apples] <nil>
	// [] <nil>
}

func ExampleCancelled() {
	_, err := stream.Run(ctx, source.Repeat("not even once"), sink.Cancelled[string]())
	fmt.Println(err)
	// Output: <nil>
}

func ExampleNever() {
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, err := stream.Run(ctx, source.Of("it waits"), sink.Never[string]())
	fmt.Println(err)
	// Output: context deadline exceeded
}

func ExampleWriter() {
	fmt.Println(stream.Run(ctx, source.Of([]byte("to a writer\n")), sink.Writer(os.Stdout)))
	// Output:
	// to a writer
	// 12 <nil>
}

// A writer with a buffer must be flushed before it is closed.
func ExampleCreate() {
	log := sink.Create(func(context.Context) (io.WriteCloser, error) {
		return flushing{bufio.NewWriter(os.Stdout)}, nil
	})
	fmt.Println(stream.Run(ctx, source.Of([]byte("one\n"), []byte("two\n")), log))
	// Output:
	// one
	// two
	// 8 <nil>
}

type flushing struct{ *bufio.Writer }

func (w flushing) Close() error { return w.Flush() }

func ExampleFile() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "report")

	fmt.Println(stream.Run(ctx, source.Reader(strings.NewReader("all of it")), sink.File(name, nil)))
	stored, err := os.ReadFile(name)
	fmt.Printf("%s %v\n", stored, err)
	// Output:
	// 9 <nil>
	// all of it <nil>
}
