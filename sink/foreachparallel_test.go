package sink_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/internal/apart"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// ForEachParallel makes n calls at once, never more, and calls f for every element.
func TestForEachParallel(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			var now, most, calls atomic.Int32
			began := time.Now()
			got, err := stream.Run(t.Context(), source.Range(0, 3*n+1, 1),
				sink.ForEachParallel(n, func(context.Context, int) error {
					calls.Add(1)
					for k := now.Add(1); k > most.Load(); {
						most.Store(k)
					}
					time.Sleep(time.Second)
					now.Add(-1)
					return nil
				}))
			if err != nil || int(got) != 3*n+1 || int(calls.Load()) != 3*n+1 || int(most.Load()) != n ||
				time.Since(began) != 4*time.Second {
				t.Errorf("n = %d: %d taken, %d calls, %d at once, %v, %v", n, got, calls.Load(), most.Load(),
					time.Since(began), err)
			}
		})
	}
}

// With cheap calls, workers take many elements at a time, and still call f once for each element.
func TestForEachParallelCheap(t *testing.T) {
	const elements = 200_000
	seen := make([]atomic.Int32, elements)
	n, err := stream.Run(t.Context(), source.Range(0, elements, 1),
		sink.ForEachParallel(4, func(_ context.Context, i int) error {
			seen[i].Add(1)
			return nil
		}))
	if n != elements || err != nil {
		t.Error(n, err)
	}
	for i := range seen {
		if k := seen[i].Load(); k != 1 {
			t.Fatalf("element %d: %d calls", i, k)
		}
	}
}

// The first error cancels the other calls and the upstream, and is the error of the run.
func TestForEachParallelError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := stream.Run(t.Context(), source.Range(0, math.MaxInt, 1),
			sink.ForEachParallel(3, func(ctx context.Context, i int) error {
				if i == 7 {
					return errTest
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Duration(i) * time.Millisecond):
					return nil
				}
			}))
		if err != errTest || n < 5 || n > 9 {
			t.Error(n, err)
		}
	})
}

// If a cancellation comes after the upstream has completed, but before its calls have, the run is
// not complete.
func TestForEachParallelCancelledAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(errTest) })
		n, err := stream.Run(ctx, source.Range(0, 4, 1), sink.ForEachParallel(2, func(context.Context, int) error {
			time.Sleep(time.Second)
			return nil
		}))
		if err != errTest || n < 2 {
			t.Error(n, err)
		}
	})
}

// An element does not wait for others while a worker is free.
func TestForEachParallelHoldsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int)
		called := make(chan int)
		go func() {
			_, err := stream.Run(t.Context(), source.Chan(ch),
				sink.ForEachParallel(3, func(_ context.Context, i int) error {
					called <- i
					return nil
				}))
			if err != nil {
				t.Error(err)
			}
			close(called)
		}()
		for i := range 1000 {
			ch <- i
			if got := <-called; got != i {
				t.Fatal(got)
			}
		}
		close(ch)
		<-called
	})
}

// A panic or Goexit of a call leaves the run after the other calls have ended.
func TestForEachParallelBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, goexit := range []bool{false, true} {
			ended := false
			returned := false
			err := apart.Run(func() error {
				_, err := stream.Run(t.Context(), source.Of(0, 1),
					sink.ForEachParallel(2, func(ctx context.Context, i int) error {
						if i == 1 {
							<-ctx.Done()
							time.Sleep(time.Second)
							ended = true
							return ctx.Err()
						}
						time.Sleep(time.Second)
						if goexit {
							runtime.Goexit()
						}
						panic(errTest)
					}))
				returned = true
				return err
			})
			var p *stream.PanicError
			if !ended || returned || !goexit && (!errors.As(err, &p) || !errors.Is(err, errTest)) {
				t.Error(goexit, ended, returned, err)
			}
		}
	})
}
