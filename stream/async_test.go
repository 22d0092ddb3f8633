package stream_test

import (
	"context"
	"math/rand/v2"
	"runtime"
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
		stream.Map(func(int) []byte { return []byte("ab") }), stream.MonitorBytes(&chunks))
	if _, err := stream.Run(t.Context(), body, sink.Discard[[]byte]()); err != nil {
		t.Fatal(err)
	}
	if ints.Elements() != 3 || ints.Bytes() != 0 || chunks.Elements() != 3 || chunks.Bytes() != 6 {
		t.Errorf("%d, %d; %d, %d", ints.Elements(), ints.Bytes(), chunks.Elements(), chunks.Bytes())
	}
}
