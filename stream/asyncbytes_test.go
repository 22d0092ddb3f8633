package stream_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

const slot = 3 * strconv.IntSize / 8 // the size of a slice header

func chunks(n, size int) stream.Source[[]byte] {
	return stream.Via(count(n), stream.Map(func(i int) []byte { return slices.Repeat([]byte{byte(i)}, size) }))
}

func TestAsyncBytesRunsAheadNoFurtherThanSaid(t *testing.T) {
	const element = 100 + slot
	for _, tt := range []struct {
		max    int
		budget int64 // 0 means none
		ahead  int   // elements between, excluding one in the downstream and one that waits to enter
	}{
		{10 * element, 0, 10},
		{10*element - 1, 0, 9},
		{1, 0, 1},
		{10 * element, 10 * element, 10},
		{1, 1, 1},
		{1000 * element, 1000 * element, 49}, // all that there is
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, used := t.Context(), func() int64 { return 0 }
			if tt.budget > 0 {
				b := stream.NewBudget(tt.budget)
				ctx, used = stream.WithBudget(ctx, b), b.Used
			}
			sent := 0
			src := stream.Via(chunks(50, 100), stream.Map(func(p []byte) []byte { sent++; return p }))
			taken := 0
			_, err := stream.Run(ctx, stream.Via(src, stream.AsyncBytes(tt.max, stream.ByteLen[[]byte])),
				sink.ForEach(func(_ context.Context, p []byte) error {
					time.Sleep(time.Second)
					synctest.Wait()
					if p[0] != byte(taken) {
						t.Errorf("element %d is %d", taken, p[0])
					}
					taken++
					if want := min(50, taken+tt.ahead+1); sent != want {
						t.Errorf("%d were sent when %d were taken, want %d", sent, taken, want)
					}
					if most := max(int64(tt.max), element); used() > most {
						t.Errorf("%d bytes are held, more than %d", used(), most)
					}
					return nil
				}))
			if err != nil || taken != 50 || used() != 0 {
				t.Errorf("%v after %d elements, %d bytes are held", err, taken, used())
			}
		})
	}
}

// A budget that other runs have used up leaves an AsyncBytes its minimum of 64 KiB.
func TestAsyncBytesWithTheRestOfABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const chunk, budget = 8<<10 - slot, 256 << 10
		b := stream.NewBudget(budget)
		ctx := stream.WithBudget(t.Context(), b)
		other := stream.OpenAccount(stream.WithReservation(ctx), stream.Need{Min: budget - 96<<10})
		if !other.TryAcquire(1) {
			t.Fatal("the budget has no room")
		}
		sent, taken := 0, 0
		src := stream.Via(chunks(100, chunk), stream.Map(func(p []byte) []byte { sent++; return p }))
		_, err := stream.Run(ctx, stream.Via(src, stream.AsyncBytes(budget, stream.ByteLen[[]byte])),
			sink.ForEach(func(context.Context, []byte) error {
				synctest.Wait()
				taken++
				if taken == 50 {
					other.Close()
					synctest.Wait()
				}
				ahead := 12 // 96 KiB
				if taken >= 50 {
					ahead = 32 // 256 KiB
				}
				if want := min(100, taken+ahead+1); sent != want {
					t.Errorf("%d were sent when %d were taken, want %d", sent, taken, want)
				}
				return nil
			}))
		if err != nil || b.Used() != 0 {
			t.Errorf("%v, %d bytes are held", err, b.Used())
		}
	})
}

// A run gives back everything that it holds, however it ends.
func TestAsyncBytesGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBudget(1000)
		ctx := stream.WithBudget(t.Context(), b)
		flow := stream.AsyncBytes(1000, stream.ByteLen[[]byte])
		slow := func(f func(i int) error) error {
			i := 0
			return stream.Via(chunks(20, 100), flow).Each(ctx, func([]byte) error {
				synctest.Wait()
				i++
				return f(i)
			})
		}
		if err := slow(func(int) error { return errBoom }); err != errBoom || b.Used() != 0 {
			t.Errorf("%v, %d bytes are held", err, b.Used())
		}
		_, err := stream.Run(ctx, chunks(20, 100), stream.Into(stream.Then(flow, stream.Take[[]byte](2)),
			sink.Discard[[]byte]()))
		if err != nil || b.Used() != 0 {
			t.Errorf("%v, %d bytes are held", err, b.Used())
		}
		func() {
			defer func() { _ = recover() }()
			_ = slow(func(int) error { panic("ouch") })
		}()
		if b.Used() != 0 {
			t.Errorf("%d bytes are held after a panic", b.Used())
		}
	})
}

// An element without bytes weighs one byte, so that the number of elements is bounded.
func TestAsyncBytesWeighsNothingAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := stream.AsyncBytes(3, func(struct{}) int { return -1 })
		sent, taken := 0, 0
		src := stream.Via(count(10), stream.Map(func(int) struct{} { sent++; return struct{}{} }))
		_, err := stream.Run(t.Context(), stream.Via(src, flow), sink.ForEach(func(context.Context, struct{}) error {
			synctest.Wait()
			taken++
			if want := min(10, taken+3+1); sent != want {
				t.Errorf("%d were sent when %d were taken, want %d", sent, taken, want)
			}
			return nil
		}))
		if taken != 10 || err != nil {
			t.Errorf("%d, %v", taken, err)
		}
	})
}

func ExampleAsyncBytes() {
	chunks := stream.Via(source.Of([]byte("ab"), []byte("cde")), stream.AsyncBytes(1<<20, stream.ByteLen[[]byte]))
	for p, err := range stream.All(context.Background(), chunks) {
		fmt.Printf("%s %v\n", p, err)
	}
	// Output:
	// ab <nil>
	// cde <nil>
}
