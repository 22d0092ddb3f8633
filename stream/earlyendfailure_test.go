package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// A failure that comes with an early end fails the side sink, and is logged and counted as a
// failure.
func TestFailureBesideAnEarlyEnd(t *testing.T) {
	var log strings.Builder
	src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		return errors.Join(count(10).Each(ctx, emit), errBoom)
	})
	var side []int
	var published bool
	var stats stream.Stats
	_, err := stream.Run(t.Context(), stream.Via3(src, stream.Monitor[int](&stats),
		stream.Log[int](slog.New(slog.NewTextHandler(&log, nil)), "it", nil),
		stream.Then(stream.AlsoTo(stream.OnResult(collects(&side), func(int) {
			published = true
		})), stream.Take[int](2))), sink.Discard[int]())
	if !errors.Is(err, errBoom) || published {
		t.Errorf("the run ended with %v, the side was published: %v", err, published)
	}
	if !strings.Contains(log.String(), errBoom.Error()) || stats.Snapshot().Failures != 1 {
		t.Errorf("%s%+v", log.String(), stats.Snapshot())
	}
}

// besides returns the stages with a side sink. They pass the sink's error to done.
func besides(done func(error)) map[string]stream.Flow[int, int] {
	into := stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
		err := src.Each(ctx, func(int) error { return nil })
		done(err)
		return 0, err
	})
	return map[string]stream.Flow[int, int]{
		"AlsoTo":          stream.AlsoTo(into),
		"DivertTo":        stream.DivertTo(into, func(int) bool { return false }),
		"WireTap":         stream.WireTap(into, nil),
		"FlowOf":          stream.FlowOf(into, idle(1)),
		"FlowOf, coupled": stream.FlowOfCoupled(into, idle(1)),
	}
}

// idle emits n elements and then waits for its context.
func idle(n int) stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		if err := count(n).Each(ctx, emit); err != nil {
			return err
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
}

// A failure after an early end that came by the context ends the side sink with the failure.
func TestFailureAfterAnEarlyEnd(t *testing.T) {
	for how, fail := range map[string]func() error{
		"fails":  func() error { return errBoom },
		"panics": func() error { panic(errBoom) },
	} {
		for name := range besides(nil) {
			t.Run(name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var side error
					r := stream.Go(t.Context(), stream.Via(idle(1), besides(func(err error) {
						side = err
					})[name]), sink.ForEach(func(context.Context, int) error {
						time.Sleep(time.Second)
						return fail()
					}))
					time.AfterFunc(time.Second/2, r.Drain)
					var err error
					func() {
						defer func() {
							if p, ok := recover().(*stream.PanicError); ok {
								err = p
							}
						}()
						_, err = r.Wait()
					}()
					if !errors.Is(err, errBoom) || side == nil || how == "fails" && !errors.Is(side, errBoom) {
						t.Errorf("the run ended with %v, the side with %v", err, side)
					}
				})
			})
		}
	}
}

// A source that fails when it is ended early fails the side sink.
func TestFailureOfAnEarlyEnd(t *testing.T) {
	for name := range besides(nil) {
		if strings.HasPrefix(name, "FlowOf") {
			continue // its source is not what goes on
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				side := errors.New("it never ran")
				src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
					// Sleep until the side sink waits, because a run that has ended starts no sink.
					time.Sleep(time.Second)
					return errors.Join(idle(3).Each(ctx, emit), errBoom)
				})
				_, err := stream.Run(t.Context(), stream.Via3(src, besides(func(err error) {
					side = err
				})[name], stream.Async[int](1), stream.Take[int](1)), sink.Discard[int]())
				if !errors.Is(err, errBoom) || !errors.Is(side, errBoom) {
					t.Errorf("the run ended with %v, the side with %v", err, side)
				}
			})
		})
	}
}

// Even if the source fails right after an early end, the side sink does not complete: it fails or
// never starts.
func TestFailureOfAnEarlyEndCompletesNoSide(t *testing.T) {
	for name := range besides(nil) {
		if strings.HasPrefix(name, "FlowOf") {
			continue // its source is not what goes on
		}
		t.Run(name, func(t *testing.T) {
			completed := false
			src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				return errors.Join(idle(3).Each(ctx, emit), errBoom)
			})
			beside := besides(func(err error) { completed = err == nil })[name]
			_, err := stream.Run(t.Context(), stream.Via3(src, beside, stream.Async[int](1), stream.Take[int](1)),
				sink.Discard[int]())
			if !errors.Is(err, errBoom) || completed {
				t.Errorf("the run ended with %v, the side is complete: %v", err, completed)
			}
		})
	}
}

// Two simultaneous early ends are an early end, not a failure.
func TestTwoEarlyEnds(t *testing.T) {
	for name := range besides(nil) {
		for _, above := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, the other is above: %v", name, above), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					enough := make(chan struct{})
					time.AfterFunc(time.Second/2, func() { close(enough) })
					side := errors.New("it has not ended")
					first, second := stream.Until[int](enough), besides(func(err error) { side = err })[name]
					if !above {
						first, second = second, first
					}
					slow := stream.Map(func(n int) int { time.Sleep(time.Second); return n })
					src := stream.Via3(idle(1), stream.Async[int](1), stream.Then(first, second),
						stream.Then(slow, stream.Take[int](1)))
					got, err := stream.Run(t.Context(), src, sink.Slice[int]())
					if err != nil || side != nil || len(got) != 1 {
						t.Errorf("%v, the run ended with %v, the side with %v", got, err, side)
					}
				})
			})
		}
	}
}
