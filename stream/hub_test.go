package stream_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestMergeHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewMergeHub[int]()
		out := stream.Go(t.Context(), hub, sink.Slice[int]())
		first := stream.Go(t.Context(), count(3), hub.Sink())
		if n, err := first.Wait(); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := stream.Run(t.Context(), count(2), hub.Sink()); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		waiting := stream.Go(t.Context(), stream.Via(count(1), stream.InitialDelay[int](time.Second)), hub.Sink())
		hub.Close()
		if got, err := out.Wait(); !slices.Equal(got, []int{0, 1, 2, 0, 1}) || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		if _, err := waiting.Wait(); !errors.Is(err, stream.ErrClosed) {
			t.Errorf("a producer of a closed hub ended with %v", err)
		}
		if _, err := stream.Run(t.Context(), hub, sink.Slice[int]()); err == nil {
			t.Error("the hub was read twice")
		}
	})
}

func TestBroadcastHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewBroadcastHub[int](4)
		producer := stream.Go(t.Context(), stream.Via(count(10), pause(time.Second)), hub)
		synctest.Wait()
		all := stream.Go(t.Context(), hub.Source(), sink.Slice[int]())
		three := stream.Go(t.Context(), stream.Via(hub.Source(), stream.Take[int](3)), sink.Slice[int]())
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := stream.Go(ctx, hub.Source(), sink.Never[int]())
		time.Sleep(5500 * time.Millisecond)
		late := stream.Go(t.Context(), hub.Source(), sink.Slice[int]())
		time.Sleep(time.Second)
		cancel(errBoom)
		if _, err := gone.Wait(); err != errBoom {
			t.Errorf("the cancelled consumer ended with %v", err)
		}
		if n, err := producer.Wait(); n != 10 || err != nil {
			t.Errorf("the producer sent %d, %v", n, err)
		}
		for name, want := range map[string][]int{
			"all":   {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
			"three": {0, 1, 2}, "late": {5, 6, 7, 8, 9},
		} {
			got, err := map[string]*stream.Running[[]int]{"all": all, "three": three, "late": late}[name].Wait()
			if !slices.Equal(got, want) || err != nil {
				t.Errorf("%s got %v, %v", name, got, err)
			}
		}
		if got, err := stream.Run(t.Context(), hub.Source(), sink.Slice[int]()); len(got) != 0 || err != nil {
			t.Errorf("after the end: %v, %v", got, err)
		}
	})
}

func TestBroadcastHubFailsItsConsumers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewBroadcastHub[int](1)
		out := stream.Go(t.Context(), hub.Source(), sink.Discard[int]())
		if _, err := stream.Run(t.Context(), failing(errBoom, 1, 2), hub); err != errBoom {
			t.Errorf("the producer ended with %v", err)
		}
		if _, err := out.Wait(); err != errBoom {
			t.Errorf("the consumer ended with %v", err)
		}
	})
}

// A producer that waits for a stalled consumer can be cancelled.
func TestBroadcastHubProducerIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewBroadcastHub[int](1)
		stalled := stream.Go(t.Context(), hub.Source(), sink.Never[int]())
		ctx, cancel := context.WithCancelCause(t.Context())
		producer := stream.Go(ctx, count(100), hub)
		synctest.Wait()
		cancel(errBoom)
		if _, err := producer.Wait(); err != errBoom {
			t.Errorf("the producer ended with %v", err)
		}
		stalled.Cancel(errBoom)
		if _, err := stalled.Wait(); err != errBoom {
			t.Errorf("the consumer ended with %v", err)
		}
	})
}

func TestPartitionHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewPartitionHub(4, func(n, v int) int { return v % n })
		even := stream.Go(t.Context(), hub.Source(), sink.Slice[int]())
		synctest.Wait()
		odd := stream.Go(t.Context(), hub.Source(), sink.Slice[int]())
		synctest.Wait()
		if n, err := stream.Run(t.Context(), count(6), hub); n != 6 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if got, err := even.Wait(); !slices.Equal(got, []int{0, 2, 4}) || err != nil {
			t.Errorf("even: %v, %v", got, err)
		}
		if got, err := odd.Wait(); !slices.Equal(got, []int{1, 3, 5}) || err != nil {
			t.Errorf("odd: %v, %v", got, err)
		}
	})
}

func TestRunningDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := stream.Go(t.Context(), stream.Via(stream.Drainable(count(100)), pause(time.Second)), sink.Slice[int]())
		time.Sleep(3500 * time.Millisecond)
		r.Drain()
		got, err := r.Wait()
		if !slices.Equal(got, []int{0, 1, 2, 3}) || err != nil { // the fourth had been taken
			t.Errorf("%v, %v", got, err)
		}
		select {
		case <-r.Done():
		default:
			t.Error("not done after Wait")
		}
	})
}

func TestRunningCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := stream.Go(t.Context(), stream.Via(count(100), pause(time.Second)), sink.Slice[int]())
		time.Sleep(1500 * time.Millisecond)
		r.Cancel(errBoom)
		if _, err := r.Wait(); err != errBoom {
			t.Errorf("%v", err)
		}
	})
}

func TestContractOfHubs(t *testing.T) {
	t.Run("Hub", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, int64]{
			New: func() stream.Sink[int, int64] {
				return stream.SinkFunc[int, int64](
					func(ctx context.Context, src stream.Source[int]) (n int64, err error) {
						hub := stream.NewBroadcastHub[int](2)
						out := stream.Go(ctx, hub.Source(), sink.Discard[int]())
						defer func() { _, _ = out.Wait() }() // it ends when the producer does
						return stream.Run(ctx, src, hub)
					})
			},
			In: func(i int) int { return i },
		})
	})
}
