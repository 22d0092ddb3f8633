package source

import (
	"context"
	"fmt"
	"sync"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/stream"
)

// Queue is a source of the elements that other goroutines pass to its methods: events, callbacks,
// requests. It can run once; a second run ends with [ErrUsed].
//
//   - In: a nil error of Offer means that the queue accepted the element, not that the run has
//     processed it.
//   - Emits: elements in the order in which the queue accepted them; those of one goroutine in the
//     order of its calls.
//   - Memory: as many elements as [NewQueue] sets. Offer blocks while the queue is full.
//   - Limits: a drain of the run completes the queue, as Complete does: accepted elements are still
//     emitted.
type Queue[T any] struct {
	bad error // error of the settings
	ch  chan T

	mu     sync.Mutex
	used   bool
	reason error          // why the queue accepts no element; nil while it does
	failed error          // the error of the run after the last element
	closed chan struct{}  // closed when reason is set
	offers sync.WaitGroup // calls in flight; none begins after reason is set
}

// NewQueue returns a queue that holds up to n elements that the run has not taken yet. With n = 0,
// Offer blocks until the run takes the element.
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
	reason := ErrClosed // also if emit panics
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

// Offer passes v to the run. It blocks while the queue is full, even before the run has begun. If
// the queue accepts no more elements, Offer returns the reason: [ErrClosed], or the error of the
// run. A blocked Offer fails too when the queue is closed. When ctx is done, Offer returns
// context.Cause(ctx).
//
// The run's own goroutine must not call Offer, which could deadlock: use TryOffer there.
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

// TryOffer passes v to the run if it can without blocking, and reports whether it did. If the queue
// accepts no more elements, it returns the error that Offer returns.
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

// enter begins an offer, unless the queue is closed.
func (q *Queue[T]) enter() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reason == nil {
		q.offers.Add(1)
	}
	return q.reason
}

// Complete ends the queue: the run completes once it has emitted the last element. Only the first
// call of Complete or Fail has an effect.
func (q *Queue[T]) Complete() { q.Fail(nil) }

// Fail ends the queue because of err: the run ends with err, unwrapped, once it has emitted the
// last element. With a nil err, Fail does what Complete does.
func (q *Queue[T]) Fail(err error) {
	if !q.close(ErrClosed, err) {
		return
	}
	q.offers.Wait() // short: every blocked Offer sees that the queue is closed
	close(q.ch)
}

// close stops the queue from accepting elements. It reports whether the queue was open.
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
