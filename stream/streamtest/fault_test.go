package streamtest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// collect runs src and returns what it emitted.
func collect[T any](ctx context.Context, src stream.Source[T]) (all []T, err error) {
	for v, e := range stream.All(ctx, src) {
		if e != nil {
			return all, e
		}
		all = append(all, v)
	}
	return all, nil
}

func TestFailAt(t *testing.T) {
	for _, c := range []struct {
		n    int
		want []int
		err  error
	}{
		{0, nil, errBroken},
		{2, []int{0, 1}, errBroken},
		{3, []int{0, 1, 2}, errBroken}, // in place of the end
		{4, []int{0, 1, 2}, nil},
	} {
		got, err := collect(t.Context(), stream.Via(numbers(3), streamtest.FailAt[int](c.n, errBroken)))
		if !slices.Equal(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("FailAt %d: %v, %v, want %v, %v", c.n, got, err, c.want, c.err)
		}
	}
}

// After a stage, a fault is the result of its emit.
func TestFailAtFailsTheEmitBeforeIt(t *testing.T) {
	var got error
	src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
		for got == nil {
			got = emit(1)
		}
		return got
	})
	if _, err := collect(t.Context(), stream.Via(src, streamtest.FailAt[int](3, errBroken))); got != errBroken ||
		err != errBroken {
		t.Errorf("emit returned %v, the run %v", got, err)
	}
}

func TestFailAtKeepsAnEarlierError(t *testing.T) {
	first := errors.New("first")
	src := stream.Via2(numbers(3), streamtest.FailAt[int](2, first), streamtest.FailAt[int](2, errBroken))
	if _, err := collect(t.Context(), src); !errors.Is(err, first) || errors.Is(err, errBroken) {
		t.Errorf("%v, want the source's own error", err)
	}
}

func TestPanicAt(t *testing.T) {
	for _, n := range []int{0, 2, 3} {
		var got []int
		func() {
			defer func() {
				if v := recover(); v != "boom" {
					t.Errorf("PanicAt %d: the panic is %v", n, v)
				}
			}()
			_ = stream.Via(numbers(3), streamtest.PanicAt[int](n, "boom")).Each(t.Context(), func(v int) error {
				got = append(got, v)
				return nil
			})
		}()
		if len(got) != n {
			t.Errorf("PanicAt %d: %v came before it", n, got)
		}
	}
	if got, err := collect(t.Context(), stream.Via(numbers(3), streamtest.PanicAt[int](4, "boom"))); len(got) != 3 ||
		err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestStall(t *testing.T) {
	for _, n := range []int{0, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errBroken)
			defer cancel()
			start := time.Now()
			got, err := collect(ctx, stream.Via(numbers(3), streamtest.Stall[int](n)))
			if len(got) != n || !errors.Is(err, errBroken) || time.Since(start) != time.Minute {
				t.Errorf("Stall %d: %v, %v after %v", n, got, err, time.Since(start))
			}
		})
	}
}

func TestShort(t *testing.T) {
	for n := range 5 {
		ended := false
		src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
			defer func() { ended = true }()
			return numbers(3).Each(ctx, emit)
		})
		got, err := collect(t.Context(), stream.Via(src, streamtest.Short[int](n)))
		if len(got) != min(n, 3) || err != nil || !ended {
			t.Errorf("Short %d: %v, %v", n, got, err)
		}
	}
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got, err := collect(t.Context(), stream.Via(numbers(3), streamtest.Slow[int](time.Hour)))
		if len(got) != 3 || err != nil || time.Since(start) != 3*time.Hour {
			t.Errorf("%v, %v after %v", got, err, time.Since(start))
		}
	})
}

func TestFaultsRefuseNegativeSettings(t *testing.T) {
	for name, src := range map[string]stream.Source[int]{
		"FailAt":  stream.Via(numbers(3), streamtest.FailAt[int](-1, errBroken)),
		"PanicAt": stream.Via(numbers(3), streamtest.PanicAt[int](-1, "boom")),
		"Stall":   stream.Via(numbers(3), streamtest.Stall[int](-1)),
		"Short":   stream.Via(numbers(3), streamtest.Short[int](-1)),
		"Slow":    stream.Via(numbers(3), streamtest.Slow[int](-1)),
	} {
		if got, err := collect(t.Context(), src); err == nil || errors.Is(err, errBroken) || len(got) > 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// With a fault that is not reached, a source keeps the contract.
func TestFaultsKeepTheContract(t *testing.T) {
	for name, fault := range map[string]stream.Flow[int, int]{
		"FailAt":  streamtest.FailAt[int](1000, errBroken),
		"PanicAt": streamtest.PanicAt[int](1000, "boom"),
		"Stall":   streamtest.Stall[int](1000),
		"Short":   streamtest.Short[int](1000),
		"Slow":    streamtest.Slow[int](time.Second / 10),
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[int, int]{
				New:  func() stream.Flow[int, int] { return fault },
				Want: func(t *testing.T, in, out []int) { checkEqual(t, in, out) },
			})
		})
	}
}
