package stream_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func TestAlsoTo(t *testing.T) {
	run := func(src stream.Source[int], side stream.Sink[int, []int],
		after ...stream.Flow[int, int],
	) (main, copied []int, err error) {
		body := stream.Via(src, stream.AlsoTo(stream.OnResult(side, func(xs []int) { copied = xs })))
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
	body := stream.Via(src, stream.AlsoTo(stream.OnResult(sink.Slice[doc](), func(docs []doc) { copied = docs })))
	_, err := stream.Run(t.Context(), body, sink.ForEach(func(_ context.Context, d doc) error { clear(d); return nil }))
	if err != nil || len(copied) != 3 || copied[2][1] != 2 {
		t.Errorf("the copy is %v, %v", copied, err)
	}
}
