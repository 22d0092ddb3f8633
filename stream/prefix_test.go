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

// stalled emits 0 to n-1, and then nothing until its context ends.
func stalled(n int) stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for i := range n {
			if err := emit(i); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
}

// inner are flows that end on their own, with a separate context, while their upstream has no
// element.
var inner = map[string]struct {
	flow stream.Flow[int, int]
	want []int
	err  error
}{
	"a failure elsewhere": {stream.MapParallel(2, func(context.Context, int) (int, error) {
		return 0, errBoom
	}), nil, errBoom},
	"a failure behind": {stream.Then(stream.Async[int](4), stream.TryMap(func(context.Context, int) (int, error) {
		return 0, errBoom
	})), nil, errBoom},
	"an early end": {stream.Then(stream.Async[int](4), stream.Take[int](1)), []int{0}, nil},
	"a time":       {stream.TakeFor[int](time.Second), []int{0, 1, 2}, nil},
	"a timeout":    {stream.IdleTimeout[int](time.Second), []int{0, 1, 2}, stream.ErrTimeout},
}

// A reader of the tail that ends also ends the upstream, even while the upstream waits.
func TestPeelOfStalledSource(t *testing.T) {
	for name, c := range inner {
		for by, flow := range map[string]stream.Flow[int, int]{
			"Prefix": stream.FlatMapPrefix(0, func(context.Context, []int) (stream.Flow[int, int], error) {
				return c.flow, nil
			}),
			"LazyFlow": stream.LazyFlow(func(context.Context, int) (stream.Flow[int, int], error) {
				return c.flow, nil
			}),
		} {
			t.Run(by+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var got []int
					began := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
					defer cancel()
					_, err := stream.Run(ctx, stream.Via(stalled(3), flow),
						sink.ForEach(func(_ context.Context, v int) error {
							got = append(got, v)
							return nil
						}))
					if !errors.Is(err, c.err) || !slices.Equal(got, c.want) {
						t.Errorf("%v, %v", got, err)
					}
					if took := time.Since(began); took > time.Second {
						t.Errorf("it ended after %v", took)
					}
				})
			})
		}
	}
}
