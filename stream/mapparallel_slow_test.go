package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

type parallelFlows map[string]func(int, func(context.Context, int) (int, error)) stream.Flow[int, int]

var parallelMaps = parallelFlows{"MapParallel": stream.MapParallel[int, int], "MapUnordered": stream.MapUnordered[int,
	int]}

// Calls that become slow do not delay earlier results or later elements.
func TestParallelMapBecomesSlow(t *testing.T) {
	const quick, slow, workers = 1000, 64, 4
	for name, mk := range parallelMaps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var first time.Duration
				var got []int
				f := mk(workers, func(_ context.Context, n int) (int, error) {
					if n >= quick {
						time.Sleep(time.Second)
					}
					return n, nil
				})
				_, err := stream.Run(t.Context(), stream.Via(source.Range(0, quick+slow, 1), f),
					sink.ForEach(func(_ context.Context, n int) error {
						if n >= quick && first == 0 {
							first = time.Since(began)
						}
						got = append(got, n)
						return nil
					}))
				all := time.Since(began)
				if !slices.IsSorted(got) {
					if name == "MapParallel" {
						t.Error("not in order")
					}
					slices.Sort(got)
				}
				if err != nil || !slices.Equal(got, upTo(quick+slow)) {
					t.Errorf("%d elements, %v", len(got), err)
				}
				if first > 1100*time.Millisecond || all > slow/workers*1100*time.Millisecond {
					t.Errorf("the first after %v, all after %v", first, all)
				}
			})
		})
	}
}

// A call may wait until the downstream has processed the results before it.
func TestParallelMapWaitsForItsDownstream(t *testing.T) {
	for name, mk := range parallelMaps {
		for _, workers := range []int{1, 2, 5} {
			for at := 1000; at < 1064; at += 7 {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errors.New("held back"))
					defer cancel()
					seen := make(chan struct{})
					f := mk(workers, func(ctx context.Context, n int) (int, error) {
						if n == at {
							select {
							case <-seen:
							case <-ctx.Done():
								return 0, context.Cause(ctx)
							}
						}
						return n, nil
					})
					n, err := stream.Run(ctx, stream.Via(source.Range(0, 2000, 1), f),
						sink.ForEach(func(_ context.Context, n int) error {
							if n == at-1 {
								close(seen)
							}
							return nil
						}))
					if n != 2000 || err != nil {
						t.Errorf("%s of %d, element %d: %d elements, %v", name, workers, at, n, err)
					}
				})
			}
		}
	}
}

// Random slow calls lose nothing.
func TestParallelMapBetweenQuickAndSlow(t *testing.T) {
	for name, mk := range parallelMaps {
		for _, every := range []int{50, 200, 1000} {
			f := mk(3, func(_ context.Context, n int) (int, error) {
				if n%every < 2 {
					time.Sleep(time.Duration(n%3) * time.Millisecond)
				}
				return n, nil
			})
			got, err := stream.Run(t.Context(), stream.Via(source.Range(0, 20*every, 1), f), sink.Slice[int]())
			if name != "MapParallel" {
				slices.Sort(got)
			}
			if err != nil || !slices.Equal(got, upTo(20*every)) {
				t.Errorf("%s, %d: %d elements, %v", name, every, len(got), err)
			}
		}
	}
}

// Each call may wait for the calls of earlier elements, however the elements were split into
// chunks.
func TestParallelMapInStep(t *testing.T) {
	for name, mk := range parallelMaps {
		for workers := range 5 {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errors.New("held back"))
				defer cancel()
				const elements = 1300
				seen := make([]chan struct{}, elements)
				for i := range seen {
					seen[i] = make(chan struct{})
				}
				f := mk(workers+1, func(ctx context.Context, n int) (int, error) {
					if n >= 1000 {
						select {
						case <-seen[n-1-n%3]:
						case <-ctx.Done():
							return 0, context.Cause(ctx)
						}
					}
					return n, nil
				})
				n, err := stream.Run(ctx, stream.Via(source.Range(0, elements, 1), f),
					sink.ForEach(func(_ context.Context, n int) error {
						close(seen[n])
						return nil
					}))
				if n != elements || err != nil {
					t.Errorf("%s of %d: %d elements, %v", name, workers+1, n, err)
				}
			})
		}
	}
}

// As many calls as there are workers may wait for each other, also after quick calls, with few
// chunks in flight, and if all workers have slept.
func TestParallelMapCallsManyAtOnce(t *testing.T) {
	const workers = 300
	for name, mk := range parallelMaps {
		for _, quick := range []int{0, 20_000} {
			t.Run(fmt.Sprint(name, " after ", quick), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var met sync.WaitGroup
					met.Add(workers)
					pause := stream.Map(func(n int) int {
						if n == quick {
							time.Sleep(time.Second)
						}
						return n
					})
					call := mk(workers, func(_ context.Context, n int) (int, error) {
						if n >= quick {
							met.Done()
							met.Wait()
						}
						return n, nil
					})
					numbers := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
						defer met.Wait() // the end of the source would wake all workers
						return source.Range(0, quick+workers, 1).Each(ctx, emit)
					})
					src := stream.Via2(numbers, pause, call)
					n, err := stream.Run(t.Context(), src, sink.Discard[int]())
					if n != int64(quick+workers) || err != nil {
						t.Errorf("%d elements, %v", n, err)
					}
				})
			})
		}
	}
}
