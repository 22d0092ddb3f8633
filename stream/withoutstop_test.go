package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// stopping has every way in which a stage further down can end its upstream early: by the result of
// emit, or also by the context.
func stopping() map[string]stream.Flow[int, int] {
	two := stream.Take[int](2)
	same := stream.Map(func(n int) int { return n })
	closed := make(chan struct{})
	return map[string]stream.Flow[int, int]{
		"Take":           two,
		"Async":          stream.Then(stream.Async[int](1), two),
		"Async of Async": stream.Then(stream.Then(stream.Async[int](1), stream.Async[int](1)), two),
		"Buffer":         stream.Then(stream.Buffer[int](1, stream.DropAll), two),
		"MapParallel": stream.Then(stream.MapParallel(2, func(_ context.Context, n int) (int, error) {
			return n, nil
		}), two),
		"MapUnordered": stream.Then(stream.MapUnordered(2, func(_ context.Context, n int) (int, error) {
			return n, nil
		}), two),
		"Broadcast":          stream.Then(stream.Broadcast(same, same), two),
		"Broadcast of Takes": stream.Broadcast(two, two),
		"Balance":            stream.Then(stream.Balance(same, same), two),
		"TakeFor":            stream.TakeFor[int](5 * time.Second),
		"Until": stream.Then(stream.Until[int](closed), stream.Map(func(n int) int {
			if n == 1 {
				close(closed)
			}
			return n
		})),
		"MergeMap": stream.Then(stream.MergeMap(2, func(n int) stream.Source[int] { return source.Of(n) }), two),
	}
}

// seconds emits 0, 1, 2… every second until its context is done.
func seconds() stream.Source[int] { return stream.Via(count(1000), pause(time.Second)) }

// collects is a sink that checks its context, as an upload does, and takes some time to finish.
func collects(all *[]int) stream.Sink[int, int] {
	return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
		err := src.Each(ctx, func(n int) error {
			*all = append(*all, n)
			return nil
		})
		if err != nil {
			return 0, err
		}
		select {
		case <-time.After(10 * time.Second):
			return len(*all), nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	})
}

// An early end further down completes the side sink, however the early end reaches it.
func TestEarlyEndCompletesTheSide(t *testing.T) {
	for name := range stopping() {
		for kind, beside := range map[string]func(all *[]int, done *int) stream.Flow[int, int]{
			"AlsoTo": func(all *[]int, done *int) stream.Flow[int, int] {
				return stream.AlsoTo(stream.OnResult(collects(all), func(n int) { *done = n }))
			},
			"DivertTo": func(all *[]int, done *int) stream.Flow[int, int] {
				return stream.Then(stream.FlatMap(func(n int) []int {
					return []int{n, n}
				}), stream.DivertTo(stream.OnResult(collects(all), func(n int) { *done = n }), func() func(int) bool {
					last := -1
					return func(n int) bool { twice := n == last; last = n; return twice }
				}()))
			},
			"WireTap": func(all *[]int, done *int) stream.Flow[int, int] {
				return stream.WireTap(collects(all), func(n int, err error) {
					if err == nil {
						*done = n
					}
				})
			},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var side []int
					var done int
					down := stopping()[name]
					passed, err := stream.Run(t.Context(), stream.Via2(seconds(), beside(&side, &done), down),
						sink.Slice[int]())
					if err != nil || done == 0 || done != len(side) {
						t.Errorf("%d passed, the side had %v and completed with %d: %v", len(passed), side, done, err)
					}
					for i, n := range side {
						if n != i {
							t.Errorf("the side had %v", side)
							break
						}
					}
				})
			})
		}
	}
}

// If the run is cancelled, it also ends a side sink that is finishing after an early end.
func TestEarlyEndedSideIsCancelledWithTheRun(t *testing.T) {
	for name := range stopping() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer time.AfterFunc(9*time.Second, func() { cancel(errBoom) }).Stop()
				var side []int
				began := time.Now()
				_, err := stream.Run(ctx, stream.Via2(seconds(), stream.AlsoTo(collects(&side)), stopping()[name]),
					sink.Slice[int]())
				if took := time.Since(began); !errors.Is(err, errBoom) || took > 10*time.Second {
					t.Errorf("after %v, %v", took, err)
				}
			})
		})
	}
}

// The side sink also ends with any stage around the stage that ended early. Here that is a Merge
// whose other source fails.
func TestEarlyEndedSideIsCancelledWithItsNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var side []int
		one := stream.Via3(seconds(), stream.AlsoTo(collects(&side)), stream.Async[int](1), stream.Take[int](2))
		other := stream.SourceFunc[int](func(ctx context.Context, _ func(int) error) error {
			select {
			case <-time.After(5 * time.Second):
				return errBoom
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		began := time.Now()
		_, err := stream.Run(t.Context(), stream.Merge(one, other), sink.Slice[int]())
		if took := time.Since(began); !errors.Is(err, errBoom) || took > 6*time.Second {
			t.Errorf("after %v, %v", took, err)
		}
	})
}

// The same holds if the early end passes through a sink that runs its upstream as a coroutine.
func TestEarlyEndThroughALazySink(t *testing.T) {
	run := func(ctx context.Context, side *[]int) error {
		lazy := sink.Lazy(func(context.Context, int) (stream.Sink[int, int64], error) {
			return stream.Into(stream.Then(stream.Async[int](1), stream.Take[int](2)), sink.Discard[int]()), nil
		})
		_, err := stream.Run(ctx, stream.Via(seconds(), stream.AlsoTo(collects(side))), lazy)
		return err
	}
	synctest.Test(t, func(t *testing.T) {
		var side []int
		began := time.Now()
		if err := run(t.Context(), &side); err != nil || time.Since(began) < 10*time.Second {
			t.Errorf("after %v, %v", time.Since(began), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer time.AfterFunc(9*time.Second, func() { cancel(errBoom) }).Stop()
		var side []int
		began := time.Now()
		if err := run(ctx, &side); !errors.Is(err, errBoom) || time.Since(began) > 10*time.Second {
			t.Errorf("after %v, %v", time.Since(began), err)
		}
	})
}

func TestWithoutStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var got []error
		run := func(ctx context.Context, down stream.Flow[int, int], while time.Duration) {
			src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				on, release := stream.WithoutStop(ctx)
				defer release()
				if on.Value(key{}) != "kept" {
					t.Error("the context's values are lost")
				}
				for i := range 2 {
					if err := emit(i); err != nil {
						break
					}
				}
				<-ctx.Done()
				select {
				case <-on.Done():
					got = append(got, context.Cause(on))
				case <-time.After(while):
					got = append(got, nil)
				}
				return context.Cause(ctx)
			})
			_, _ = stream.Run(ctx, stream.Via(src, down), sink.Discard[int]())
		}
		ctx := context.WithValue(t.Context(), key{}, "kept")
		early := stream.Then(stream.Async[int](1), stream.Take[int](1))
		run(ctx, early, time.Second)
		soon, cancel := context.WithCancelCause(ctx)
		time.AfterFunc(time.Second, func() { cancel(errBoom) })
		run(soon, early, time.Minute)
		later, cancel := context.WithCancelCause(ctx)
		time.AfterFunc(time.Second, func() { cancel(errBoom) })
		run(later, stream.Async[int](1), time.Minute)
		failing := stream.Then(stream.Async[int](1), stream.TryMap(func(context.Context, int) (int, error) {
			return 0, errBoom
		}))
		run(ctx, failing, time.Minute)
		if want := []error{nil, errBoom, errBoom, errBoom}; !slices.EqualFunc(got, want, errors.Is) {
			t.Errorf("ended with %v, want %v", got, want)
		}
	})
}

// flowOf is FlowOf or FlowOfCoupled.
func flowOf(into stream.Sink[int, int], src stream.Source[int], coupled bool) stream.Flow[int, int] {
	if coupled {
		return stream.FlowOfCoupled(into, src)
	}
	return stream.FlowOf(into, src)
}

// An early end of one side of a FlowOf completes the sink with the elements that came.
func TestFlowOfCompletesItsSink(t *testing.T) {
	run := func(t *testing.T, src stream.Source[int], into stream.Sink[int, int], coupled bool,
		down stream.Flow[int, int],
	) time.Duration {
		t.Helper()
		began := time.Now()
		if _, err := stream.Run(t.Context(), stream.Via2(seconds(), flowOf(into, src, coupled), down),
			sink.Discard[int]()); err != nil {
			t.Error(err)
		}
		return time.Since(began)
	}
	for name := range stopping() {
		for _, coupled := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " coupled ", coupled), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var all []int
					done := false
					into := stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
						n, err := collects(&all).Consume(ctx, src)
						done = err == nil
						return n, err
					})
					took := run(t, seconds(), into, coupled, stopping()[name])
					if !done || len(all) == 0 || took > time.Minute {
						t.Errorf("after %v the sink had %v, complete: %v", took, all, done)
					}
				})
			})
		}
	}
	same := stream.Map(func(n int) int { return n })
	t.Run("the source ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var all []int
			if took := run(t, stream.Via(seconds(), stream.Take[int](5)), collects(&all), true, same); len(all) == 0 ||
				took != 15*time.Second {
				t.Errorf("after %v the sink had %v", took, all)
			}
		})
	})
	t.Run("the sink ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			first := stream.Into(stream.Take[int](5), sink.Last[int]())
			if took := run(t, seconds(),
				stream.Into(same, stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int,
					error,
				) {
					_, err := first.Consume(ctx, src)
					return 0, err
				})), true, same); took != 5*time.Second {
				t.Errorf("the source ran for %v", took)
			}
		})
	})
}
