package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// halves pairs each element with itself.
func halves() stream.Flow[int, stream.Pair[int, int]] {
	return stream.Map(func(v int) stream.Pair[int, int] { return stream.Pair[int, int]{First: v, Second: v} })
}

// An early end of one sink does not affect the other; early ends of both end the upstream.
func TestUnzipEarlyEnd(t *testing.T) {
	all := sink.Discard[int]()
	take := func(n int) stream.Sink[int, int64] { return stream.Into(stream.Take[int](n), sink.Discard[int]()) }
	async := stream.Into(stream.Then(stream.Async[int](1), stream.Take[int](2)), sink.Discard[int]())
	for name, c := range map[string]struct {
		first, second stream.Sink[int, int64]
		want          stream.Pair[int64, int64]
	}{
		"none":           {all, all, stream.Pair[int64, int64]{First: 100, Second: 100}},
		"first":          {take(1), all, stream.Pair[int64, int64]{First: 1, Second: 100}},
		"second":         {all, take(1), stream.Pair[int64, int64]{First: 100, Second: 1}},
		"second, at 0":   {all, take(0), stream.Pair[int64, int64]{First: 100, Second: 0}},
		"second, async":  {all, async, stream.Pair[int64, int64]{First: 100, Second: 2}},
		"second, before": {take(50), take(1), stream.Pair[int64, int64]{First: 50, Second: 1}},
		"first, before":  {take(1), take(50), stream.Pair[int64, int64]{First: 1, Second: 50}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := stream.Run(t.Context(), stream.Via(count(100), halves()), stream.Unzip(c.first, c.second))
			if got != c.want || err != nil {
				t.Errorf("%v, not %v, %v", got, c.want, err)
			}
		})
	}
	for name, both := range map[string][2]stream.Sink[int, int64]{
		"first last":  {take(3), take(1)},
		"second last": {take(1), take(3)}, "at once": {take(3), take(3)},
	} {
		t.Run("stalled, "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errOther)
				defer cancel()
				if got, err := stream.Run(ctx, stream.Via(stalled(3), halves()),
					stream.Unzip(both[0], both[1])); got.First+got.Second < 4 || err != nil {
					t.Errorf("%v, %v", got, err)
				}
			})
		})
	}
}

// A failure after an early end of second fails both.
func TestUnzipFailsAfterEarlyEnd(t *testing.T) {
	first := sink.ForEach(func(_ context.Context, v int) error {
		if v == 9 {
			return errBoom
		}
		return nil
	})
	for name, c := range map[string]struct {
		src   stream.Source[int]
		first stream.Sink[int, int64]
	}{"the source": {failing(errBoom, 1, 2, 3), sink.Discard[int]()}, "first": {count(20), first}} {
		if _, err := stream.Run(t.Context(), stream.Via(c.src, halves()),
			stream.Unzip(c.first, sink.First[int]())); !errors.Is(err, errBoom) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
