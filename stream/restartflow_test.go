package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// unreliable is flow with runs that fail at random, before taking an element or after emitting one.
func unreliable[O any](r *rand.Rand, flow stream.Flow[int, O]) stream.Flow[int, O] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(O) error) error {
		in, out := r.IntN(20), r.IntN(20)
		broken := stream.Via(src, stream.TryMap(func(_ context.Context, n int) (int, error) {
			if in--; in < 0 {
				return 0, errPassing
			}
			return n, nil
		}))
		return stream.Via(broken, flow).Each(ctx, func(v O) error {
			if out--; out < 0 {
				return errPassing
			}
			return emit(v)
		})
	})
}

func TestRestartFlowLosesNothing(t *testing.T) {
	const n = 50
	try := func(_ context.Context, n int) (int, error) {
		time.Sleep(time.Duration(n*7%5) * time.Millisecond)
		return n, nil
	}
	same := func(in, out int) bool { return in == out }
	flows := map[string]func(*rand.Rand) stream.Flow[int, int]{
		"Map":          func(r *rand.Rand) stream.Flow[int, int] { return unreliable(r, stream.Map(self)) },
		"MapParallel":  func(r *rand.Rand) stream.Flow[int, int] { return unreliable(r, stream.MapParallel(4, try)) },
		"MapUnordered": func(r *rand.Rand) stream.Flow[int, int] { return unreliable(r, stream.MapUnordered(4, try)) },
		"Async":        func(r *rand.Rand) stream.Flow[int, int] { return unreliable(r, stream.Async[int](4)) },
	}
	b := &stream.Backoff{MaxRetries: -1, Min: time.Millisecond, Max: time.Millisecond}
	for name, flow := range flows {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(100) {
				synctest.Test(t, func(t *testing.T) {
					r := rand.New(rand.NewPCG(seed, 1))
					got, err := stream.Run(t.Context(), stream.Via(count(n), stream.RestartFlow(1000, flow(r), same,
						b)), sink.Slice[int]())
					if err != nil || name != "MapUnordered" && !slices.IsSorted(got) {
						t.Fatalf("seed %d: %v, %v", seed, got, err)
					}
					slices.Sort(got)
					if len(got) != n || got[0] != 0 || len(slices.Compact(got)) != n {
						t.Fatalf("seed %d: %v", seed, got)
					}
				})
			}
		})
	}
	t.Run("a flow that gathers", func(t *testing.T) {
		for seed := range uint64(100) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 2))
				flow := stream.RestartFlow(10, unreliable(r, stream.Batch[int](3)), func(in int, out []int) bool {
					return slices.Contains(out, in)
				}, b)
				got, err := stream.Run(t.Context(), stream.Via2(count(n), flow, stream.FlatMap(func(xs []int) []int {
					return xs
				})), sink.Slice[int]())
				if err != nil || len(got) != n || !slices.IsSorted(got) {
					t.Fatalf("seed %d: %v, %v", seed, got, err)
				}
			})
		}
	})
	t.Run("a flow that drops", func(t *testing.T) {
		for seed := range uint64(100) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 3))
				flow := stream.RestartFlow(10, unreliable(r, stream.Filter(func(n int) bool {
					return n%3 == 0
				})), func(in, out int) bool { return in <= out }, b)
				got, err := stream.Run(t.Context(), stream.Via(count(n), flow), sink.Slice[int]())
				if err != nil || len(got) != (n+2)/3 || !slices.IsSorted(got) {
					t.Fatalf("seed %d: %v, %v", seed, got, err)
				}
			})
		}
	})
}

func TestRestartFlowBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := func(n int) stream.Flow[int, []int] {
			return stream.RestartFlow(n, stream.Batch[int](3), func(in int, out []int) bool {
				return slices.Contains(out, in)
			},
				&stream.Backoff{When: func(error) bool { return true }})
		}
		got, err := outcomeOf(t, count(7), flow(3))
		if len(got) != 3 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		got, err = outcomeOf(t, count(7), flow(2))
		if len(got) != 0 || !errors.Is(err, stream.ErrLimit) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// The upstream never ends: a failure of the flow does not wait for it, and a flow that completes
// ends the run. An output that settles nothing is not progress: if a flow repeats it in every
// attempt, RestartFlow gives up.
func TestRestartFlowGivesUpWithoutProgress(t *testing.T) {
	for settles, want := range map[bool]int{false: 3, true: 8} {
		synctest.Test(t, func(t *testing.T) {
			flow := stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
				return src.Each(ctx, func(v int) error {
					if err := emit(v); err != nil {
						return err
					}
					return errPassing
				})
			})
			retries := 0
			b := &stream.Backoff{MaxRetries: 3, Notify: func(error, time.Duration) { retries++ }}
			restart := stream.RestartFlow(10, flow, func(int, int) bool { return settles }, b)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // in case it never gives up
			defer cancel()
			_, err := stream.Run(ctx, stream.Via(count(8), restart), sink.Discard[int]())
			if retries != want || settles && err != nil || !settles && !errors.Is(err, errPassing) {
				t.Errorf("outputs that settle: %v: %d retries, %v", settles, retries, err)
			}
		})
	}
}

func TestRestartFlowDoesNotWaitForItsUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		same := func(in, out int) bool { return in == out }
		tries := 0
		flow := stream.MapParallel(2, func(context.Context, int) (int, error) {
			tries++
			return 0, errPassing
		})
		// One element only: results of others in a later attempt would be progress.
		_, err := outcomeOf(t, stream.Concat(count(1), source.Never[int]()), stream.RestartFlow(100, flow, same, nil))
		if tries != 11 || !errors.Is(err, errPassing) {
			t.Errorf("%d tries, %v", tries, err)
		}
		silent := stream.Concat(count(3), source.Never[int]())
		got, err := outcomeOf(t, silent, stream.RestartFlow(100, stream.Take[int](2), same, nil))
		if !slices.Equal(got, []int{0, 1}) || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// A failure of the upstream is not the flow's. A retried element is complete even if the flow
// overwrote it.
func TestRestartFlowReplaysWhatItWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := 2
		upper := stream.TryMap(func(_ context.Context, p []byte) (string, error) {
			s := strings.ToUpper(string(p))
			clear(p)
			if faults--; faults >= 0 {
				return "", errPassing
			}
			return s, nil
		})
		flow := stream.RestartFlow(1, upper, func(in []byte, out string) bool {
			return strings.EqualFold(string(in), out)
		}, nil)
		got, err := outcomeOf(t, failing(errBoom, []byte("a"), []byte("b")), flow)
		if !errors.Is(err, errBoom) {
			t.Errorf("%v, %v", got, err)
		}
		faults = 2
		got, err = outcomeOf(t, source.Of([]byte("a"), []byte("b")), flow)
		if !slices.Equal(got, []string{"A", "B"}) || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestRestartSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored [][]string // what each run published
		tries := 0
		store := stream.SinkFunc[[]byte, int](func(ctx context.Context, src stream.Source[[]byte]) (int, error) {
			var batch []string
			tries++
			err := src.Each(ctx, func(p []byte) error {
				batch = append(batch, string(p))
				clear(p)
				if tries%3 != 0 && len(batch) == 2 {
					return errPassing
				}
				return nil
			})
			if err != nil {
				return 0, err
			}
			stored = append(stored, batch)
			return len(batch), nil
		})
		in := stream.Via(count(7), stream.Map(func(n int) []byte { return []byte{'0' + byte(n)} }))
		got, err := outcomeOf(t, in, stream.RestartSink(3, store, nil))
		if !slices.Equal(got, []int{3, 3, 1}) || err != nil || tries != 7 ||
			fmt.Sprint(stored) != "[[0 1 2] [3 4 5] [6]]" {
			t.Errorf("%v, %v after %d tries, stored %v", got, err, tries, stored)
		}
		if got, err := outcomeOf(t, source.Empty[[]byte](), stream.RestartSink(3, store, nil)); len(got) != 0 ||
			err != nil || tries != 7 {
			t.Errorf("nothing in: %v, %v", got, err)
		}
		unclear := stream.SinkFunc[int, int](func(context.Context, stream.Source[int]) (int, error) {
			tries++
			return 0, stream.Mark(errBoom, stream.UnknownOutcome)
		})
		tries = 0
		if _, err := outcomeOf(t, count(1), stream.RestartSink(3, unclear, nil)); err == nil || tries != 1 {
			t.Errorf("an unknown outcome: %v after %d tries", err, tries)
		}
	})
}

func ExampleRestartFlow() {
	faults := 1
	// session stands for a connection.
	session := stream.TryMap(func(_ context.Context, q string) (string, error) {
		if faults--; faults == -1 {
			return "", stream.Mark(errors.New("connection reset"), stream.Retryable)
		}
		return q + "!", nil
	})
	answers := stream.Via(source.Of("a", "b", "c"), stream.RestartFlow(8, session,
		func(in, out string) bool { return out == in+"!" }, &stream.Backoff{Min: time.Millisecond}))
	got, err := stream.Run(context.Background(), answers, sink.Slice[string]())
	fmt.Println(got, err)
	// Output: [a! b! c!] <nil>
}

func ExampleRestartSink() {
	faults := 1
	upload := stream.SinkFunc[string, string](func(ctx context.Context, src stream.Source[string]) (string, error) {
		lines, err := stream.Run(ctx, src, sink.Slice[string]())
		if faults--; faults == 0 {
			err = stream.Mark(errors.New("connection reset"), stream.Retryable)
		}
		return "object of " + strings.Join(lines, "+"), err
	})
	objects := stream.Via(source.Of("a", "b", "c"),
		stream.RestartSink(2, upload, &stream.Backoff{Min: time.Millisecond}))
	for object, err := range stream.All(context.Background(), objects) {
		fmt.Println(object, err)
	}
	// Output:
	// object of a+b <nil>
	// object of c <nil>
}
