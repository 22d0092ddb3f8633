package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// drainedSources has each source of package source that a drain ends, in a form that ends only by a
// drain. Waiting sources wait forever after some elements.
func drainedSources() map[string]func() stream.Source[int] {
	type ints = stream.Source[int]
	var (
		open = func(context.Context) (*int, error) { return new(int), nil }
		next = func(n *int, _ context.Context) (int, bool, error) { *n++; return *n, true, nil }
		shut = func(*int, context.Context) error { return nil }
		seq  = func(yield func(int) bool) {
			for n := 0; yield(n); n++ {
			}
		}
		lost  = stream.Mark(errBoom, stream.Retryable)
		after = func(n int) ints { return source.Range(n+1, math.MaxInt, 1) }
		id    = func(n int) int { return n }
		flaky = func(n int) ints {
			return stream.Concat(source.Range(n+1, n+4, 1), stream.Fail[int](lost))
		}
		queue = func(n int) *source.Queue[int] {
			q := source.NewQueue[int](n)
			for i := range n {
				_, _ = q.TryOffer(i)
			}
			return q
		}
	)
	return map[string]func() ints{
		"Chan": func() ints {
			ch := make(chan int, 1000)
			for i := range cap(ch) {
				ch <- i
			}
			return source.Chan(ch)
		},
		"Chan, waiting": func() ints { return source.Chan(make(chan int)) },
		"Cycle":         func() ints { return source.Cycle(slices.Values([]int{1, 2, 3})) },
		"Repeat":        func() ints { return source.Repeat(1) },
		"Defer": func() ints {
			return source.Defer(func(context.Context) (ints, error) { return source.Repeat(1), nil })
		},
		"Empty":          source.Empty[int],
		"Func":           func() ints { return source.Func(func(context.Context) (int, error) { return 1, nil }) },
		"Never":          source.Never[int],
		"NewQueue":       func() ints { return queue(2) },
		"NewQueue, many": func() ints { return queue(100) },
		"Range":          func() ints { return source.Range(0, math.MaxInt, 1) },
		"Resource":       func() ints { return source.Resource(open, next, shut) },
		"Resource, waiting": func() ints {
			return stream.Drainable(source.Resource(open, func(n *int, ctx context.Context) (int, bool, error) {
				if *n++; *n < 5 {
					return *n, true, nil
				}
				<-ctx.Done()
				return 0, false, ctx.Err()
			}, shut))
		},
		"Seq":   func() ints { return source.Seq[int](seq) },
		"Seq2":  func() ints { return source.Seq2(withoutErrors(seq)) },
		"Slice": func() ints { return source.Slice(make([]int, 1<<20)) },
		"Tick": func() ints {
			return stream.Via(source.Tick(time.Second), stream.Map(func(time.Time) int { return 1 }))
		},
		"Unfold": func() ints {
			return source.Unfold(0,
				func(_ context.Context, n int) (int, int, bool, error) { return n + 1, n, true, nil })
		},

		"Concat":       func() ints { return stream.Concat(source.Repeat(1), source.Repeat(2)) },
		"OrElse":       func() ints { return stream.OrElse(source.Never[int](), source.Repeat(2)) },
		"InitialDelay": func() ints { return stream.Via(source.Repeat(1), stream.InitialDelay[int](time.Hour)) },
		"Restart":      func() ints { return stream.Restart(source.Of(0), id, after, nil) },
		"Restart, following": func() ints {
			return stream.Restart(source.Of(0), id, after, &stream.RestartOptions{Follow: true})
		},
		"Restart, in its wait": func() ints {
			return stream.Restart(source.Slice([]int{0}), id, func(int) ints { return source.Empty[int]() },
				&stream.RestartOptions{Follow: true, Backoff: stream.Backoff{Min: 100 * time.Hour}})
		},
		"Restart, failing": func() ints {
			return stream.Restart(flaky(0), id, flaky,
				&stream.RestartOptions{Backoff: stream.Backoff{Min: 100 * time.Hour, MaxRetries: -1}})
		},
		"Drainable, deaf": func() ints { return stream.Drainable(stream.Via(source.Repeat(1), ignoring())) },
		"Drainable, waiting": func() ints {
			return stream.Drainable(stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				if err := emit(1); err != nil {
					return err
				}
				<-ctx.Done()
				// This source returns ctx.Err, not the cause.
				return fmt.Errorf("receive: %w", ctx.Err())
			}))
		},
	}
}

func withoutErrors(seq iter.Seq[int]) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for n := range seq {
			if !yield(n, nil) {
				return
			}
		}
	}
}

// ignoring hides the drain from its upstream.
func ignoring() stream.Flow[int, int] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		return src.Each(stream.WithoutDrain(ctx), emit)
	})
}

// Every source of the library ends when its run is drained, while the source or its downstream
// waits. All elements that it emitted reach the sink.
func TestDrainEndsSources(t *testing.T) {
	for name, src := range drainedSources() {
		t.Run(name, func(t *testing.T) {
			for _, after := range []time.Duration{0, 35} {
				synctest.Test(t, func(t *testing.T) {
					emitted := 0
					counted := stream.Via2(src(), stream.Map(func(n int) int { emitted++; return n }),
						stream.MapParallel(4, func(ctx context.Context, n int) (int, error) {
							return n, sleepFor(ctx, 10*time.Millisecond)
						}))
					run := stream.Go(t.Context(), counted, sink.Discard[int]())
					time.Sleep(after*time.Millisecond + time.Microsecond)
					run.Drain()
					began := time.Now()
					stored, err := run.Wait()
					if err != nil || int(stored) != emitted {
						t.Errorf("%d emitted, %d stored, %v", emitted, stored, err)
					}
					if took := time.Since(began); took > time.Second {
						t.Errorf("it took %v", took)
					}
					if name == "NewQueue, many" && stored != 100 {
						t.Errorf("the queue had taken 100, %d were stored", stored)
					}
				})
			}
		})
	}
}

// wholeSources has the sources of one indivisible whole, with their complete output.
func wholeSources(t *testing.T) map[string]func() stream.Source[[]byte] {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]func() stream.Source[[]byte]{
		"File":   func() stream.Source[[]byte] { return source.File(name, &source.FileOptions{ChunkSize: 10}) },
		"Reader": func() stream.Source[[]byte] { return source.Reader(&slowReader{whole}) },
		"Stdin": func() stream.Source[[]byte] {
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = file.Close() })
			stdin := os.Stdin
			os.Stdin = file
			defer func() { os.Stdin = stdin }()
			return source.Stdin()
		},
		"Open": func() stream.Source[[]byte] {
			return source.Open(
				func(context.Context) (io.ReadCloser, error) { return io.NopCloser(&slowReader{whole}), nil })
		},
		"Pipe": func() stream.Source[[]byte] {
			src, w := source.Pipe()
			go func() {
				_, _ = io.Copy(w, &slowReader{whole})
				_ = w.Close()
			}()
			return src
		},
		"Of": func() stream.Source[[]byte] { return source.Of(slices.Collect(slices.Chunk(whole, 10))...) },
		"MergeSequence": func() stream.Source[[]byte] {
			type numbered = stream.Pair[int64, []byte]
			part := func(from int64) stream.Source[numbered] {
				return source.Unfold(from, func(_ context.Context, n int64) (int64, numbered, bool, error) {
					at := min(int(n)*10, len(whole))
					return n + 2, numbered{First: n, Second: whole[at:min(at+10, len(whole))]}, at < len(whole), nil
				})
			}
			all := stream.MergeSequence(func(p numbered) int64 { return p.First },
				part(0), stream.Via(part(1), stream.Async[numbered](3)))
			return stream.Via(all, stream.Map(func(p numbered) []byte { return p.Second }))
		},
	}
}

var whole = bytes.Repeat([]byte("0123456789"), 30)

// slowReader reads ten bytes at a time.
type slowReader struct{ rest []byte }

func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:min(10, len(r.rest))])
	r.rest = r.rest[n:]
	return n, nil
}

// A drain does not truncate a source of bytes.
func TestDrainOfOneWhole(t *testing.T) {
	for name, src := range wholeSources(t) {
		for _, after := range []time.Duration{0, 35} {
			synctest.Test(t, func(t *testing.T) {
				slow := stream.Via2(src(), stream.Async[[]byte](2), slowly[[]byte](3*time.Millisecond))
				run := stream.Go(t.Context(), slow, sink.Slice[[]byte]())
				time.Sleep(after*time.Millisecond + time.Microsecond)
				run.Drain()
				if got, err := run.Wait(); err != nil || !bytes.Equal(bytes.Join(got, nil), whole) {
					t.Errorf("%s: %d of %d bytes, %v", name, len(bytes.Join(got, nil)), len(whole), err)
				}
			})
		}
	}
}

// If a list is drained, the brackets that Concat adds around it remain.
func TestDrainLeavesBrackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := stream.Concat(source.Of("["),
			stream.Via(source.Tick(time.Second), stream.Map(func(time.Time) string { return "x" })), source.Of("]"))
		run := stream.Go(t.Context(), list, sink.Slice[string]())
		time.Sleep(2500 * time.Millisecond)
		run.Drain()
		if got, err := run.Wait(); !slices.Equal(got, []string{"[", "x", "x", "]"}) || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// A drain of a consumer or of the producer loses no element, whether the hub has handed it over or
// not.
func TestDrainOfHubs(t *testing.T) {
	one := func(consumers, n int) int { return n % consumers }
	for name, hub := range map[string]*stream.Hub[int]{
		"broadcast": stream.NewBroadcastHub[int](8),
		"partition": stream.NewPartitionHub(8, one),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := func(d time.Duration) stream.Source[int] {
					return stream.Via(hub.Source(), pause(d*time.Millisecond))
				}
				leaves := stream.Go(t.Context(), slow(20), sink.Slice[int]())
				stays := stream.Go(t.Context(), slow(5), sink.Slice[int]())
				synctest.Wait()
				var h handed
				producer := stream.Go(t.Context(), h.source(), hub)
				time.Sleep(100 * time.Millisecond)
				leaves.Drain()
				time.Sleep(100 * time.Millisecond)
				producer.Drain()
				some, err := leaves.Wait()
				rest, errRest := stays.Wait()
				if _, errOfHub := producer.Wait(); err != nil || errRest != nil || errOfHub != nil {
					t.Fatal(err, errRest, errOfHub)
				}
				if name == "broadcast" {
					if len(some) < 9 || !slices.Equal(some, h.out[:len(some)]) {
						t.Errorf("the consumer that left got %v", some)
					}
					some = nil
				}
				h.back = append(some, rest...)
				h.check(t, 1)
			})
		})
	}
	t.Run("merge", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hub := stream.NewMergeHub[int]()
			consumer := stream.Go(t.Context(), stream.Via(hub, stream.Async[int](9)),
				stream.Into(pause(time.Millisecond), sink.Discard[int]()))
			producer := stream.Go(t.Context(), source.Range(0, math.MaxInt, 1), hub.Sink())
			time.Sleep(100 * time.Millisecond)
			consumer.Drain()
			stored, err := consumer.Wait()
			sent, errSent := producer.Wait()
			if err != nil || !errors.Is(errSent, stream.ErrClosed) || stored != sent {
				t.Errorf("%d sent, %v; %d stored, %v", sent, errSent, stored, err)
			}
		})
	})
}
