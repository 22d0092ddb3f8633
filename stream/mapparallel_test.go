package stream_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func TestMapParallelKeepsOrderAndOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		body := stream.Via(count(12), stream.MapParallel(4, func(_ context.Context, n int) (int, error) {
			time.Sleep(time.Duration(4-n%4) * time.Second) // later elements are done first
			return n * n, nil
		}))
		got, err := stream.Run(t.Context(), body, sink.Slice[int]())
		if want := []int{0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121}; !slices.Equal(got, want) || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
		if took := time.Since(began); took > 14*time.Second {
			t.Errorf("took %v; in turn it is 30s, by four workers at most 14s", took)
		}
	})
}

// An element goes to a worker at once, even if no other element follows.
func TestMapParallelHoldsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		body := stream.Via2(count(5), pause(time.Second),
			stream.MapParallel(2, func(_ context.Context, n int) (int, error) { return n, nil }))
		for n, err := range stream.All(t.Context(), body) {
			if want := time.Duration(n+1) * time.Second; err != nil || time.Since(began) != want {
				t.Errorf("element %d after %v, want %v; %v", n, time.Since(began), want, err)
			}
		}
	})
}

func TestMapParallelUnderLoad(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 8} {
		const total = 100_000
		next := 0
		body := stream.Via(count(total), stream.MapParallel(workers, func(_ context.Context, n int) (int, error) {
			if n%1009 == 0 {
				time.Sleep(10 * time.Microsecond)
			}
			return n * 2, nil
		}))
		got, err := stream.Run(t.Context(), body, sink.ForEach(func(_ context.Context, v int) error {
			if v != 2*next {
				t.Fatalf("MapParallel(%d): got %d, want %d", workers, v, 2*next)
			}
			next++
			return nil
		}))
		if got != total || err != nil {
			t.Errorf("MapParallel(%d): %d elements, %v", workers, got, err)
		}
	}
}

func TestMapParallelFirstErrorCancelsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := stream.Via(count(100), stream.MapParallel(4, func(ctx context.Context, n int) (int, error) {
			if n == 2 {
				return 0, errBoom
			}
			<-ctx.Done()
			return 0, context.Cause(ctx)
		}))
		if _, err := stream.Run(t.Context(), body, sink.Discard[int]()); err != errBoom {
			t.Errorf("got %v", err)
		}
	})
}

func TestMapParallelNeverCallsMoreThanNAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := make(chan struct{}, 3) // the limit
		body := stream.Via(count(50), stream.MapParallel(3, func(_ context.Context, n int) (int, error) {
			select {
			case calls <- struct{}{}:
			default:
				t.Error("a fourth call at once")
			}
			time.Sleep(time.Second)
			<-calls
			return n, nil
		}))
		if n, err := stream.Run(t.Context(), body, sink.Discard[int]()); n != 50 || err != nil {
			t.Errorf("%d elements, %v", n, err)
		}
	})
}
