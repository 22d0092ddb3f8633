package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var errPassing = stream.Mark(errors.New("passing"), stream.Retryable)

// later is a server's error with a retry delay.
type later struct{ after time.Duration }

func (later) Error() string               { return "later" }
func (later) Class() stream.Class         { return stream.Throttled }
func (l later) RetryAfter() time.Duration { return l.after }

// failures returns a function that fails with the given errors, one a call, and then succeeds.
func failures(errs ...error) func(context.Context, int) (int, error) {
	return func(_ context.Context, n int) (int, error) {
		if len(errs) > 0 {
			err := errs[0]
			errs = errs[1:]
			return 0, err
		}
		return n, nil
	}
}

func repeat(err error, n int) []error {
	var errs []error
	for range n {
		errs = append(errs, err)
	}
	return errs
}

func TestRetry(t *testing.T) {
	const ms = time.Millisecond
	exact := stream.Backoff{Jitter: -1}
	with := func(b stream.Backoff, f func(*stream.Backoff)) stream.Backoff { f(&b); return b }
	tests := []struct {
		name  string
		b     stream.Backoff
		errs  []error
		waits []time.Duration
		want  error
	}{
		{"no failure", exact, nil, nil, nil},
		{"doubling", exact, repeat(errPassing, 4), []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms}, nil},
		{"wrapped", exact, []error{fmt.Errorf("x: %w", errPassing)}, []time.Duration{100 * ms}, nil},
		{"not transient", exact, []error{errPassing, errBoom}, []time.Duration{100 * ms}, errBoom},
		{"unknown outcome", exact, []error{stream.Mark(errBoom, stream.UnknownOutcome)}, nil, errBoom},
		{"capped", with(exact, func(b *stream.Backoff) {
			b.Min, b.Max, b.Factor = 2*ms, 9*ms, 2
		}), repeat(errPassing, 5), []time.Duration{2 * ms, 4 * ms, 8 * ms, 9 * ms, 9 * ms}, nil},
		{"even", with(exact, func(b *stream.Backoff) {
			b.Factor = 1
		}), repeat(errPassing, 2), []time.Duration{100 * ms, 100 * ms}, nil},
		{"huge", with(exact, func(b *stream.Backoff) {
			b.Min, b.Max, b.Factor = 1, math.MaxInt64, math.MaxFloat64
		}), repeat(errPassing, 1), []time.Duration{1}, nil},
		{"a small Max", with(exact, func(b *stream.Backoff) {
			b.Max = ms
		}), repeat(errPassing, 1), []time.Duration{ms}, nil},
		{"a large Min", with(exact, func(b *stream.Backoff) {
			b.Min = time.Hour
		}), repeat(errPassing, 2), []time.Duration{time.Hour, time.Hour}, nil},
		{"three retries do", with(exact, func(b *stream.Backoff) {
			b.Factor, b.MaxRetries = 1, 3
		}), repeat(errPassing, 3), []time.Duration{100 * ms, 100 * ms, 100 * ms}, nil},
		{"three retries do not", with(exact, func(b *stream.Backoff) {
			b.Factor, b.MaxRetries = 1, 3
		}), repeat(errPassing, 4), []time.Duration{100 * ms, 100 * ms, 100 * ms}, errPassing},
		{"time does", with(exact, func(b *stream.Backoff) {
			b.Factor, b.MaxElapsed = 1, 200*ms
		}), repeat(errPassing, 2), []time.Duration{100 * ms, 100 * ms}, nil},
		{"time does not", with(exact, func(b *stream.Backoff) {
			b.Factor, b.MaxElapsed = 1, 200*ms
		}), repeat(errPassing, 3), []time.Duration{100 * ms, 100 * ms}, errPassing},
		{
			"as the server asks", exact,
			[]error{fmt.Errorf("x: %w", later{time.Minute}), later{ms}},
			[]time.Duration{time.Minute, 200 * ms},
			nil,
		},
		{"as the user says", with(exact, func(b *stream.Backoff) {
			b.When = func(err error) bool { return err == errBoom }
		}), []error{errBoom, errPassing}, []time.Duration{100 * ms}, errPassing},
		{"unknown outcome, whatever the user says", with(exact, func(b *stream.Backoff) {
			b.When = func(error) bool { return true }
		}), []error{errPassing, stream.Mark(errBoom, stream.UnknownOutcome)}, []time.Duration{100 * ms}, errBoom},
		{
			"unknown outcome, looked at", exact,
			[]error{stream.Mark(fmt.Errorf("x: %w", stream.Mark(errBoom, stream.UnknownOutcome)), stream.Retryable)},
			[]time.Duration{100 * ms},
			nil,
		},
		{"jitter", stream.Backoff{Random: func() float64 {
			return 0.5
		}}, repeat(errPassing, 2), []time.Duration{75 * ms, 150 * ms}, nil},
		{"full jitter", stream.Backoff{Jitter: 1, Random: func() float64 {
			return 0.75
		}}, repeat(errPassing, 2), []time.Duration{25 * ms, 50 * ms}, nil},
		{"wild jitter", stream.Backoff{Jitter: 1, Random: func() float64 {
			return 7
		}}, repeat(errPassing, 1), []time.Duration{0}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told, slept []time.Duration
				tt.b.Notify = func(err error, wait time.Duration) {
					if err == nil {
						t.Error("Notify of no error")
					}
					told = append(told, wait)
				}
				last := time.Now()
				f := failures(tt.errs...)
				calls := 0
				got, err := stream.Retry(func(ctx context.Context, n int) (int, error) {
					if calls++; calls > 1 {
						slept = append(slept, time.Since(last))
					}
					last = time.Now()
					return f(ctx, n)
				}, &tt.b)(t.Context(), 7)
				if !slices.Equal(slept, tt.waits) || !slices.Equal(told, tt.waits) {
					t.Errorf("waits %v, Notify %v, want %v", slept, told, tt.waits)
				}
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err == nil && got != 7 {
					t.Errorf("got %d, %v, want %v", got, err, tt.want)
				}
				if err != nil && stream.ClassOf(err) != stream.ClassOf(tt.errs[len(tt.errs)-1]) {
					t.Errorf("the class is %v", stream.ClassOf(err))
				}
			})
		})
	}
}

// The default is ten retries in about a minute, with delays that differ from other clients'.
func TestRetryByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, calls := time.Now(), 0
		var waits []time.Duration
		_, err := stream.Retry(func(context.Context, int) (int, error) { calls++; return 0, errPassing },
			&stream.Backoff{Notify: func(_ error, wait time.Duration) { waits = append(waits, wait) }})(t.Context(), 0)
		if took := time.Since(began); calls != 11 || !errors.Is(err, errPassing) || took < 40*time.Second ||
			took > 90*time.Second {
			t.Errorf("%d calls in %v, %v", calls, took, err)
		}
		whole := 100 * time.Millisecond
		even := 0
		for _, wait := range waits {
			if wait < whole/2 || wait > whole {
				t.Errorf("a wait of %v, want %v to %v", wait, whole/2, whole)
			}
			if wait == whole {
				even++
			}
			whole = min(2*whole, 30*time.Second)
		}
		if even == len(waits) {
			t.Error("no wait is random")
		}
	})
}

func TestRetryEndsAtOnceWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(errBoom) })
		began := time.Now()
		b := &stream.Backoff{Min: time.Hour}
		_, err := stream.Retry(failures(errPassing), b)(ctx, 0)
		if err != errBoom || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		// A call that ends with the context: the cause, joined with what the call adds.
		_, err = stream.Retry(failures(ctx.Err()), b)(ctx, 0)
		if err != errBoom {
			t.Errorf("got %v, want the cause", err)
		}
		_, err = stream.Retry(failures(errOther), b)(ctx, 0)
		if !errors.Is(err, errBoom) || !errors.Is(err, errOther) {
			t.Errorf("got %v, want the cause and the error", err)
		}
	})
}

// At a deadline, the error also has the failure that was being retried.
func TestRetryAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		for range 2 { // during a wait, and before one
			_, err := stream.Retry(failures(errPassing), &stream.Backoff{Min: time.Hour})(ctx, 0)
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errPassing) {
				t.Errorf("got %v, want the deadline and the failure", err)
			}
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestRetryInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries [6]atomic.Int32
		flow := stream.MapParallel(2, stream.Retry(func(_ context.Context, n int) (int, error) {
			if tries[n].Add(1) <= int32(n) { // the n-th fails n times
				return 0, errPassing
			}
			return n, nil
		}, nil))
		got, err := outcomeOf(t, count(6), flow)
		if !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		for n := range tries {
			if got := tries[n].Load(); got != int32(n+1) {
				t.Errorf("%d tries of %d", got, n)
			}
		}
	})
}

func TestBadBackoffs(t *testing.T) {
	f := func(_ context.Context, n int) (int, error) { t.Error("f was called"); return n, nil }
	for name, b := range map[string]*stream.Backoff{
		"Min":          {Min: -1},
		"Max":          {Max: -1},
		"Min over Max": {Min: 2, Max: 1},
		"Factor":       {Factor: 0.5},
		"Factor, NaN":  {Factor: math.NaN()},
		"Jitter":       {Jitter: 1.5},
		"Jitter, NaN":  {Jitter: math.NaN()},
		"MaxElapsed":   {MaxElapsed: -1},
		"ResetAfter":   {ResetAfter: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := stream.Retry(f, b)(t.Context(), 1); err == nil {
				t.Error("Retry: no error")
			}
			id := func(n int) int { return n }
			src := stream.SourceFunc[int](func(context.Context, func(int) error) error {
				t.Error("the upstream was started")
				return nil
			})
			for stage, flow := range map[string]stream.Flow[int, int]{
				"RestartFlow": stream.RestartFlow(1, stream.Map(id), func(int, int) bool { return true }, b),
				"RestartSink": stream.Then(stream.RestartSink(1, sink.Discard[int](), b), stream.Map(func(n int64) int {
					return int(n)
				})),
				"Restart": stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
					return stream.Restart(src, id, func(int) stream.Source[int] {
						return src
					}, &stream.RestartOptions{Backoff: *b})
				}),
			} {
				if _, err := outcomeOf(t, stream.Source[int](src), flow); err == nil {
					t.Errorf("%s: no error", stage)
				}
			}
		})
	}
}

func ExampleRetry() {
	tries := 0
	fetch := func(_ context.Context, name string) (string, error) {
		if tries++; tries < 3 {
			return "", stream.Mark(errors.New("connection reset"), stream.Retryable)
		}
		return "content of " + name, nil
	}
	body := stream.Via(source.Of("a"), stream.TryMap(stream.Retry(fetch, &stream.Backoff{
		Min:    time.Millisecond,
		Notify: func(err error, _ time.Duration) { fmt.Println("again after:", err) },
	})))
	got, err := stream.Run(context.Background(), body, sink.Slice[string]())
	fmt.Println(got, err)
	// Output:
	// again after: connection reset
	// again after: connection reset
	// [content of a] <nil>
}

func ExampleRetry_parallel() {
	var calls atomic.Int64
	square := func(_ context.Context, n int) (int, error) {
		if calls.Add(1)%2 == 1 {
			return 0, stream.Mark(errors.New("busy"), stream.Throttled)
		}
		return n * n, nil
	}
	body := stream.Via(source.Of(1, 2, 3),
		stream.MapParallel(2, stream.Retry(square, &stream.Backoff{Min: time.Millisecond})))
	got, err := stream.Run(context.Background(), body, sink.Slice[int]())
	fmt.Println(got, err)
	// Output: [1 4 9] <nil>
}
