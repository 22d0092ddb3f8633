package streamtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// show prints what src emits, and how it ends.
func show(ctx context.Context, src stream.Source[int]) {
	for v, err := range stream.All(ctx, src) {
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println(v)
	}
	fmt.Println("complete")
}

func ExampleFailAt() {
	show(context.Background(), stream.Via(numbers(5), streamtest.FailAt[int](2, errors.New("connection reset"))))
	// Output:
	// 0
	// 1
	// error: connection reset
}

func ExamplePanicAt() {
	defer func() { fmt.Println("panic:", recover().(*stream.PanicError).Value) }()
	show(context.Background(), stream.Via(numbers(5), streamtest.PanicAt[int](2, "index out of range")))
	// Output:
	// 0
	// 1
	// panic: index out of range
}

func ExampleShort() {
	show(context.Background(), stream.Via(numbers(5), streamtest.Short[int](2)))
	// Output:
	// 0
	// 1
	// complete
}

func ExampleStall() {
	ctx, cancel := context.WithCancelCause(context.Background())
	silence := func() { cancel(errors.New("no news for a while")) }
	watch := stream.Map(func(v int) int {
		if v == 1 { // the last element
			time.AfterFunc(time.Millisecond, silence)
		}
		return v
	})
	show(ctx, stream.Via2(numbers(5), streamtest.Stall[int](2), watch))
	// Output:
	// 0
	// 1
	// error: no news for a while
}

func ExampleSlow() {
	start := time.Now()
	show(context.Background(), stream.Via(numbers(2), streamtest.Slow[int](time.Millisecond)))
	fmt.Println(time.Since(start) >= 2*time.Millisecond)
	// Output:
	// 0
	// 1
	// complete
	// true
}

func ExampleTestSource() {
	_ = func(t *testing.T) { // in a test function
		streamtest.TestSource(t, streamtest.Source[int]{
			New: numbers, // func(n int) stream.Source[int]
			Want: func(t *testing.T, n int, out []int) {
				if len(out) != n {
					t.Errorf("%d elements, want %d", len(out), n)
				}
			},
		})
	}
}

func ExampleTestFlow() {
	_ = func(t *testing.T) { // in a test function
		streamtest.TestFlow(t, streamtest.Flow[int, int]{
			New: func() stream.Flow[int, int] { return double() },
			Want: func(t *testing.T, in, out []int) {
				for i := range in {
					if out[i] != 2*in[i] {
						t.Errorf("element %d is %d, want %d", i, out[i], 2*in[i])
					}
				}
			},
			ReadAhead: 1,
		})
	}
}

func ExampleTestSink() {
	_ = func(t *testing.T) { // in a test function
		var store *drawer
		streamtest.TestSink(t, streamtest.Sink[int, int]{
			New: func() stream.Sink[int, int] {
				store = new(drawer)
				return store.put()
			},
			Published: func() bool { return store.full() },
		})
	}
}

// This tests both sides of a flow that runs ahead of its downstream. The hours pass on the bubble's
// clock.
func ExampleProbeSource() {
	_ = func(t *testing.T) { // in a test function
		synctest.Test(t, func(t *testing.T) {
			up, down := streamtest.ProbeSource[int](t), streamtest.ProbeSink[int](t)
			down.Start(t.Context(), stream.Via(up, ahead[int](2)))
			up.Send(1, 2, 3)               // two wait in the flow, and one before the sink
			up.ExpectBlocked(4, time.Hour) // backpressure
			down.ExpectNext(1)
			if err := up.ExpectReleased(); err != nil {
				t.Error(err)
			}
			up.Fail(errors.New("connection reset"))
		})
	}
}

// A sink that needs no more elements stops the source.
func ExampleProbeSink() {
	_ = func(t *testing.T) { // in a test function
		synctest.Test(t, func(t *testing.T) {
			down := streamtest.ProbeSink[int](t)
			down.Start(t.Context(), stream.Via(numbers(100), ahead[int](2)))
			down.ExpectNext(0, 1)
			down.Stop()
			down.ExpectComplete()
		})
	}
}
