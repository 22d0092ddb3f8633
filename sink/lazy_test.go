package sink_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Lazy calls its function once, with the first element, and only if there is one.
func TestLazyAsksOnce(t *testing.T) {
	var asked []int
	s := sink.Lazy(func(_ context.Context, first int) (stream.Sink[int, []int], error) {
		asked = append(asked, first)
		return sink.Slice[int](), nil
	})
	for n := range 4 {
		got, err := stream.Run(t.Context(), source.Range(n, 2*n, 1), s)
		if err != nil || len(got) != n || (got == nil) != (n == 0) {
			t.Error(n, got, err)
		}
	}
	if !slices.Equal(asked, []int{1, 2, 3}) {
		t.Error(asked)
	}
}

// A cancellation of the sink's own context reaches the upstream: a sink that fails on another
// goroutine does not wait for an element.
func TestLazyUpstreamHearsOfTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int, 1)
		ch <- 1
		failing := stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
			g, ctx := stream.NewGroup(ctx)
			g.Go(func() error { time.Sleep(time.Second); return errTest })
			return 0, g.Do(func() error { return src.Each(ctx, func(int) error { return nil }) })
		})
		began := time.Now()
		_, err := stream.Run(t.Context(), source.Chan(ch), sink.Lazy(func(context.Context, int) (stream.Sink[int, int],
			error,
		) {
			return failing, nil
		}))
		if err != errTest || time.Since(began) != time.Second {
			t.Error(err, time.Since(began))
		}
	})
}

// The upstream learns how the sink ended, and can tell an early end from an error.
func TestLazyTellsTheUpstream(t *testing.T) {
	for name, f := range map[string]struct {
		into stream.Sink[int, int]
		want error
	}{
		"early": {sink.First[int](), nil},
		"unread": {stream.SinkFunc[int, int](func(context.Context, stream.Source[int]) (int, error) {
			return 0, nil
		}), nil},
		"error": {stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
			return 0, src.Each(ctx, func(int) error { return errTest })
		}), errTest},
	} {
		var told error
		src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
			for told == nil {
				told = emit(1)
			}
			return told
		})
		_, err := stream.Run(t.Context(), src, sink.Lazy(func(context.Context, int) (stream.Sink[int, int], error) {
			return f.into, nil
		}))
		if err != f.want || stream.Stopped(told) != (f.want == nil) || f.want != nil && told != f.want {
			t.Errorf("%s: %v, the upstream was told %v", name, err, told)
		}
	}
}
