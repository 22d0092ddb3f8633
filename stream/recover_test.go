package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var errOther = errors.New("other")

// outcomeOf runs src through flow and returns the output and the error.
func outcomeOf[T, U any](t *testing.T, src stream.Source[T], flow stream.Flow[T, U]) ([]U, error) {
	t.Helper()
	var got []U
	_, err := stream.Run(t.Context(), stream.Via(src, flow), sink.ForEach(func(_ context.Context, v U) error {
		got = append(got, v)
		return nil
	}))
	return got, err
}

func TestMendersOfErrors(t *testing.T) {
	other := func(err error) error { return errors.Join(errOther, err) }
	replicas := func(srcs ...stream.Source[int]) func(error) (stream.Source[int], error) {
		return func(err error) (stream.Source[int], error) {
			if len(srcs) == 0 {
				return nil, other(err)
			}
			src := srcs[0]
			srcs = srcs[1:]
			return src, nil
		}
	}
	tests := []struct {
		name string
		src  stream.Source[int]
		flow stream.Flow[int, int]
		want []int
		errs []error
	}{
		{"MapErr", failing(errBoom, 1), stream.MapErr[int](other), []int{1}, []error{errBoom, errOther}},
		{"MapErr, complete", source.Of(1), stream.MapErr[int](other), []int{1}, nil},
		{"MapErr to nil", failing(errBoom, 1), stream.MapErr[int](func(error) error {
			return nil
		}), []int{1}, []error{errBoom}},
		{"CompleteOn", failing(errBoom, 1), stream.CompleteOn[int](func(err error) bool {
			return err == errBoom
		}), []int{1}, nil},
		{"CompleteOn another", failing(errBoom, 1), stream.CompleteOn[int](func(err error) bool {
			return err == errOther
		}), []int{1}, []error{errBoom}},
		{"Recover", failing(errBoom, 1), stream.Recover(func(error) ([]int, error) {
			return []int{8, 9}, nil
		}), []int{1, 8, 9}, nil},
		{"Recover, none", failing(errBoom, 1), stream.Recover(func(error) ([]int, error) {
			return nil, nil
		}), []int{1}, nil},
		{"Recover, not", failing(errBoom, 1), stream.Recover(func(err error) ([]int, error) {
			return []int{8}, other(err)
		}), []int{1}, []error{errBoom, errOther}},
		{"Recover, complete", source.Of(1), stream.Recover(func(error) ([]int, error) {
			return []int{8, 9}, nil
		}), []int{1}, nil},
		{"RecoverWith", failing(errBoom, 1), stream.RecoverWith(1, replicas(source.Of(2, 3))), []int{1, 2, 3}, nil},
		{"RecoverWith, complete", source.Of(1), stream.RecoverWith(1, replicas()), []int{1}, nil},
		{
			"RecoverWith, again", failing(errBoom, 1),
			stream.RecoverWith(2, replicas(failing(errOther, 2), source.Of(3))),
			[]int{1, 2, 3},
			nil,
		},
		{
			"RecoverWith, too often", failing(errBoom, 1),
			stream.RecoverWith(2, replicas(failing(errBoom, 2), failing(errOther, 3), source.Of(4))),
			[]int{1, 2, 3},
			[]error{errOther},
		},
		{
			"RecoverWith, not", failing(errBoom, 1), stream.RecoverWith(1, replicas()),
			[]int{1},
			[]error{errBoom, errOther},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := outcomeOf(t, tt.src, tt.flow)
			if !slices.Equal(got, tt.want) || (err == nil) != (len(tt.errs) == 0) {
				t.Errorf("%v, %v, want %v", got, err, tt.want)
			}
			for _, want := range tt.errs {
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			}
		})
	}
	t.Run("RecoverWith nil", func(t *testing.T) {
		if _, err := outcomeOf(t, failing[int](errBoom), stream.RecoverWith(1, func(error) (stream.Source[int], error) {
			return nil, nil
		})); err == nil {
			t.Error("a nil source ran")
		}
	})
}

// menders are the stages that can recover from any error.
func menders() map[string]stream.Flow[int, int] {
	return map[string]stream.Flow[int, int]{
		"MapErr":      stream.MapErr[int](func(error) error { return errOther }),
		"CompleteOn":  stream.CompleteOn[int](func(error) bool { return true }),
		"Recover":     stream.Recover(func(error) ([]int, error) { return []int{9}, nil }),
		"RecoverWith": stream.RecoverWith(3, func(error) (stream.Source[int], error) { return count(9), nil }),
		"Restart": stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Restart(src, func(n int) int { return n }, func(int) stream.Source[int] { return src },
				&stream.RestartOptions{Backoff: stream.Backoff{When: func(error) bool { return true }}})
		}),
		"RestartFlow": stream.RestartFlow(100, stream.Map(func(n int) int {
			return n
		}), func(a, b int) bool { return a == b },
			&stream.Backoff{When: func(error) bool { return true }}),
		"Replicas of replicas": stream.Then(stream.RecoverWith(3, func(error) (stream.Source[int], error) {
			return count(9), nil
		}),
			stream.CompleteOn[int](func(error) bool { return true })),
	}
}

// No stage recovers from errors of the downstream, from an early end or from the end of the run.
func TestMendersLeaveTheErrorsOfOthers(t *testing.T) {
	for name, flow := range menders() {
		t.Run(name, func(t *testing.T) {
			emits := 0
			err := stream.Via(count(5), flow).Each(t.Context(), func(int) error {
				if emits++; emits == 2 {
					return errBoom
				}
				return nil
			})
			if err != errBoom || emits != 2 {
				t.Errorf("emit's error became %v, after %d emits", err, emits)
			}
			got, err := outcomeOf(t, count(5), stream.Then(flow, stream.Take[int](2)))
			if !slices.Equal(got, []int{0, 1}) || err != nil {
				t.Errorf("early end: %v, %v", got, err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			emits = 0
			_, err = stream.Run(ctx, stream.Via(count(5), flow), sink.ForEach(func(context.Context, int) error {
				if emits++; emits == 2 {
					cancel(errBoom)
				}
				return nil
			}))
			if !errors.Is(err, errBoom) || emits > 3 {
				t.Errorf("cancelled: %v, after %d emits", err, emits)
			}
		})
	}
}

// A source that hides emit's error does not make the run succeed.
func TestMendersDistrustSwallowedErrors(t *testing.T) {
	src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error { _ = emit(1); return nil })
	err := stream.Via(src, stream.CompleteOn[int](func(error) bool {
		return true
	})).Each(t.Context(), func(int) error { return errBoom })
	if err != errBoom {
		t.Errorf("got %v, want emit's error", err)
	}
}

func ExampleMapErr() {
	body := stream.Via(failing(errors.New("connection reset"), "a"), stream.MapErr[string](func(err error) error {
		return fmt.Errorf("reading the cookies: %w", stream.Mark(err, stream.Retryable))
	}))
	_, err := stream.Run(context.Background(), body, sink.Discard[string]())
	fmt.Println(err)
	fmt.Println(stream.ClassOf(err))
	// Output:
	// reading the cookies: connection reset
	// retryable
}

func ExampleCompleteOn() {
	errNoSuchTable := errors.New("no such table")
	rows := stream.Via(failing[string](errNoSuchTable), stream.CompleteOn[string](func(err error) bool {
		return errors.Is(err, errNoSuchTable) // as good as an empty table
	}))
	n, err := stream.Run(context.Background(), rows, sink.Discard[string]())
	fmt.Println(n, err)
	// Output: 0 <nil>
}

func ExampleRecover() {
	lines := stream.Via(failing(errors.New("disk full"), "one", "two"),
		stream.Recover(func(err error) ([]string, error) {
			return []string{"-- incomplete: " + err.Error()}, nil
		}))
	for line, err := range stream.All(context.Background(), lines) {
		fmt.Println(line, err)
	}
	// Output:
	// one <nil>
	// two <nil>
	// -- incomplete: disk full <nil>
}

func ExampleRecoverWith() {
	primary, replica := failing[string](errors.New("primary is down")), source.Of("a", "b")
	docs := stream.Via(primary, stream.RecoverWith(1, func(err error) (stream.Source[string], error) {
		fmt.Println(err)
		return replica, nil
	}))
	got, err := stream.Run(context.Background(), docs, sink.Slice[string]())
	fmt.Println(got, err)
	// Output:
	// primary is down
	// [a b] <nil>
}
