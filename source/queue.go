package source

import (
	"context"
	"fmt"
	"sync"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/stream"
)

// Queue is a source of what its methods are offered, from any goroutine: events, callbacks, requests. It can be run once: the
// second run ends with [ErrUsed].
//
//   - Memory: as many elements as [NewQueue] says. When they are there, Offer waits.
//   - Order: as taken; of one goroutine, as offered.
//   - A nil error of Offer says that the element was taken, not that the run completed: that is for the run to tell.
//   - A drain of the run completes the queue, as Complete does: what was taken is emitted.
type Queue[T any] struct {
	bad error // of the settings
	ch  chan T

	mu     sync.Mutex
	used   bool
	reason error          // why no element is taken any more; nil while it is
	failed error          // what the run ends with after the last element
	closed chan struct{}  // closed with reason
	offers sync.WaitGroup // under way; none begins after reason is set
}

// NewQueue returns a queue that holds up to n elements that the run has not come to yet; with n = 0 an Offer waits until the run
// takes the element from its hand.
func NewQueue[T any](n int) *Queue[T] {
	q := &Queue[T]{closed: make(chan struct{})}
	if n < 0 {
		q.bad = fmt.Errorf("source: NewQueue: %d elements; the count must not be negative", n)
		q.close(q.bad, q.bad)
		return q
	}
	q.ch = make(chan T, n)
	return q
}

// Each implements [stream.Source].
func (q *Queue[T]) Each(ctx context.Context, emit func(T) error) error {
	q.mu.Lock()
	again := q.used
	q.used = true
	q.mu.Unlock()
	switch {
	case q.bad != nil:
		return q.bad
	case again:
		return ErrUsed
	}
	reason := ErrClosed // also when emit panics
	defer func() { q.close(reason, nil) }()
	defer drain.OnBegin(ctx, q.Complete)()
	err := receive(stream.WithoutDrain(ctx), q.ch, emit)
	if err == nil {
		err = q.failed // set before ch was closed
	}
	if err != nil && !stream.Stopped(err) {
		reason = err
	}
	return err
}

// Offer gives v to the run and waits while the queue is full, before the run began as well. When no element is taken any more, it
// returns why: [ErrClosed], or the error that the run ended with. An Offer that waits when the queue is closed does not get its
// element in. When ctx is done it returns context.Cause(ctx).
//
// The run's own goroutine must not wait for itself: inside it, use TryOffer.
func (q *Queue[T]) Offer(ctx context.Context, v T) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := q.enter(); err != nil {
		return err
	}
	defer q.offers.Done()
	select {
	case q.ch <- v:
		return nil
	default:
	}
	select {
	case q.ch <- v:
		return nil
	case <-q.closed:
		return q.reason
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// TryOffer gives v to the run, if that needs no waiting, and says whether it did. When no element is taken any more, it returns
// the error that Offer returns.
func (q *Queue[T]) TryOffer(v T) (taken bool, err error) {
	if err := q.enter(); err != nil {
		return false, err
	}
	defer q.offers.Done()
	select {
	case q.ch <- v:
		return true, nil
	default:
		return false, nil
	}
}

// enter begins an offer.
func (q *Queue[T]) enter() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reason == nil {
		q.offers.Add(1)
	}
	return q.reason
}

// Complete says that no element follows: the run completes when it has come to the last. Only the first call of Complete or Fail
// has an effect.
func (q *Queue[T]) Complete() { q.Fail(nil) }

// Fail says that no element follows because of err: the run ends with it, as it is, when it has come to the last element. A nil
// err is Complete.
func (q *Queue[T]) Fail(err error) {
	if !q.close(ErrClosed, err) {
		return
	}
	q.offers.Wait() // not long: all of them see that it is closed
	close(q.ch)
}

// close ends the taking of elements. It reports whether nothing had ended it before.
func (q *Queue[T]) close(reason, failed error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reason != nil {
		return false
	}
	q.reason, q.failed = reason, failed
	close(q.closed)
	return true
}
