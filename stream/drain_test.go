package stream_test

import (
	"context"
	"fmt"
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// handed records the elements that a source emits and the elements that a sink receives.
type handed struct {
	mu        sync.Mutex
	out, back []int
}

// source returns a source that emits and records a number every millisecond until it is drained.
func (h *handed) source() stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for n := 0; ; n++ {
			select {
			case <-time.After(time.Millisecond):
			case <-stream.Draining(ctx):
				return context.Cause(ctx)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			h.mu.Lock()
			h.out = append(h.out, n)
			h.mu.Unlock()
			if err := emit(n); err != nil {
				return err
			}
		}
	})
}

// sink returns a slow sink that records its elements.
func (h *handed) sink() stream.Sink[int, int64] {
	return sink.ForEach(func(ctx context.Context, n int) error {
		if n == filler {
			return nil
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.back = append(h.back, n)
		return nil
	})
}

// check compares the two records.
func (h *handed) check(t *testing.T, times int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var want []int
	for _, n := range h.out {
		want = append(want, slices.Repeat([]int{n}, times)...)
	}
	slices.Sort(h.back)
	slices.Sort(want)
	if !slices.Equal(h.back, want) {
		t.Errorf("the source emitted %d elements, %d times each; %d came out", len(h.out), times, len(h.back))
	}
}

// A run that is drained at any time succeeds and stores every element that its source has emitted.
func TestDrainLosesNothing(t *testing.T) {
	for name := range drainedFlows() {
		times := 1
		if _, suffix, ok := strings.Cut(name, ", "); ok {
			_, _ = fmt.Sscanf(suffix, "%d times", &times)
		}
		t.Run(name, func(t *testing.T) {
			for _, after := range []time.Duration{0, 1, 10, 33, 100, 450} {
				synctest.Test(t, func(t *testing.T) {
					var h handed
					// The stage is made here, because its channels must belong to this bubble.
					stage := drainedFlows()[name]
					run := stream.Go(t.Context(), stage(h.source()), h.sink())
					time.Sleep(after*time.Millisecond + time.Microsecond)
					run.Drain()
					watchdog := time.AfterFunc(time.Hour, func() { run.Cancel(errTooLong) })
					defer watchdog.Stop()
					if _, err := run.Wait(); err != nil {
						t.Errorf("drained after %d ms: %v", after, err)
					}
					h.check(t, times)
				})
			}
		})
	}
}

var errTooLong = fmt.Errorf("a drained run does not end")

// Every operator is in drainedFlows or drainedElsewhere.
func TestDrainOfEveryStage(t *testing.T) {
	tables := map[string]map[string]bool{"stream": {}, "source": {}}
	for name := range drainedFlows() {
		stage, _, _ := strings.Cut(name, ",")
		tables["stream"][stage] = true
	}
	for name := range drainedElsewhere {
		tables["stream"][name] = true
	}
	for name := range drainedSources() {
		stage, _, _ := strings.Cut(name, ",")
		tables["source"][stage] = true
	}
	for name := range wholeSources(t) {
		tables["source"][name] = true
	}
	for pkg, table := range tables {
		files, _ := parsePackage(t, filepath.Join("..", pkg))
		for _, file := range files {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if ok && f.Recv == nil && f.Name.IsExported() && returnsStage(f) && !table[f.Name.Name] {
					t.Errorf("the drain of %s.%s is not tested", pkg, f.Name.Name)
				}
			}
		}
	}
}

// Sinks that contain stages lose nothing.
func TestDrainIntoSinks(t *testing.T) {
	pairs := stream.Map(func(n int) stream.Pair[int, int] { return stream.Pair[int, int]{First: n, Second: n} })
	for name, over := range map[string]func(stream.Sink[int, int64]) stream.Sink[int, int64]{
		"ForEachParallel": func(stream.Sink[int, int64]) stream.Sink[int, int64] { return nil },
		"StallTimeout": func(s stream.Sink[int, int64]) stream.Sink[int, int64] {
			return stream.Into(stream.Async[int](9), stream.StallTimeout(time.Hour, s))
		},
		"OnResult": func(s stream.Sink[int, int64]) stream.Sink[int, int64] {
			return stream.OnResult(s, func(int64) {})
		},
		"Unzip": func(s stream.Sink[int, int64]) stream.Sink[int, int64] {
			return stream.SinkFunc[int, int64](func(ctx context.Context, src stream.Source[int]) (int64, error) {
				both, err := stream.Run(ctx, src, stream.Into(pairs, stream.Unzip(s, sink.Discard[int]())))
				return both.First, err
			})
		},
		"Lazy": func(s stream.Sink[int, int64]) stream.Sink[int, int64] {
			return sink.Lazy(func(context.Context, int) (stream.Sink[int, int64], error) { return s, nil })
		},
		"Defer": func(s stream.Sink[int, int64]) stream.Sink[int, int64] {
			return sink.Defer(func(context.Context) (stream.Sink[int, int64], error) { return s, nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h handed
				slow := sink.ForEachParallel(4, func(ctx context.Context, n int) error {
					// a call in progress runs to its end
					part := stream.Via(source.Slice([]int{n, n, n}), pause(time.Millisecond))
					got, err := stream.Run(ctx, part, sink.Slice[int]())
					if err == nil && len(got) == 3 {
						h.mu.Lock()
						defer h.mu.Unlock()
						h.back = append(h.back, n)
					}
					return err
				})
				into := over(slow)
				if into == nil {
					into = slow
				}
				run := stream.Go(t.Context(), h.source(), into)
				time.Sleep(50 * time.Millisecond)
				run.Drain()
				if _, err := run.Wait(); err != nil {
					t.Error(err)
				}
				h.check(t, 1)
			})
		})
	}
}

// A source that a stage runs for an element it has taken runs to its end.
func TestDrainSparesWhatIsInside(t *testing.T) {
	inner := func(n int) stream.Source[int] {
		return stream.Via(source.Slice(slices.Repeat([]int{n}, 30)), pause(10*time.Millisecond))
	}
	var counted int64 // by an inner run
	count := func(ctx context.Context, n int) (_ int64, err error) {
		counted, err = stream.Run(ctx, inner(n), sink.Discard[int]())
		return counted, err
	}
	sum := sink.Fold(0, func(a, b int64) int64 { return a + b })
	ones := stream.Map(func(int) int64 { return 1 })
	for name, f := range map[string]stream.Flow[int, int64]{
		"ConcatMap":    stream.Then(stream.ConcatMap(inner), ones),
		"MergeMap":     stream.Then(stream.MergeMap(1, inner), ones),
		"TryMap":       stream.TryMap(count),
		"MapParallel":  stream.MapParallel(1, count),
		"MapKeyed":     stream.MapKeyed(1, 1, func(n int) int { return n }, count),
		"MapUnordered": stream.MapUnordered(1, count),
		"Retry":        stream.MapParallel(1, stream.Retry(count, nil)),
		"Supervise": stream.Supervise(1, count, func(context.Context, stream.DeadLetter[int]) error { return nil },
			nil),
		"MapResource": stream.MapResource(func(context.Context) (int, error) { return 0, nil },
			func(_ int, ctx context.Context, n int) (int64, error) { return count(ctx, n) }, nil),
		"MapResource, open": stream.MapResource(func(ctx context.Context) (int64, error) { return count(ctx, 0) },
			func(n int64, _ context.Context, _ int) (int64, error) { return n, nil }, nil),
		"FlatMapPrefix": stream.FlatMapPrefix(0, func(ctx context.Context, _ []int) (stream.Flow[int, int64], error) {
			n, err := count(ctx, 0)
			return stream.Map(func(int) int64 { return n }), err
		}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				counted = 0
				run := stream.Go(t.Context(),
					stream.Via(source.Func(func(context.Context) (int, error) { return 7, nil }), f), sum)
				time.Sleep(100 * time.Millisecond)
				run.Drain()
				got, err := run.Wait()
				// if the run is drained before the source begins, it emits nothing
				if err != nil || max(got, counted) != 30 {
					t.Errorf("%d of 30, %v", max(got, counted), err)
				}
			})
		})
	}
}

// An inner run is drained with the outer run, or alone by its own handle.
func TestDrainOfARunInARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inner *stream.Running[int64]
		src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
			inner = stream.Go(ctx, source.Tick(time.Second), sink.Discard[time.Time]())
			n, err := inner.Wait()
			if err != nil {
				return err
			}
			return emit(int(n))
		})
		outer := stream.Go(t.Context(), src, sink.Slice[int]())
		time.Sleep(3500 * time.Millisecond)
		outer.Drain()
		if got, err := outer.Wait(); !slices.Equal(got, []int{3}) || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}
