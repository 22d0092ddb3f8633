package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// span emits from up to, but not including, end. It fails with err after n elements if n is not
// negative.
func span(from, end, n int, err error) stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		for i := from; ; i++ {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case n >= 0 && i-from == n:
				return err
			case i >= end:
				return nil
			}
			if err := emit(i); err != nil {
				return err
			}
		}
	})
}

func self(n int) int { return n }

// A scan that fails at random points is complete: nothing twice, nothing lost.
func TestRestartGoesOnWhereItStopped(t *testing.T) {
	const end = 40
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			part := func(from int) stream.Source[int] {
				fail := r.IntN(12) - 3 // some fail at once, and some never
				return span(from, end, fail, fmt.Errorf("scan: %w", errPassing))
			}
			opts := &stream.RestartOptions{Backoff: stream.Backoff{MaxRetries: -1}}
			src := stream.Restart(part(0), self, func(last int) stream.Source[int] { return part(last + 1) }, opts)
			// The first part may fail on every attempt without an element: it is the same source
			// each time.
			src = stream.Via(src, stream.TakeFor[int](time.Hour))
			got, err := stream.Run(t.Context(), src, sink.Slice[int]())
			if err != nil || len(got) != end && len(got) != 0 {
				t.Fatalf("seed %d: %d elements, %v", seed, len(got), err)
			}
			for i, n := range got {
				if n != i {
					t.Fatalf("seed %d: element %d is %d", seed, i, n)
				}
			}
		})
	}
}

func TestRestartBeginsAgainWithoutAPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		first := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
			if runs++; runs < 4 {
				return errPassing
			}
			return count(2).Each(ctx, emit)
		})
		after := func(n int) stream.Source[int] { t.Errorf("after(%d)", n); return nil }
		got, err := stream.Run(t.Context(), stream.Restart(first, self, after, nil), sink.Slice[int]())
		if !slices.Equal(got, []int{0, 1}) || err != nil || runs != 4 {
			t.Errorf("%v, %v after %d runs", got, err, runs)
		}
	})
}

func TestRestartGivesUp(t *testing.T) {
	tests := []struct {
		name    string
		b       stream.Backoff
		part    func(from int) stream.Source[int]
		want    int // elements
		retries int
		err     error
	}{
		{
			"not transient",
			stream.Backoff{},
			func(from int) stream.Source[int] { return span(from, 9, 2, errBoom) }, 2, 0, errBoom,
		},
		{
			"nothing but failures",
			stream.Backoff{MaxRetries: 3},
			func(from int) stream.Source[int] { return span(from, 9, 0, errPassing) }, 0, 3, errPassing,
		},
		{ // each part ends before ResetAfter
			"one element and a failure",
			stream.Backoff{MaxRetries: 3, ResetAfter: time.Second},
			func(from int) stream.Source[int] { return span(from, 9, 1, errPassing) }, 4, 3, errPassing,
		},
		{ // a quick scan that always advances
			"progress",
			stream.Backoff{MaxRetries: 3},
			func(from int) stream.Source[int] { return span(from, 9, 1, errPassing) }, 9, 9, nil,
		},
		{ // progress, and then none
			"progress to an element that cannot be read",
			stream.Backoff{MaxRetries: 3},
			func(from int) stream.Source[int] { return span(from, 9, min(1, 5-from), errPassing) }, 5, 7, errPassing,
		},
		{ // slow progress resets the streak
			"slow progress",
			stream.Backoff{MaxRetries: 3, ResetAfter: time.Second},
			func(from int) stream.Source[int] {
				return stream.Via(span(from, 9, 1, errPassing), pause(time.Second))
			}, 9, 9, nil,
		},
		{ // a slow failure without progress does not
			"slow failures",
			stream.Backoff{MaxRetries: 3},
			func(from int) stream.Source[int] {
				return stream.Via(span(from, 9, 0, errPassing), stream.InitialDelay[int](time.Hour))
			}, 0, 3, errPassing,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				retries := 0
				tt.b.Notify = func(error, time.Duration) { retries++ }
				src := stream.Restart(tt.part(0), self, func(last int) stream.Source[int] { return tt.part(last + 1) },
					&stream.RestartOptions{Backoff: tt.b})
				n, err := stream.Run(t.Context(), src, sink.Discard[int]())
				if int(n) != tt.want || retries != tt.retries || !errors.Is(err, tt.err) ||
					(err == nil) != (tt.err == nil) {
					t.Errorf("%d elements, %d retries, %v; want %d, %d, %v", n, retries, err, tt.want, tt.retries,
						tt.err)
				}
			})
		})
	}
}

// While there is progress the delay stays at its minimum, so that one element per attempt does not
// cause a busy loop. Without progress it grows. MaxElapsed bounds only the time without progress.
func TestRestartWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		part := func(from int) stream.Source[int] { return span(from, 9, min(1, 3-from), errPassing) }
		src := stream.Restart(part(0), self, func(last int) stream.Source[int] { return part(last + 1) },
			&stream.RestartOptions{Backoff: stream.Backoff{
				Min: time.Second, Jitter: -1, MaxElapsed: 8 * time.Second,
				Notify: func(_ error, wait time.Duration) { waits = append(waits, wait) },
			}})
		_, err := stream.Run(t.Context(), src, sink.Discard[int]())
		want := []time.Duration{time.Second, time.Second, time.Second, 2 * time.Second, 4 * time.Second}
		if !errors.Is(err, errPassing) || !slices.Equal(waits, want) {
			t.Errorf("%v after the waits %v, want %v", err, waits, want)
		}
	})
}

// A position that is part of its element survives a downstream that overwrites the element.
func TestRestartKeepsItsPosition(t *testing.T) {
	type position struct {
		Key []byte
		at  int
	}
	synctest.Test(t, func(t *testing.T) {
		from := func(n int) stream.Source[[]byte] {
			return stream.Via(span(n, 6, 2, errPassing), stream.Map(func(n int) []byte { return []byte{'k', byte(n)} }))
		}
		src := stream.Restart(from(0), func(p []byte) position { return position{Key: p[1:], at: int(p[1])} },
			func(p position) stream.Source[[]byte] {
				if int(p.Key[0]) != p.at {
					t.Errorf("the position became %d, it was %d", p.Key[0], p.at)
				}
				return from(p.at + 1)
			}, nil)
		var got []byte
		_, err := stream.Run(t.Context(), src, sink.ForEach(func(_ context.Context, p []byte) error {
			got = append(got, p[1])
			clear(p)
			return nil
		}))
		if !bytes.Equal(got, []byte{0, 1, 2, 3, 4, 5}) || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestRestartFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		end := func() int { // one element at once, four after an hour
			if time.Since(began) < time.Hour {
				return 1
			}
			return 4
		}
		runs, failed := 0, 0
		part := func(from int) stream.Source[int] {
			return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				// A completion between failures makes each failure the first.
				if runs++; from == 1 && runs%10 == 6 {
					failed++
					return errPassing
				}
				return span(from, end(), -1, nil).Each(ctx, emit)
			})
		}
		src := stream.Restart(part(0), self, func(last int) stream.Source[int] { return part(last + 1) },
			&stream.RestartOptions{Follow: true, Backoff: stream.Backoff{Jitter: -1, Max: time.Minute, MaxRetries: 1}})
		got, err := stream.Run(t.Context(), stream.Via(src, stream.Take[int](4)), sink.Slice[int]())
		if took := time.Since(began); !slices.Equal(got, []int{0, 1, 2, 3}) || err != nil || failed < 2 ||
			took < time.Hour || took > time.Hour+time.Minute {
			t.Errorf("%v, %v, %d failures, after %v", got, err, failed, took)
		}
		if runs < 60 || runs > 80 {
			t.Errorf("%d runs in an hour, want one a minute and some", runs)
		}
	})
}

// While nothing is added the delay grows; an addition resets it.
func TestRestartFollowsClosely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var runs []time.Duration
		part := func(from int) stream.Source[int] {
			return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				runs = append(runs, time.Since(began)/time.Second)
				end := 1 // one element at once, another in the sixth run
				if len(runs) >= 6 {
					end = 2
				}
				return span(from, end, -1, nil).Each(ctx, emit)
			})
		}
		src := stream.Restart(part(0), self, func(last int) stream.Source[int] { return part(last + 1) },
			&stream.RestartOptions{Follow: true, Backoff: stream.Backoff{
				Jitter: -1, Min: time.Second,
				Max: 8 * time.Second,
			}})
		_, err := stream.Run(t.Context(), stream.Via(src, stream.TakeFor[int](30*time.Second)), sink.Discard[int]())
		if want := []time.Duration{0, 1, 3, 7, 15, 23, 24, 26, 30}; err != nil ||
			!slices.Equal(runs[:min(8, len(runs))], want[:8]) {
			t.Errorf("runs at %d seconds, want %d: %v", runs, want, err)
		}
	})
}

// A source that completes too early is not believed.
func TestRestartVerifiesTheEnd(t *testing.T) {
	const end = 9
	short := stream.Mark(errors.New("the source ended early"), stream.Retryable)
	for name, tt := range map[string]struct {
		ends   int // the elements after which a source completes
		class  stream.Class
		want   int
		checks int
	}{
		"whole":     {end, stream.Retryable, end, 1},
		"in parts":  {4, stream.Retryable, end, 3},
		"for ever":  {0, stream.Retryable, 0, 4},
		"permanent": {4, stream.Fatal, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				last, checks := -1, 0
				part := func(from int) stream.Source[int] { return span(from, min(end, from+tt.ends), -1, nil) }
				src := stream.Restart(part(0),
					func(n int) int { last = n; return n },
					func(last int) stream.Source[int] { return part(last + 1) },
					&stream.RestartOptions{
						Backoff: stream.Backoff{MaxRetries: 3},
						Verify: func(context.Context) error {
							if checks++; last < end-1 {
								return stream.Mark(short, tt.class)
							}
							return nil
						},
					})
				n, err := stream.Run(t.Context(), src, sink.Discard[int]())
				if whole := tt.want == end; int(n) != tt.want || checks != tt.checks || whole != (err == nil) ||
					!whole && !errors.Is(err, short) {
					t.Errorf("%d elements, %d checks, %v; want %d, %d", n, checks, err, tt.want, tt.checks)
				}
			})
		})
	}
}

// An early end, a failure and a drain are no end to prove.
func TestRestartVerifiesOnlyTheEnd(t *testing.T) {
	verified := &stream.RestartOptions{Verify: func(context.Context) error { return errBoom }}
	after := func(n int) stream.Source[int] { return count(1) }
	if _, err := stream.Run(t.Context(), stream.Via(stream.Restart(count(9), self, after, verified),
		stream.Take[int](2)), sink.Discard[int]()); err != nil {
		t.Errorf("an early end: %v", err)
	}
	failed := errors.New("failed")
	if _, err := stream.Run(t.Context(), stream.Restart(stream.Fail[int](failed), self, after, verified),
		sink.Discard[int]()); err != failed {
		t.Errorf("a failure: %v", err)
	}
	drained := stream.Go(t.Context(), stream.Restart(stream.Drainable(count(1_000_000_000)), self, after, verified),
		sink.Discard[int]())
	drained.Drain()
	if _, err := drained.Wait(); err != nil {
		t.Errorf("a drain: %v", err)
	}
}

func TestRestartRefusesNil(t *testing.T) {
	after := func(int) stream.Source[int] { return nil }
	for name, src := range map[string]stream.Source[int]{
		"first":    stream.Restart(nil, self, after, nil),
		"position": stream.Restart[int, int](count(1), nil, after, nil),
		"after":    stream.Restart(count(1), self, nil, nil),
		"no end": stream.Restart(count(1), self, after, &stream.RestartOptions{
			Follow: true, Verify: func(context.Context) error { return nil },
		}),
		"made nil": stream.Restart(span(0, 2, 1, errPassing), self, after,
			&stream.RestartOptions{Backoff: stream.Backoff{Min: 1}}),
	} {
		if _, err := stream.Run(t.Context(), src, sink.Discard[int]()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The stages of a pipeline that hold elements keep them when their source restarts.
func TestRestartInAPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		part := func(from int) stream.Source[int] { return span(from, 100, 7, errPassing) }
		src := stream.Restart(part(0), self, func(last int) stream.Source[int] { return part(last + 1) },
			&stream.RestartOptions{Backoff: stream.Backoff{MaxRetries: -1}})
		got, err := stream.Run(t.Context(), stream.Via3(src, stream.Async[int](8), unbatch(stream.Batch[int](10)),
			stream.MapParallel(3, func(_ context.Context, n int) (int, error) { return n, nil })), sink.Slice[int]())
		if len(got) != 100 || !slices.IsSorted(got) || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func ExampleRestart() {
	table := []string{"ant", "bee", "cat", "dog"}
	faults := 2
	scan := func(from int) stream.Source[string] { // loses its connection after a row, twice
		rows := source.Slice(table[from:])
		if faults--; faults >= 0 {
			return stream.Concat(stream.Via(rows, stream.Take[string](1)),
				stream.Fail[string](stream.Mark(errors.New("connection reset"), stream.Retryable)))
		}
		return rows
	}
	rows := stream.Restart(scan(0),
		func(row string) string { return row },
		func(last string) stream.Source[string] { return scan(slices.Index(table, last) + 1) },
		&stream.RestartOptions{Backoff: stream.Backoff{
			Min:    time.Millisecond,
			Notify: func(err error, _ time.Duration) { fmt.Println("again after:", err) },
		}})
	for row, err := range stream.All(context.Background(), rows) {
		fmt.Println(row, err)
	}
	// Output:
	// ant <nil>
	// again after: connection reset
	// bee <nil>
	// again after: connection reset
	// cat <nil>
	// dog <nil>
}
