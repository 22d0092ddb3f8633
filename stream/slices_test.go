package stream_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Slices of elements pass through stages with goroutines completely and in order. No stage reads
// further ahead than documented, even if a goroutine is sometimes late.
func TestSlicesUnderLoad(t *testing.T) {
	numbers := make([]int, 50_000)
	for i := range numbers {
		numbers[i] = i
	}
	late := func() {
		if rand.IntN(50) == 0 {
			runtime.Gosched()
		}
	}
	for name, flow := range map[string]stream.Flow[int, int]{
		"one ahead":   stream.Async[int](1),
		"seven ahead": stream.Async[int](7),
		"64 ahead":    stream.Async[int](64),
		"twice":       stream.Then(stream.Async[int](3), stream.Async[int](64)),
		"MapParallel": stream.MapParallel(3, func(_ context.Context, n int) (int, error) {
			late()
			return n, nil
		}),
		"MapParallel and Async": stream.Then(stream.MapParallel(2, func(_ context.Context, n int) (int, error) {
			return n, nil
		}), stream.Async[int](5)),
		"Broadcast": stream.Broadcast(stream.Filter(func(n int) bool { return n%2 == 0 }),
			stream.Filter(func(n int) bool { late(); return n%2 == 1 })),
	} {
		src, ok := stream.Via(source.Slice(numbers), flow).(stream.SliceSource[int])
		if !ok {
			t.Fatalf("%s does not hand on slices", name)
		}
		var got []int
		err := src.EachSlice(t.Context(), func(vs []int) error {
			got = append(got, vs...)
			late()
			return nil
		})
		if name == "Broadcast" {
			slices.Sort(got)
		}
		if err != nil || !slices.Equal(got, numbers) {
			t.Errorf("%s: %d elements, %v", name, len(got), err)
		}
	}
}

// Branches that wait for each other at every element get each element, even if many arrive
// together.
func TestBroadcastOfSlicesKeepsBranchesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meet := make(chan int)
		first := stream.TryMap(func(ctx context.Context, n int) (int, error) {
			select {
			case meet <- n:
				return n, nil
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
		})
		second := stream.TryMap(func(_ context.Context, n int) (int, error) {
			if m := <-meet; m != n {
				t.Errorf("element %d meets element %d", n, m)
			}
			return n, nil
		})
		for _, branches := range [][]stream.Flow[int, int]{{first, second}, {second, first}} {
			got, err := stream.Run(t.Context(), stream.Via(source.Slice(make([]int, 1000)),
				stream.Broadcast(branches...)), sink.Discard[int]())
			if got != 2000 || err != nil {
				t.Errorf("%d elements, %v", got, err)
			}
		}
	})
}

// A quick branch gets its elements as soon as the slow one has room for them, not for the whole
// slice.
func TestBroadcastOfSlicesWaitsForRoomOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = 64
		began := time.Now()
		arrived := 0
		quick := stream.Map(func(n int) int {
			// The slow branch takes an element a second. A waiting producer wakes once half of the
			// ring is empty.
			if late := time.Since(began) - time.Duration(max(0, arrived-ahead/2+1))*time.Second; late > 0 {
				t.Errorf("element %d comes %v late", arrived, late)
			}
			arrived++
			return n
		})
		flow := stream.Broadcast(pause(time.Second), quick)
		if n, err := stream.Run(t.Context(), stream.Via(source.Slice(make([]int, 10*ahead)), flow),
			sink.Discard[int]()); n != 20*ahead || err != nil {
			t.Errorf("%d elements, %v", n, err)
		}
	})
}

// A stage that does more with a slice than copy it sees a cancellation in the middle of the slice.
func TestCancelInsideASlice(t *testing.T) {
	boom := errors.New("cancelled")
	for name, run := range map[string]func(ctx context.Context, src stream.Source[int], seen func()) error{
		"Fold": func(ctx context.Context, src stream.Source[int], seen func()) error {
			_, err := stream.Run(ctx, src, sink.Fold(0, func(int, int) int { seen(); return 0 }))
			return err
		},
		"Batch": func(ctx context.Context, src stream.Source[int], seen func()) error {
			return stream.Via(src, stream.Batch[int](1)).Each(ctx, func([]int) error { seen(); return nil })
		},
		"each": func(ctx context.Context, src stream.Source[int], seen func()) error {
			return src.Each(ctx, func(int) error { seen(); return nil })
		},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		n := 0
		err := run(ctx, source.Slice(make([]int, 1000)), func() {
			if n++; n == 10 {
				cancel(boom)
			}
		})
		if n != 10 || !errors.Is(err, boom) {
			t.Errorf("%s: %d elements, of which the tenth cancelled; %v", name, n, err)
		}
	}
}

// A stage does not keep slices that it has passed on.
func TestLentSlicesAreForgotten(t *testing.T) {
	type big [1 << 10]byte
	const n = 8
	var mu sync.Mutex
	var made []weak.Pointer[big]
	all, release := make(chan struct{}), make(chan struct{})
	src := stream.SourceFunc[*big](func(_ context.Context, emit func(*big) error) error {
		for range n {
			b := new(big)
			mu.Lock()
			made = append(made, weak.Make(b))
			mu.Unlock()
			if err := emit(b); err != nil {
				return err
			}
		}
		<-release // the run goes on
		return nil
	})
	go func() {
		defer close(release)
		<-all
		for range 50 {
			runtime.GC()
			left := 0
			mu.Lock()
			for _, p := range made {
				if p.Value() != nil {
					left++
				}
			}
			mu.Unlock()
			if left == 0 {
				return
			}
		}
		t.Error("elements that were handed on are still kept")
	}()
	taken := 0
	err := stream.Via(src, stream.Async[*big](n)).(stream.SliceSource[*big]).EachSlice(t.Context(),
		func(bs []*big) error {
			if taken += len(bs); taken == n {
				close(all)
			}
			return nil
		})
	if taken != n || err != nil {
		t.Errorf("%d elements, %v", taken, err)
	}
}
