package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// boundary is a flow that passes elements to another goroutine or holds elements.
type boundary[T any] struct {
	flow stream.Flow[T, T]
	most int // elements held when the downstream is slow, including those in flight on either side
}

func boundaries[T any](bytes int, size func(T) int) map[string]boundary[T] {
	same := stream.Map(func(v T) T { return v })
	try := func(_ context.Context, v T) (T, error) { return v, nil }
	one := func(T) int { return 0 }
	return map[string]boundary[T]{
		"Async":            {stream.Async[T](4), 4 + 2},
		"AsyncBytes":       {stream.AsyncBytes(bytes, size), 4 + 2},
		"MapParallel":      {stream.MapParallel(2, try), 2*2*64 + 65}, // quick functions run in chunks
		"MapUnordered":     {stream.MapUnordered(2, try), 2*2*64 + 65},
		"MapKeyed":         {stream.MapKeyed(3, 1, one, try), 3 + 1},
		"MergeMap":         {stream.MergeMap(1, func(v T) stream.Source[T] { return source.Of(v) }), 64 + 3},
		"Delay":            {stream.Delay[T](time.Millisecond), 16 + 3},
		"KeepAlive":        {stream.KeepAlive(time.Hour, func() (none T) { return none }), 16 + 2},
		"BatchWithin":      {unbatch(stream.BatchWithin[T](4, time.Hour)), 4 + 4 + 2},
		"BatchBytesWithin": {unbatch(stream.BatchBytesWithin(4, time.Hour, func(T) int { return 1 })), 4 + 16 + 2},
		"Broadcast":        {stream.Broadcast(same), 64 + 64 + 4},
		"Balance":          {stream.Balance(same), 1 + 64 + 4},
		"Partition":        {stream.Partition(one, same), 64 + 64 + 4},
		"GroupBy":          {stream.GroupBy(1, one, func(int) stream.Flow[T, T] { return same }, nil), 16 + 64 + 4},
		"MergePreferred": {stream.FlowFunc[T, T](
			func(src stream.Source[T]) stream.Source[T] { return stream.MergePreferred(src) }), 1 + 2},
		"Merge": {
			stream.FlowFunc[T, T](func(src stream.Source[T]) stream.Source[T] { return stream.Merge(src) }),
			64 + 2,
		},
		"AlsoTo":      {stream.AlsoTo(sink.Discard[T]()), 1},
		"RestartFlow": {stream.RestartFlow(4, same, func(T, T) bool { return true }, nil), 4 + 2},
		"LazyFlow": {stream.LazyFlow(func(context.Context, T) (stream.Flow[T, T], error) {
			return same, nil
		}), 1 + 1},
		"Until": {stream.Until[T](make(chan struct{})), 1},
	}
}

// A cancelled run never looks complete, even if there is room and elements wait: 10,000 times.
func TestCancelBesideReadySlot(t *testing.T) {
	flows := boundaries(64, func(int) int { return 8 })
	names := make([]string, 0, len(flows))
	for name := range flows {
		names = append(names, name)
	}
	slices.Sort(names)
	for seed := range uint64(10_000) {
		rng := rand.New(rand.NewPCG(seed, 6))
		name := names[rng.IntN(len(names))]
		n := 2 + rng.IntN(80)
		at := rng.IntN(n - 1) // not the last element, so nil would be a wrong result
		ctx, cancel := context.WithCancelCause(t.Context())
		var taken atomic.Int64
		_, err := stream.Run(ctx, stream.Via(count(n), flows[name].flow),
			sink.ForEach(func(context.Context, int) error {
				if taken.Add(1) == int64(at+1) {
					cancel(errBoom)
					if rng.IntN(2) == 0 {
						runtime.Gosched()
					}
				}
				return nil
			}))
		if !errors.Is(err, errBoom) {
			t.Fatalf("seed %d, %s: cancelled at %d of %d, it returned %v", seed, name, at, n, err)
		}
		cancel(nil)
	}
}

// With a slow consumer, no stage holds more elements than its comment says, however long the stream
// is.
func TestSlowConsumer(t *testing.T) {
	const chunk = 64 << 10
	all := func() map[string]boundary[[]byte] {
		return boundaries(4*(chunk+24), stream.ByteLen[[]byte])
	}
	for name := range all() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := all()[name] // made in the bubble
				var emitted, taken, most int64
				src := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
					for range 2000 {
						emitted++
						if err := emit(make([]byte, chunk)); err != nil {
							return err
						}
					}
					return nil
				})
				var heap uint64
				before := heapInUse() // includes garbage of other tests
				_, err := stream.Run(t.Context(), stream.Via(src, s.flow),
					sink.ForEach(func(context.Context, []byte) error {
						taken++
						time.Sleep(64 * time.Millisecond) // 1 MB/s
						synctest.Wait()
						most = max(most, emitted-taken+1)
						if taken%500 == 0 {
							heap = max(heap, heapInUse())
						}
						return nil
					}))
				if err != nil {
					t.Fatal(err)
				}
				if most > int64(s.most) {
					t.Errorf("%d elements were held, at most %d are said", most, s.most)
				}
				if limit := uint64(s.most*chunk) + 24<<20; heap > before+limit {
					t.Errorf("the heap grew from %d to %d MiB, with %d chunks of 64 KiB", before>>20, heap>>20, s.most)
				}
			})
		})
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A log handler that blocks makes the run wait only as long as it blocks; then the run sees its
// cancellation. TestFunctionsThatBreak covers hooks that panic.
func TestLogHandlerBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Second, func() { cancel(errBoom) })
		handler := &slowHandler{Handler: slog.DiscardHandler, d: time.Minute}
		began := time.Now()
		n, err := stream.Run(ctx, stream.Via(count(100), stream.Log[int](slog.New(handler), "x", nil)),
			sink.Discard[int]())
		if !errors.Is(err, errBoom) || n != 2 || time.Since(began) != 3*time.Minute {
			// The handler blocks for two elements and for the last record.
			t.Errorf("%d elements, %v after %v", n, err, time.Since(began))
		}
	})
}

type slowHandler struct {
	slog.Handler
	d time.Duration
}

func (h *slowHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *slowHandler) Handle(context.Context, slog.Record) error {
	time.Sleep(h.d)
	return nil
}

// Counts exceed 32 bits: 5 GiB of chunks, which no stage reads.
func TestCountsPast32Bits(t *testing.T) {
	const chunk, chunks = 256 << 20, 20
	zeros := make([]byte, chunk)
	src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for range chunks {
			if err := emit(zeros); err != nil {
				return err
			}
		}
		return nil
	})
	var stats stream.Stats
	size := stream.ByteLen[[]byte]
	body := stream.Via3(src, stream.MonitorBytes(&stats), stream.LimitBytes(chunk*chunks, size),
		stream.Then(stream.Throttle(
			stream.NewLimiter(math.Inf(1), 1), size), stream.Measure(&stats, stream.LimitBytes(chunk*chunks, size))))
	n, err := stream.Run(t.Context(), body, sink.Writer(io.Discard))
	if n != chunk*chunks || err != nil {
		t.Errorf("%d bytes were written, %v", n, err)
	}
	// two monitors share the stats
	if shot := stats.Snapshot(); shot.Bytes != 2*chunk*chunks || shot.TakenBytes != chunk*chunks {
		t.Errorf("%+v", shot)
	}
	for _, limit := range []int64{chunk*chunks - 1, math.MaxUint32 + 1, math.MaxInt32 + 1} {
		n, err := stream.Run(t.Context(), stream.Via(src, stream.LimitBytes(limit, size)), sink.Writer(io.Discard))
		if !errors.Is(err, stream.ErrLimit) || n != limit/chunk*chunk {
			t.Errorf("limit of %d: %d bytes, %v", limit, n, err)
		}
	}
	sums, err := stream.Run(t.Context(), stream.Via(src,
		stream.Scan(int64(0), func(sum int64, p []byte) int64 { return sum + int64(len(p)) })), sink.Last[int64]())
	if sums != chunk*chunks || err != nil {
		t.Errorf("%d, %v", sums, err)
	}
	budget := stream.NewBudget(chunk * chunks)
	account := stream.OpenAccount(stream.WithReservation(stream.WithBudget(t.Context(), budget)), stream.Need{})
	for range chunks {
		if !account.TryAcquire(chunk) {
			t.Error("the budget is spent before its time")
		}
	}
	if account.TryAcquire(1) || budget.Used() != chunk*chunks {
		t.Errorf("%d bytes are used", budget.Used())
	}
	account.Close()
}

// An error after the last element fails the run, also in stages that flush at the end.
func TestErrorsAfterTheLastElement(t *testing.T) {
	zero := func() int { return 0 }
	many := func(s *int, n int, emit func(int) error) error { return emit(n) }
	published := false
	publish := stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
		err := src.Each(ctx, func(int) error { return nil })
		published = err == nil
		return 0, err
	})
	for name, flow := range map[string]stream.Flow[int, int]{
		"FlatMapState": stream.FlatMapState(zero, many, func(*int, func(int) error) error { return errBoom }),
		"MapResource": stream.MapResource(func(context.Context) (int, error) { return 0, nil },
			func(_ int, _ context.Context, n int) (int, error) { return n, nil },
			func(int, context.Context) error { return errBoom }),
		"AlsoTo": stream.AlsoTo(
			stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
				return 0, errors.Join(src.Each(ctx, func(int) error { return nil }), errBoom)
			})),
		"DivertTo": stream.DivertTo(
			stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
				return 0, errors.Join(src.Each(ctx, func(int) error { return nil }), errBoom)
			}), func(int) bool { return true }),
		"Concat": stream.FlowFunc[int, int](
			func(src stream.Source[int]) stream.Source[int] { return stream.Concat(src, stream.Fail[int](errBoom)) }),
		"Async, its upstream": stream.Then(stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Concat(src, stream.Fail[int](errBoom))
		}), stream.Async[int](100)),
	} {
		published = false
		if _, err := stream.Run(t.Context(), stream.Via(count(9), flow), publish); !errors.Is(err, errBoom) ||
			published {
			t.Errorf("%s: %v, published: %v", name, err, published)
		}
	}
	for n := range 4 { // at the edges of batches, with and without a remainder to flush
		src := stream.Via(count(n+1), stream.Batch[int](2))
		_, err := stream.Run(t.Context(), src, sink.ForEach(func(_ context.Context, batch []int) error {
			if slices.Contains(batch, n) {
				return errBoom
			}
			return nil
		}))
		if !errors.Is(err, errBoom) {
			t.Errorf("the batch with the last of %d failed: %v", n+1, err)
		}
	}
}

// All batching stages make the right batches for a whole number of batches, and for one element
// more or less.
func TestBoundaries(t *testing.T) {
	const k = 4
	for name, batch := range map[string]stream.Flow[int, []int]{
		"Batch":            stream.Batch[int](k),
		"BatchBytes":       stream.BatchBytes(k, func(int) int { return 1 }),
		"BatchWithin":      stream.BatchWithin[int](k, time.Hour),
		"BatchBytesWithin": stream.BatchBytesWithin(k, time.Hour, func(int) int { return 1 }),
		"Sliding":          stream.Sliding[int](k, k),
		"Aggregate": stream.Aggregate(func() []int { return nil }, func(s []int, n int) ([]int, bool, error) {
			return append(s, n), len(s)+1 == k, nil
		}, func(s []int) []int { return s }, 0),
		"RestartSink": stream.RestartSink(k, sink.Slice[int](), nil),
	} {
		for _, n := range []int{0, 1, k - 1, k, k + 1, 2*k - 1, 2 * k, 2*k + 1, 5 * k} {
			got, err := stream.Run(t.Context(), stream.Via(count(n), batch), sink.Slice[[]int]())
			var want [][]int
			for i := 0; i < n; i += k {
				batch := make([]int, 0, k)
				for j := i; j < min(i+k, n); j++ {
					batch = append(batch, j)
				}
				want = append(want, batch)
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s of %d: %v, %v", name, n, got, err)
			}
		}
	}
}
