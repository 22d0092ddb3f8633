package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/millweir/millweir/internal/ending"
)

// Backoff configures retries: which errors are retried, how often, and after which delay. [Retry],
// [Restart], [RestartFlow] and [RestartSink] use it. The zero value is ready to use: 10 retries of
// transient errors, with waits that double from 100 ms up to 30 s. Each wait is shortened at random
// by up to half. The waits add up to about a minute.
//
// If the error has a method RetryAfter() time.Duration, which reports the delay that a server asked
// for, the wait is at least that long.
type Backoff struct {
	Min    time.Duration // the first wait; 0 means 100 ms
	Max    time.Duration // the longest wait, at least Min; 0 means 30 s, or Min if that is longer
	Factor float64       // the ratio of each wait to the previous one, at least 1; 0 means 2
	Jitter float64       // random share of each wait, up to 1; 0 means 0.5, negative means none

	MaxRetries int           // consecutive retries; 0 means 10, negative means no limit
	MaxElapsed time.Duration // from the first failure in a row to the last attempt; 0 means no limit

	// ResetAfter is how long a restarted stage must run, and make progress, to reset the count of
	// failures. The next failure then counts as the first, with the wait Min and all retries. 0
	// means that progress alone is enough. A scan that advances on every attempt then never gives
	// up, and waits about Min between two attempts. Progress is an element that the downstream
	// took; in [RestartFlow] it is an element that the flow settled. Set ResetAfter to give up on a
	// stage that never runs for long.
	ResetAfter time.Duration

	// When reports whether to retry after err; nil retries if ClassOf(err) is transient: Retryable
	// or Throttled. When is not called for an error of class UnknownOutcome, because repeating an
	// operation that may have succeeded can do it twice. If you have checked the outcome, or a
	// repetition is harmless, [Mark] the error with another class.
	When func(err error) bool
	// Notify is called before each wait, for logs and metrics; it may be nil.
	Notify func(err error, wait time.Duration)
	// Random returns numbers in [0, 1) for the jitter; nil means a random source. It may be called
	// by any goroutine.
	Random func() float64
}

// filled returns b with its defaults, or an error that names the stage.
func (b *Backoff) filled(name string) (Backoff, error) {
	var o Backoff
	if b != nil {
		o = *b
	}
	if o.Min < 0 || o.Max < 0 || o.MaxElapsed < 0 || o.ResetAfter < 0 {
		return o, invalidError("%s: a time of the backoff is negative", name)
	}
	if o.Min == 0 {
		o.Min = 100 * time.Millisecond
		if o.Max > 0 {
			o.Min = min(o.Min, o.Max)
		}
	}
	if o.Max == 0 {
		o.Max = max(30*time.Second, o.Min)
	}
	if o.Factor == 0 {
		o.Factor = 2
	}
	if o.Jitter == 0 {
		o.Jitter = 0.5
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = 10
	}
	if o.When == nil {
		o.When = func(err error) bool { return ClassOf(err).Transient() }
	}
	wanted := o.When
	o.When = func(err error) bool { return ClassOf(err) != UnknownOutcome && wanted(err) }
	if o.Random == nil {
		o.Random = rand.Float64
	}
	switch {
	case o.Max < o.Min:
		return o, invalidError("%s: the longest wait, %v, is shorter than the first, %v", name, o.Max, o.Min)
	case !(o.Factor >= 1): // also NaN
		return o, invalidError("%s: a factor of %v; it must be at least 1", name, o.Factor)
	case !(o.Jitter <= 1):
		return o, invalidError("%s: a jitter of %v; it must be at most 1", name, o.Jitter)
	}
	return o, nil
}

// wait returns the wait before retry n; the first retry is 0.
func (b *Backoff) wait(n int) time.Duration {
	d := b.Max
	if f := float64(b.Min) * math.Pow(b.Factor, float64(n)); f < float64(b.Max) {
		d = time.Duration(f)
	}
	if b.Jitter <= 0 {
		return d
	}
	share := b.Jitter * min(max(b.Random(), 0), 1)
	return d - time.Duration(share*float64(d))
}

// failureStreak counts consecutive failures: retries without a success between them.
type failureStreak struct {
	Backoff
	name    string // of the stage
	retries int
	since   time.Time // the time of the first failure
}

// waitToRetry waits for the next attempt after err by calling wait, or returns the error to end
// with.
func (r *failureStreak) waitToRetry(ctx context.Context, err error,
	wait func(context.Context, time.Duration) error,
) error {
	if !r.When(err) {
		return ending.Cause(ctx, err)
	}
	if ctx.Err() != nil {
		return r.interrupted(ctx, err)
	}
	if r.retries == 0 {
		r.since = time.Now()
	}
	d := r.wait(r.retries)
	var asked interface{ RetryAfter() time.Duration }
	if errors.As(err, &asked) {
		d = max(d, asked.RetryAfter())
	}
	took := time.Since(r.since)
	if r.MaxRetries >= 0 && r.retries >= r.MaxRetries || r.MaxElapsed > 0 && took+d > r.MaxElapsed {
		return &gaveUpError{r.name, r.retries, took, err}
	}
	r.retries++
	if r.Notify != nil {
		r.Notify(err, d)
	}
	if wait(ctx, d) != nil {
		return r.interrupted(ctx, err)
	}
	return nil
}

// interrupted returns why ctx has ended. err would have been retried, so it is not the cause. A
// deadline alone does not explain what took so long, so interrupted adds err to it.
func (r *failureStreak) interrupted(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return cause
	}
	return fmt.Errorf("stream: %s: %w; the last failure: %w", r.name, cause, err)
}

// gaveUpError is the error of a stage that has given up retrying.
type gaveUpError struct {
	stage   string
	retries int
	took    time.Duration
	err     error // of the last attempt
}

func (e *gaveUpError) Error() string {
	return fmt.Sprintf("stream: %s: gave up after %d retries in %v: %v", e.stage, e.retries, e.took, e.err)
}

func (e *gaveUpError) Unwrap() error { return e.err }

// recordRun resets the count of failures after an attempt that made progress and ran for at least
// ResetAfter.
func (r *failureStreak) recordRun(took time.Duration, progress bool) {
	if progress && took >= r.ResetAfter {
		r.retries = 0
	}
}
