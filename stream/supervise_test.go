package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var errBad = stream.Mark(errors.New("bad element"), stream.Data)

// odd rejects even numbers, after a delay that differs from element to element.
func odd(_ context.Context, n int) (int, error) {
	time.Sleep(time.Duration(n*7%5) * time.Millisecond)
	if n%2 == 0 {
		return 0, fmt.Errorf("odd: %w", errBad)
	}
	return n, nil
}

func TestSupervise(t *testing.T) {
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprint(n, " at once"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var dead []stream.DeadLetter[int]
				collect := func(_ context.Context, d stream.DeadLetter[int]) error {
					dead = append(dead, d)
					return nil
				}
				flow := stream.Supervise(n, odd, collect, nil)
				for range 2 { // every run starts fresh
					dead = nil
					src := stream.Via(count(9), stream.Map(func(n int) int { return n + 100 }))
					got, err := outcomeOf(t, src, flow)
					if !slices.Equal(got, []int{101, 103, 105, 107}) || err != nil || len(dead) != 5 {
						t.Fatalf("%v, %v, dead %v", got, err, dead)
					}
					for i, d := range dead {
						if d.Position != int64(2*i) || d.Element != 100+2*i || !errors.Is(d.Err, errBad) {
							t.Errorf("dead letter %d: %+v", i, d)
						}
					}
				}
			})
		})
	}
}

func TestSuperviseLimits(t *testing.T) {
	all := func(error) bool { return true }
	size := func(n int) int { return 10 * n }
	tests := []struct {
		name string
		opts *stream.SuperviseOptions[int]
		errs []error // one for each element; nil ones pass
		dead int
		want error
	}{
		{"default", nil, repeat(errBad, 100), 100, nil},
		{"default, one more", nil, repeat(errBad, 101), 100, stream.ErrTooManySkipped},
		{"count", &stream.SuperviseOptions[int]{MaxCount: 2}, []error{errBad, nil, errBad, nil}, 2, nil},
		{
			"count, one more", &stream.SuperviseOptions[int]{MaxCount: 2},
			[]error{errBad, nil, errBad, errBad, nil},
			2,
			stream.ErrTooManySkipped,
		},
		{"no limit", &stream.SuperviseOptions[int]{MaxCount: -1}, repeat(errBad, 500), 500, nil},
		{"bytes", &stream.SuperviseOptions[int]{MaxBytes: 30, Size: size}, []error{errBad, errBad, errBad}, 3, nil},
		{
			"bytes, one more", &stream.SuperviseOptions[int]{MaxBytes: 29, Size: size},
			[]error{errBad, errBad, errBad},
			2,
			stream.ErrTooManySkipped,
		},
		{"bytes, no limit", &stream.SuperviseOptions[int]{MaxBytes: -1, Size: func(int) int {
			return math.MaxInt
		}}, []error{errBad, errBad}, 2, nil},
		{"a negative size", &stream.SuperviseOptions[int]{MaxBytes: 1, Size: func(int) int {
			return -5
		}}, []error{errBad, errBad}, 2, nil},
		{"another error", nil, []error{errBad, errBoom, errBad}, 1, errBoom},
		{
			"an unknown outcome of bad data", nil,
			[]error{errors.Join(errBad, stream.Mark(errBoom, stream.UnknownOutcome))},
			0, errBoom,
		},
		{"any error", &stream.SuperviseOptions[int]{When: all}, []error{errBad, errBoom, nil}, 2, nil},
		{
			"too many of any", &stream.SuperviseOptions[int]{When: all, MaxCount: 1},
			[]error{errPassing, errPassing},
			1,
			stream.ErrTooManySkipped,
		},
	}
	for _, tt := range tests {
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d at once", tt.name, n), func(t *testing.T) {
				dead := 0
				flow := stream.Supervise(n, func(_ context.Context, n int) (int, error) { return n, tt.errs[n] },
					func(context.Context, stream.DeadLetter[int]) error { dead++; return nil }, tt.opts)
				_, err := outcomeOf(t, count(len(tt.errs)), flow)
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				// An error overtakes waiting elements.
				if dead != tt.dead && (n == 1 || tt.want != errBoom) {
					t.Errorf("%d dead letters, want %d", dead, tt.dead)
				}
				if tt.want == stream.ErrTooManySkipped && (stream.ClassOf(err) != stream.Fatal ||
					!errors.Is(err, tt.errs[len(tt.errs)-1]) && !errors.Is(err, errBad)) {
					t.Errorf("%v is %v", err, stream.ClassOf(err))
				}
			})
		}
	}
}

// Without a Size function, byte slices are measured by their length.
func TestSuperviseMeasuresBytes(t *testing.T) {
	dead := 0
	flow := stream.Supervise(1, func(context.Context, doc) (int, error) { return 0, errBad },
		func(context.Context, stream.DeadLetter[doc]) error {
			dead++
			return nil
		}, &stream.SuperviseOptions[doc]{MaxBytes: 5})
	if _, err := outcomeOf(t, source.Of(doc("ab"), doc("cde"), doc("f")), flow); dead != 2 ||
		!errors.Is(err, stream.ErrTooManySkipped) {
		t.Errorf("%d dead letters, %v", dead, err)
	}
}

func TestSuperviseErrorOfDeadLetters(t *testing.T) {
	flow := stream.Supervise(1, odd, func(context.Context, stream.DeadLetter[int]) error { return errBoom }, nil)
	if _, err := outcomeOf(t, count(3), flow); err != errBoom {
		t.Errorf("got %v", err)
	}
}

// An error caused by a cancelled context is not a dead letter. An error that would have been
// skipped is not the run's error.
func TestSuperviseSkipsNothingWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	flow := stream.Supervise(1, func(context.Context, int) (int, error) { cancel(errBoom); return 0, errBad },
		func(context.Context, stream.DeadLetter[int]) error { t.Error("skipped"); return nil }, nil)
	if _, err := stream.Run(ctx, stream.Via(count(3), flow), sink.Discard[int]()); err != errBoom {
		t.Errorf("got %v, want the cause of the cancel alone", err)
	}
}

// An error that would be skipped or retried does not fail the run after an early end of the
// downstream.
func TestEarlyEndBesideAMendableError(t *testing.T) {
	blocked := func(err error) func(context.Context, int) (int, error) {
		return func(ctx context.Context, n int) (int, error) {
			if n > 0 {
				<-ctx.Done()
				return 0, err
			}
			return n, nil
		}
	}
	same := func(in, out int) bool { return in == out }
	dead := func(context.Context, stream.DeadLetter[int]) error { return nil }
	for name, flow := range map[string]stream.Flow[int, int]{
		"Supervise":           stream.Supervise(1, blocked(errBad), dead, nil),
		"Supervise, parallel": stream.Supervise(2, blocked(errBad), dead, nil),
		"Retry":               stream.MapParallel(2, stream.Retry(blocked(errPassing), nil)),
		"RestartFlow":         stream.RestartFlow(100, stream.MapParallel(2, blocked(errPassing)), same, nil),
		"Restart": stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Restart(stream.Via(src, stream.TryMap(blocked(errPassing))), self,
				func(int) stream.Source[int] {
					return src
				}, nil)
		}),
	} {
		synctest.Test(t, func(t *testing.T) {
			got, err := outcomeOf(t, count(5),
				stream.Then(flow, stream.Then(stream.Async[int](1), stream.Take[int](1))))
			if !slices.Equal(got, []int{0}) || err != nil {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		})
	}
}

func TestSuperviseTo(t *testing.T) {
	for _, n := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			var letters []stream.DeadLetter[int]
			keep := stream.OnResult(sink.Slice[stream.DeadLetter[int]](),
				func(all []stream.DeadLetter[int]) { letters = all })
			flow := stream.SuperviseTo(n, odd, keep, nil)
			got, err := outcomeOf(t, count(6), flow)
			if !slices.Equal(got, []int{1, 3, 5}) || err != nil || len(letters) != 3 || letters[2].Position != 4 {
				t.Errorf("%v, %v, %v", got, err, letters)
			}
			letters = nil
			flow = stream.SuperviseTo(n, odd, keep, &stream.SuperviseOptions[int]{MaxCount: 1})
			if _, err := outcomeOf(t, count(6), flow); !errors.Is(err, stream.ErrTooManySkipped) || letters != nil {
				t.Errorf("%v, and the letters of a failed run are published: %v", err, letters)
			}
		})
	}
}

func ExampleSupervise() {
	parse := func(_ context.Context, s string) (int, error) {
		n, err := strconv.Atoi(s)
		return n, stream.Mark(err, stream.Data)
	}
	numbers := stream.Via(source.Of("1", "2", "three", "4"), stream.Supervise(1, parse,
		func(_ context.Context, d stream.DeadLetter[string]) error {
			fmt.Printf("element %d, %q: %v\n", d.Position, d.Element, d.Err)
			return nil
		}, &stream.SuperviseOptions[string]{MaxCount: 10}))
	got, err := stream.Run(context.Background(), numbers, sink.Slice[int]())
	fmt.Println(got, err)
	// Output:
	// element 2, "three": strconv.Atoi: parsing "three": invalid syntax
	// [1 2 4] <nil>
}

func ExampleSuperviseTo() {
	parse := func(_ context.Context, s string) (int, error) {
		n, err := strconv.Atoi(s)
		return n, stream.Mark(err, stream.Data)
	}
	letters := sink.ForEach(func(_ context.Context, d stream.DeadLetter[string]) error {
		fmt.Printf("element %d: %q\n", d.Position, d.Element)
		return nil
	})
	numbers := stream.Via(source.Of("1", "two", "3"), stream.SuperviseTo(1, parse, letters, nil))
	got, err := stream.Run(context.Background(), numbers, sink.Slice[int]())
	fmt.Println(got, err)
	// Output:
	// element 1: "two"
	// [1 3] <nil>
}
