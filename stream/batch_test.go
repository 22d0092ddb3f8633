package stream_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func TestBatch(t *testing.T) {
	size := func(n int) int { return n }
	tests := []struct {
		name string
		n    int // elements 0..n-1
		flow stream.Flow[int, []int]
		want [][]int
	}{
		{"none", 0, stream.Batch[int](3), nil},
		{"fewer than a batch", 2, stream.Batch[int](3), [][]int{{0, 1}}},
		{"one batch", 3, stream.Batch[int](3), [][]int{{0, 1, 2}}},
		{"one more", 4, stream.Batch[int](3), [][]int{{0, 1, 2}, {3}}},
		{"two batches", 6, stream.Batch[int](3), [][]int{{0, 1, 2}, {3, 4, 5}}},
		{"of one", 2, stream.Batch[int](1), [][]int{{0}, {1}}},
		{"bytes: none", 0, stream.BatchBytes(6, size), nil},
		{
			"bytes: full, and larger than the limit", 8, stream.BatchBytes(6, size),
			[][]int{{0, 1, 2, 3}, {4}, {5}, {6}, {7}},
		},
		{"bytes: before it would be too large", 5, stream.BatchBytes(8, size), [][]int{{0, 1, 2, 3}, {4}}},
		{"within: full before the time", 7, stream.BatchWithin[int](3, time.Hour), [][]int{{0, 1, 2}, {3, 4, 5}, {6}}},
		{
			"bytes within: full before the time", 5, stream.BatchBytesWithin(8, time.Hour, size),
			[][]int{{0, 1, 2, 3}, {4}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := stream.Run(t.Context(), stream.Via(count(tt.n), tt.flow), sink.Slice[[]int]())
			if err != nil || !slices.EqualFunc(got, tt.want, slices.Equal[[]int]) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

// An upstream that fails ends the run at once, also while the run waits for its first bytes.
func TestBatchBytesWithinFailsWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := stream.WithBudget(t.Context(), stream.NewBudget(10))
		var all sync.WaitGroup
		full, end := make(chan struct{}), make(chan struct{})
		all.Go(func() {
			hold := func(int) int { close(full); <-end; return 0 }
			src := stream.Via2(count(1), needing(stream.Need{Stage: "full", Min: 10}), stream.Map(hold))
			_, _ = stream.Run(ctx, src, sink.Discard[int]())
		})
		<-full
		src := stream.Concat(count(1), stream.Fail[int](errBoom))
		_, err := stream.Run(ctx, stream.Via(src, stream.BatchBytesWithin(10, time.Hour, func(int) int { return 1 })),
			sink.Discard[[]int]())
		if !errors.Is(err, errBoom) {
			t.Error(err)
		}
		close(end)
		all.Wait()
	})
}

// With its first element, a batch by bytes takes the memory of a full batch, or of the element if
// that is larger. It gives the memory back before the downstream gets the batch.
func TestBatchBytesTakesFromTheBudget(t *testing.T) {
	const most, large = 10, 25
	size := func(n int) int { return n }
	for name, flow := range map[string]stream.Flow[int, []int]{
		"BatchBytes":       stream.BatchBytes(most, size),
		"BatchBytesWithin": stream.BatchBytesWithin(most, time.Hour, size),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := stream.NewBudget(100)
				ctx := stream.WithBudget(t.Context(), b)
				used := func(want int64) {
					t.Helper()
					synctest.Wait()
					if got := b.Used(); got != want {
						t.Errorf("%d bytes are held, want %d", got, want)
					}
				}
				src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
					used(0)
					for _, n := range []int{1, 9, large, 3} {
						if err := emit(n); err != nil {
							return err
						}
						held := map[int]int64{1: most, 3: most}
						used(held[n]) // 9 and large end a batch
					}
					return nil
				})
				var got [][]int
				err := stream.Via(src, flow).Each(ctx, func(ns []int) error {
					if b.Used() != 0 {
						t.Errorf("%d bytes are held for a batch that was emitted", b.Used())
					}
					got = append(got, ns)
					if len(got) == 3 {
						return errBoom
					}
					return nil
				})
				if err != errBoom || len(got) != 3 {
					t.Errorf("%v, %v", got, err)
				}
				used(0)
			})
		})
	}
}

// A batch that holds an element when the run fails gives its memory back.
func TestBatchBytesGivesBackAnIncompleteBatch(t *testing.T) {
	b := stream.NewBudget(100)
	src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
		if err := emit(1); err != nil {
			return err
		}
		return errBoom
	})
	for _, flow := range []stream.Flow[int, []int]{
		stream.BatchBytes(10, func(n int) int { return n }),
		stream.BatchBytesWithin(10, time.Hour, func(n int) int { return n }),
	} {
		err := stream.Via(src, flow).Each(stream.WithBudget(t.Context(), b), func([]int) error { return nil })
		if err != errBoom || b.Used() != 0 {
			t.Errorf("%v, %d bytes are held", err, b.Used())
		}
	}
}

func TestBatchWithinEmitsWhatItHasInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		var got [][]int
		body := stream.Via2(count(7), pause(time.Second), stream.BatchWithin[int](100, 2500*time.Millisecond))
		for xs, err := range stream.All(t.Context(), body) {
			if err != nil {
				t.Fatal(err)
			}
			got, at = append(got, xs), append(at, time.Since(began))
		}
		// The first elements of the batches come at 1s, 4s and 7s; the source ends with the last.
		if want := [][]int{{0, 1, 2}, {3, 4, 5}, {6}}; !slices.EqualFunc(got, want, slices.Equal[[]int]) {
			t.Errorf("got %v, want %v", got, want)
		}
		if want := []time.Duration{
			3500 * time.Millisecond, 6500 * time.Millisecond,
			7 * time.Second,
		}; !slices.Equal(at, want) {
			t.Errorf("at %v, want %v", at, want)
		}
	})
}
