package stream_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var errBoom = errors.New("boom")

// failing emits xs and then fails with err.
func failing[T any](err error, xs ...T) stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		if err := source.Slice(xs).Each(ctx, emit); err != nil {
			return err
		}
		return err
	})
}

func count(n int) stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for i := range n {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(i); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestRunReturnsTheSinksResult(t *testing.T) {
	body := stream.Via3(count(10), stream.Map(func(n int) int {
		return n * 3
	}), stream.Then(stream.Filter(func(n int) bool {
		return n%2 == 0
	}), stream.Take[int](3)), stream.Then(stream.Map(strconv.Itoa), stream.Batch[string](2)))
	got, err := stream.Run(t.Context(), body, sink.Slice[[]string]())
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"0", "6"}, {"12"}}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRunRefusesNil(t *testing.T) {
	ctx := t.Context()
	if _, err := stream.Run(ctx, nil, sink.Slice[int]()); err == nil {
		t.Error("a nil source ran")
	}
	if _, err := stream.Run[int, int](ctx, count(1), nil); err == nil {
		t.Error("a nil sink ran")
	}
	if _, err := stream.Run(ctx, stream.Via[int, int](count(1), nil), sink.Slice[int]()); err == nil {
		t.Error("a nil flow ran")
	}
	if _, err := stream.Run(ctx, stream.Via(nil, stream.Take[int](1)), sink.Slice[int]()); err == nil {
		t.Error("a nil source ran through a flow")
	}
}

func TestRunOfADoneContextStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBoom)
	started := false
	src := stream.SourceFunc[int](func(context.Context, func(int) error) error { started = true; return nil })
	if _, err := stream.Run(ctx, src, sink.Slice[int]()); !errors.Is(err, errBoom) {
		t.Errorf("got %v, want the cause", err)
	}
	if started {
		t.Error("the source was started")
	}
}

func unbatch[T any](f stream.Flow[T, []T]) stream.Flow[T, T] {
	return stream.Then(f, stream.FlatMap(func(xs []T) []T { return xs }))
}

func TestAll(t *testing.T) {
	var got []int
	for n, err := range stream.All(t.Context(), count(5)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("got %v", got)
	}
	var last error
	for _, err := range stream.All(t.Context(), failing(errBoom, 1, 2)) {
		last = err
	}
	if last != errBoom {
		t.Errorf("the last error is %v, want the source's", last)
	}
}

func TestAllBreakStopsTheSource(t *testing.T) {
	var saw error
	src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
		for i := 0; ; i++ {
			if saw = emit(i); saw != nil {
				return errors.Join(saw, errBoom)
			}
		}
	})
	for n := range stream.All(t.Context(), src) {
		if n == 3 {
			break
		}
	}
	if !stream.Stopped(saw) {
		t.Errorf("the source saw %v, want an early end", saw)
	}
}
