package source_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// show prints the elements of src, and its error.
func show[T any](src stream.Source[T]) {
	for v, err := range stream.All(context.Background(), src) {
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println(v)
	}
}

func ExampleSlice() {
	show(source.Slice([]string{"ann", "bob"}))
	// Output:
	// ann
	// bob
}

func ExampleOf() {
	show(source.Of(1, 2))
	// Output:
	// 1
	// 2
}

func ExampleEmpty() {
	n, err := stream.Run(context.Background(), source.Empty[string](), sink.Discard[string]())
	fmt.Println(n, err)
	// Output: 0 <nil>
}

func ExampleSeq() {
	ages := map[string]int{"bob": 42}
	show(source.Seq(maps.Keys(ages)))
	// Output: bob
}

func ExampleSeq2() {
	decoder := json.NewDecoder(strings.NewReader(`1 2 x`))
	numbers := func(yield func(int, error) bool) {
		for decoder.More() {
			var n int
			err := decoder.Decode(&n)
			if !yield(n, err) {
				return
			}
		}
	}
	show(source.Seq2(numbers))
	// Output:
	// 1
	// 2
	// error: invalid character 'x' looking for beginning of value
}

func ExampleCycle() {
	servers := slices.Values([]string{"east", "west"})
	show(stream.Via(source.Cycle(servers), stream.Take[string](3)))
	// Output:
	// east
	// west
	// east
}

func ExampleRepeat() {
	show(stream.Via(source.Repeat("again"), stream.Take[string](2)))
	// Output:
	// again
	// again
}

func ExampleRange() {
	show(source.Range(0, 10, 4))
	show(source.Range(2, 0, -1))
	// Output:
	// 0
	// 4
	// 8
	// 2
	// 1
}

func ExampleFunc() {
	show(source.Func(func(context.Context) (int, error) { return 42, nil }))
	// Output: 42
}

func ExampleDefer() {
	show(source.Defer(func(context.Context) (stream.Source[string], error) {
		fmt.Println("looking for it")
		return source.Of("here"), nil
	}))
	// Output:
	// looking for it
	// here
}

func ExampleNever() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := stream.Run(ctx, source.Never[int](), sink.Discard[int]())
	fmt.Println(err)
	// Output: context deadline exceeded
}

func ExampleTick() {
	beats := stream.Via(source.Tick(time.Millisecond), stream.Take[time.Time](3))
	n, err := stream.Run(context.Background(), beats, sink.Discard[time.Time]())
	fmt.Println(n, err)
	// Output: 3 <nil>
}

// Each page of the listing names the next one.
func ExampleUnfold() {
	type page struct {
		items []string
		next  string
	}
	pages := map[string]page{"": {[]string{"a", "b"}, "token"}, "token": {[]string{"c"}, "end"}}
	show(source.Unfold("", func(_ context.Context, token string) (string, []string, bool, error) {
		page, ok := pages[token]
		return page.next, page.items, ok, nil
	}))
	// Output:
	// [a b]
	// [c]
}

// cursor reads rows, as the cursor of a database does.
type cursor struct{ rows []string }

func (c *cursor) Next(context.Context) (row string, ok bool, err error) {
	if len(c.rows) == 0 {
		return "", false, nil
	}
	row, c.rows = c.rows[0], c.rows[1:]
	return row, true, nil
}

func (c *cursor) Close(context.Context) error {
	fmt.Println("closed")
	return nil
}

func ExampleResource() {
	open := func(context.Context) (*cursor, error) { return &cursor{rows: []string{"a", "b"}}, nil }
	show(source.Resource(open, (*cursor).Next, (*cursor).Close))
	// Output:
	// a
	// b
	// closed
}

func ExampleStdin() {
	input, shell, err := os.Pipe() // a shell does this: printf 'one\ntwo\n' | program
	if err != nil {
		panic(err)
	}
	os.Stdin = input
	_, _ = shell.WriteString("one\ntwo\n")
	_ = shell.Close()

	show(stream.Via(source.Stdin(), stream.Map(func(chunk []byte) string { return string(chunk) })))
	// Output:
	// one
	// two
}

func ExampleChan() {
	ch := make(chan int)
	go func() {
		defer close(ch)
		for i := range 3 {
			ch <- i
		}
	}()
	show(source.Chan(ch))
	// Output:
	// 0
	// 1
	// 2
}

func ExampleNewQueue() {
	q := source.NewQueue[string](10)
	go func() {
		for _, event := range []string{"created", "changed"} {
			if err := q.Offer(context.Background(), event); err != nil {
				return // the run has ended
			}
		}
		q.Complete()
	}()
	show(q)
	// Output:
	// created
	// changed
}

func ExampleQueue_TryOffer() {
	q := source.NewQueue[int](1)
	for i := range 2 {
		taken, err := q.TryOffer(i)
		fmt.Println(taken, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleQueue_Fail() {
	q := source.NewQueue[int](1)
	q.Fail(errors.New("the subscription was lost"))
	show(q)
	// Output: error: the subscription was lost
}

func ExamplePipe() {
	src, w := source.Pipe()
	go func() {
		_, err := fmt.Fprintf(w, "%d documents", 3)
		_ = w.CloseWithError(err)
	}()
	_, err := stream.Run(context.Background(), src, sink.Writer(os.Stdout))
	fmt.Println("", err)
	// Output: 3 documents <nil>
}

func ExampleReader() {
	_, err := stream.Run(context.Background(), source.Reader(strings.NewReader("some bytes")), sink.Writer(os.Stdout))
	fmt.Println("", err)
	// Output: some bytes <nil>
}

func ExampleOpen() {
	src := source.Open(func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("fresh for every run")), nil
	})
	for range 2 {
		_, err := stream.Run(context.Background(), src, sink.Writer(os.Stdout))
		fmt.Println("", err)
	}
	// Output:
	// fresh for every run <nil>
	// fresh for every run <nil>
}

func ExampleFile() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "digits")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	_, err = stream.Run(context.Background(), source.File(name, &source.FileOptions{Offset: 4}), sink.Writer(os.Stdout))
	fmt.Println("", err)
	// Output: 456789 <nil>
}
