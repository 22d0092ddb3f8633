package stream_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// slowly delays each element by d.
func slowly[T any](d time.Duration) stream.Flow[T, T] {
	return stream.Map(func(v T) T { time.Sleep(d); return v })
}

func TestMonitorTimes(t *testing.T) {
	for name, c := range map[string]struct {
		before, own, after  time.Duration
		waited, of, blocked time.Duration
		bottleneck          string
	}{
		"source": {
			before: 10 * time.Millisecond, own: time.Millisecond, waited: 1000 * time.Millisecond,
			of: 100 * time.Millisecond, bottleneck: "the stages before stage: 91 % of 1.1s",
		},
		"stage": {
			before: time.Millisecond, own: 10 * time.Millisecond, waited: 100 * time.Millisecond,
			of: 1000 * time.Millisecond, bottleneck: "stage: 91 % of 1.1s",
		},
		"sink": {
			own: time.Millisecond, after: 9 * time.Millisecond, of: 100 * time.Millisecond,
			blocked: 900 * time.Millisecond, bottleneck: "the stages after stage: 90 % of 1s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stream.Stats{Name: "stage"}
				body := stream.Via3(count(100), slowly[int](c.before), stream.Measure(&s, slowly[int](c.own)),
					slowly[int](c.after))
				if _, err := stream.Run(t.Context(), body, sink.Discard[int]()); err != nil {
					t.Fatal(err)
				}
				got := s.Snapshot()
				if got.Waited != c.waited || got.Own != c.of || got.Blocked != c.blocked || got.Taken != 100 ||
					got.Elements != 100 {
					t.Errorf("%+v", got)
				}
				if got := stream.Bottleneck(got); got != c.bottleneck {
					t.Errorf("%q, not %q", got, c.bottleneck)
				}
			})
		})
	}
}

// A flow with its own goroutines is the bottleneck if it blocks its upstream while its downstream
// is idle.
func TestMonitorOfAFlowOnItsOwnGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stream.Stats
		work := func(_ context.Context, n int) (int, error) { time.Sleep(20 * time.Millisecond); return n, nil }
		body := stream.Via2(count(200), stream.Measure(&s, stream.MapParallel(2, work)), slowly[int](time.Millisecond))
		if _, err := stream.Run(t.Context(), body, sink.Discard[int]()); err != nil {
			t.Fatal(err)
		}
		if got := s.Snapshot(); got.Own < time.Second || got.Own > 2*time.Second ||
			got.Blocked != 200*time.Millisecond {
			t.Errorf("own %v, blocked %v", got.Own, got.Blocked)
		}
	})
}

// While an element is stuck, a snapshot shows where.
func TestMonitorWhileBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before, after stream.Stats
		body := stream.Via3(count(1), stream.Monitor[int](&before), slowly[int](time.Minute),
			stream.Monitor[int](&after))
		run := stream.Go(t.Context(), body, sink.Discard[int]())
		time.Sleep(30 * time.Second)
		a, b := before.Snapshot(), after.Snapshot()
		if a.Blocked != 30*time.Second || a.Waited != 0 || b.Blocked != 0 || b.Waited != 30*time.Second ||
			a.Elements != 0 {
			t.Errorf("%+v\n%+v", a, b)
		}
		if got, want := stream.Bottleneck(a, b),
			"the stages between monitor 1 and monitor 2: 100 % of 30s"; got != want {
			t.Errorf("%q", got)
		}
		if _, err := run.Wait(); err != nil {
			t.Fatal(err)
		}
		last := before.Snapshot().Since(a)
		if last.Blocked != 30*time.Second || last.Elements != 1 || last.Runs != 0 {
			t.Errorf("since then %+v", last)
		}
		if elements, _ := before.Snapshot().Rate(a); elements != 1.0/30 {
			t.Errorf("%v elements a second", elements)
		}
	})
}

// Few quick elements are timed, and the sum is still right.
func TestMonitorSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stream.Stats
		const elements, slow = 1 << 20, 16
		each := func(_ context.Context, n int) error {
			if n%slow == 0 {
				time.Sleep(time.Microsecond)
			}
			return nil
		}
		src := source.Range(0, elements, 1)
		if _, err := stream.Run(t.Context(), stream.Via(src, stream.Monitor[int](&s)), sink.ForEach(each)); err != nil {
			t.Fatal(err)
		}
		whole := elements / slow * time.Microsecond
		got := s.Snapshot()
		if got.Blocked < whole*8/10 || got.Waited+got.Blocked != whole {
			t.Errorf("blocked %v, waited %v of %v", got.Blocked, got.Waited, whole)
		}
	})
}

func TestMonitorCountsRuns(t *testing.T) {
	var s stream.Stats
	run := func(src stream.Source[int], sink stream.Sink[int, []int]) (err error) {
		defer func() { recover() }()
		_, err = stream.Run(t.Context(), stream.Via(src, stream.Monitor[int](&s)), sink)
		return err
	}
	_ = run(count(3), sink.Slice[int]())
	_ = run(stream.Via(count(3), stream.TryMap(func(context.Context, int) (int, error) {
		return 0, errBoom
	})), sink.Slice[int]())
	_ = run(stream.Via(count(3), stream.Map(func(int) int { panic("boom") })), sink.Slice[int]())
	body := stream.Via2(count(3), stream.Monitor[int](&s), stream.Take[int](1))
	if _, err := stream.Run(t.Context(), body, sink.Slice[int]()); err != nil {
		t.Fatal(err)
	}
	if got := s.Snapshot(); got.Runs != 4 || got.Failures != 2 {
		t.Errorf("%d runs, %d failures", got.Runs, got.Failures)
	}
}

func TestSnapshotLogs(t *testing.T) {
	s := stream.Stats{Name: "gzip"}
	flow := stream.Measure(&s, stream.Map(func(b []byte) []byte { return b[:1] }))
	src := source.Of([]byte("abc"))
	if _, err := stream.Run(t.Context(), stream.Via(src, flow), sink.Discard[[]byte]()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("done", "stage", &s)
	for _, want := range []string{
		"stage.name=gzip", "stage.elements=1", "stage.bytes=1", "stage.taken_bytes=3",
		"stage.waited=",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}

func ExampleMonitor() {
	numbers := stream.Stats{Name: "numbers"}
	src := stream.Via(source.Of(1, 2, 3), stream.Monitor[int](&numbers))
	if _, err := stream.Run(context.Background(), src, sink.Discard[int]()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(numbers.Elements(), numbers.Name)
	// Output: 3 numbers
}

func ExampleMonitorBytes() {
	var read stream.Stats
	src := stream.Via(source.Of([]byte("one"), []byte("two"), []byte("three")), stream.MonitorBytes(&read))
	if _, err := stream.Run(context.Background(), src, sink.Discard[[]byte]()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(read.Bytes(), "bytes in", read.Elements(), "chunks")
	// Output: 11 bytes in 3 chunks
}

func ExampleMeasure() {
	parse := stream.Stats{Name: "parse"}
	slow := stream.Map(func(n int) int { time.Sleep(2 * time.Millisecond); return n })
	src := stream.Via(source.Range(0, 20, 1), stream.Measure(&parse, slow))
	if _, err := stream.Run(context.Background(), src, sink.Discard[int]()); err != nil {
		fmt.Println(err)
	}
	stage, _, _ := strings.Cut(stream.Bottleneck(parse.Snapshot()), ":")
	fmt.Println(stage, "holds the run back")
	// Output: parse holds the run back
}
