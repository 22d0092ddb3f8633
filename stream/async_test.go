package stream_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func pause(d time.Duration) stream.Flow[int, int] {
	return stream.TryMap(func(ctx context.Context, n int) (int, error) {
		select {
		case <-time.After(d):
			return n, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	})
}

// The upstream and the downstream of an Async overlap. Without it, their times would add up.
func TestAsyncOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		body := stream.Via3(count(10), pause(time.Second), stream.Async[int](1), pause(time.Second))
		n, err := stream.Run(t.Context(), body, sink.Discard[int]())
		if n != 10 || err != nil {
			t.Errorf("%d elements, %v", n, err)
		}
		if took := time.Since(began); took != 11*time.Second {
			t.Errorf("took %v, want 11s", took)
		}
	})
}

func TestAsyncRunsAheadNoFurtherThanSaid(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			emitted, taken := 0, 0
			src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				for i := range 100 {
					emitted++
					if err := emit(i); err != nil {
						return err
					}
				}
				return nil
			})
			_, err := stream.Run(t.Context(), stream.Via(src, stream.Async[int](n)),
				sink.ForEach(func(context.Context, int) error {
					time.Sleep(time.Second)
					synctest.Wait()
					taken++
					// in addition to those taken: n in the buffer, and one that waits to enter it
					if ahead := emitted - taken; ahead > n+1 {
						t.Errorf("Async(%d): %d elements ahead", n, ahead)
					}
					return nil
				}))
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A waiting downstream gets an element at once, even if no other element follows.
func TestAsyncHoldsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		body := stream.Via2(count(5), pause(time.Second), stream.Async[int](64))
		for n, err := range stream.All(t.Context(), body) {
			if want := time.Duration(n+1) * time.Second; err != nil || time.Since(began) != want {
				t.Errorf("element %d after %v, want %v; %v", n, time.Since(began), want, err)
			}
		}
	})
}

func TestAsyncKeepsOrderUnderLoad(t *testing.T) {
	for _, n := range []int{1, 2, 7, 64, 1000} {
		const total = 200_000
		next := 0
		body := stream.Via(count(total), stream.Async[int](n))
		got, err := stream.Run(t.Context(), body, sink.ForEach(func(_ context.Context, v int) error {
			if v != next {
				t.Fatalf("Async(%d): got %d, want %d", n, v, next)
			}
			if next++; next%1000 == 0 && rand.IntN(4) == 0 {
				runtime.Gosched()
			}
			return nil
		}))
		if got != total || err != nil {
			t.Errorf("Async(%d): %d elements, %v", n, got, err)
		}
	}
}

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

func TestAlsoTo(t *testing.T) {
	run := func(src stream.Source[int], side stream.Sink[int, []int],
		after ...stream.Flow[int, int],
	) (main, copied []int, err error) {
		body := stream.Via(src, stream.AlsoTo(side, func(xs []int) { copied = xs }))
		for _, f := range after {
			body = stream.Via(body, f)
		}
		main, err = stream.Run(t.Context(), body, sink.Slice[int]())
		return main, copied, err
	}
	t.Run("both get all", func(t *testing.T) {
		main, copied, err := run(count(100), sink.Slice[int]())
		if len(main) != 100 || !slices.Equal(main, copied) || err != nil {
			t.Errorf("%v, %v, %v", main, copied, err)
		}
	})
	t.Run("an early end completes the side with what passed", func(t *testing.T) {
		main, copied, err := run(count(100), sink.Slice[int](), stream.Take[int](7))
		if len(main) != 7 || !slices.Equal(main, copied) || err != nil {
			t.Errorf("%v, %v, %v", main, copied, err)
		}
	})
	t.Run("an early end of the side leaves the run alone", func(t *testing.T) {
		main, copied, err := run(count(100), stream.Into(stream.Take[int](3), sink.Slice[int]()))
		if len(main) != 100 || len(copied) != 3 || err != nil {
			t.Errorf("%v, %v, %v", main, copied, err)
		}
	})
	t.Run("a failing side fails the run", func(t *testing.T) {
		side := stream.Into(stream.TryMap(func(_ context.Context, n int) (int, error) {
			if n == 5 {
				return 0, errBoom
			}
			return n, nil
		}), sink.Slice[int]())
		_, copied, err := run(count(1000), side)
		if !errors.Is(err, errBoom) || copied != nil {
			t.Errorf("%v, %v", copied, err)
		}
	})
	t.Run("a failing run fails the side", func(t *testing.T) {
		var saw error
		side := stream.SinkFunc[int, []int](func(ctx context.Context, src stream.Source[int]) ([]int, error) {
			saw = src.Each(ctx, func(int) error { return nil })
			return nil, saw
		})
		_, copied, err := run(failing(errBoom, make([]int, 100)...), side)
		if err != errBoom || saw != errBoom || copied != nil {
			t.Errorf("the run ended with %v, the side with %v", err, saw)
		}
	})
	t.Run("the side fails at its end", func(t *testing.T) {
		side := stream.SinkFunc[int, []int](func(ctx context.Context, src stream.Source[int]) ([]int, error) {
			if err := src.Each(ctx, func(int) error { return nil }); err != nil {
				return nil, err
			}
			return nil, errBoom
		})
		if _, copied, err := run(count(3), side); err != errBoom || copied != nil {
			t.Errorf("the run ended with %v", err)
		}
	})
}

type doc []byte

func TestAlsoToCopiesByteSlices(t *testing.T) {
	src := stream.Via(count(3), stream.Map(func(n int) doc { return doc{byte(n), byte(n)} }))
	var copied []doc
	body := stream.Via(src, stream.AlsoTo(sink.Slice[doc](), func(docs []doc) { copied = docs }))
	_, err := stream.Run(t.Context(), body, sink.ForEach(func(_ context.Context, d doc) error { clear(d); return nil }))
	if err != nil || len(copied) != 3 || copied[2][1] != 2 {
		t.Errorf("the copy is %v, %v", copied, err)
	}
}

func TestMonitor(t *testing.T) {
	var s stream.Stats
	src := stream.Via(count(3), stream.Map(func(n int) doc { return make(doc, n) }))
	if _, err := stream.Run(t.Context(), stream.Via(src, stream.Monitor[doc](&s)), sink.Discard[doc]()); err != nil {
		t.Fatal(err)
	}
	if s.Elements() != 3 || s.Bytes() != 3 {
		t.Errorf("%d elements, %d bytes", s.Elements(), s.Bytes())
	}
	var ints, chunks stream.Stats
	body := stream.Via3(count(3), stream.Monitor[int](&ints),
		stream.Map(func(int) []byte { return []byte("ab") }), stream.Monitor[[]byte](&chunks))
	if _, err := stream.Run(t.Context(), body, sink.Discard[[]byte]()); err != nil {
		t.Fatal(err)
	}
	if ints.Elements() != 3 || ints.Bytes() != 0 || chunks.Elements() != 3 || chunks.Bytes() != 6 {
		t.Errorf("%d, %d; %d, %d", ints.Elements(), ints.Bytes(), chunks.Elements(), chunks.Bytes())
	}
}
