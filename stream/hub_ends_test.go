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
)

// An early end of the producer is an error for the consumers, because they do not get all elements.
func TestHubProducerStoppedEarly(t *testing.T) {
	// the producer is one branch of a run that ends early after one element
	stopped := func(flow stream.Flow[int, int]) func(context.Context, *stream.Hub[int]) ([]int, error) {
		return func(ctx context.Context, hub *stream.Hub[int]) ([]int, error) {
			into := stream.Then(flow,
				stream.Then(stream.ResultOf[int, int64](hub), stream.Map(func(int64) int { return -1 })))
			return stream.Run(ctx, stream.Via2(stalled(3), stream.Broadcast(into, pause(time.Second)),
				stream.Take[int](1)), sink.Slice[int]())
		}
	}
	same := stream.Map(func(v int) int { return v })
	joined := stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		return errors.Join(src.Each(ctx, emit), errBoom) // an error of clean-up
	})
	for name, c := range map[string]struct {
		flow stream.Flow[int, int]
		want []error // of the consumers
		run  error
	}{
		"alone":          {same, []error{stream.ErrClosed}, nil},
		"with a failure": {joined, []error{stream.ErrClosed, errBoom}, errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := stream.NewBroadcastHub[int](4)
				var published bool
				side := stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
					err := src.Each(ctx, func(int) error { return nil })
					published = err == nil
					return 0, err
				})
				out := stream.Go(t.Context(), stream.Via(hub.Source(), stream.AlsoTo(side)), sink.Discard[int]())
				synctest.Wait()
				got, err := stopped(c.flow)(t.Context(), hub)
				if !errors.Is(err, c.run) || err == nil && !slices.Equal(got, []int{0}) {
					t.Errorf("the producer: %v, %v", got, err)
				}
				_, first := out.Wait()
				_, late := stream.Run(t.Context(), hub.Source(), sink.Discard[int]())
				for _, err := range []error{first, late} {
					if stream.Stopped(err) {
						t.Errorf("the consumer ended early: %v", err)
					}
					for _, want := range c.want {
						if !errors.Is(err, want) {
							t.Errorf("the consumer: %v, not %v", err, want)
						}
					}
				}
				if published {
					t.Error("the consumer's side published what is not complete")
				}
			})
		})
	}
}
