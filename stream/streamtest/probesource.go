package streamtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
)

// ProbeSource returns a source that the test drives: it emits the values that the test sends, and
// ends when the test ends it. It serves one run, which the test starts on another goroutine, as
// [SinkProbe.Start] does.
//
// The test's goroutine must call its methods. They wait for the other side for up to 10 seconds,
// and then fail the test. In a synctest bubble the seconds are those of the bubble's clock; the
// probe must then be created inside the bubble.
func ProbeSource[T any](t testing.TB) *SourceProbe[T] {
	return &SourceProbe[T]{t: t, orders: make(chan order[T]), done: make(chan struct{})}
}

// SourceProbe is a [stream.Source] that a test drives. [ProbeSource] returns one.
type SourceProbe[T any] struct {
	t      testing.TB
	orders chan order[T]
	late   chan error // result of an emit that ExpectBlocked left in progress
	done   chan struct{}

	mu  sync.Mutex
	ran bool
	err error // the error of the run; valid once done
}

// order is a step that the test asks the source to take.
type order[T any] struct {
	v      T
	end    bool
	err    error // with end
	result chan error
}

var _ stream.Source[int] = (*SourceProbe[int])(nil)

// Each implements [stream.Source].
func (p *SourceProbe[T]) Each(ctx context.Context, emit func(T) error) (err error) {
	p.mu.Lock()
	again := p.ran
	p.ran = true
	p.mu.Unlock()
	if again {
		return errReused
	}
	err = errors.New("streamtest: the run panicked or ended its goroutine")
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.err = err
		close(p.done)
	}()
	for {
		select {
		case o := <-p.orders:
			if o.end {
				return o.err
			}
			e := emit(o.v)
			o.result <- e
			if e != nil {
				return e
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Send emits the values, and waits until each is accepted. The test fails if emit returns an error.
func (p *SourceProbe[T]) Send(values ...T) {
	p.t.Helper()
	for i, v := range values {
		if err := p.Emit(v); err != nil {
			p.t.Fatalf("streamtest: Send: value %d of %d was refused: %v", i+1, len(values), err)
		}
	}
}

// Emit emits v, waits until emit returns, and returns its error.
func (p *SourceProbe[T]) Emit(v T) error {
	p.t.Helper()
	return p.answer(p.order(order[T]{v: v}))
}

// ExpectBlocked emits v and expects that emit still blocks after d: the downstream exerts
// backpressure. The test must call [SourceProbe.ExpectReleased] next.
func (p *SourceProbe[T]) ExpectBlocked(v T, d time.Duration) {
	p.t.Helper()
	result := p.order(order[T]{v: v})
	select {
	case err := <-result:
		p.t.Fatalf("streamtest: ExpectBlocked: emit returned %v, and did not block", err)
	case <-time.After(d):
		p.late = result
	}
}

// ExpectReleased waits until the emit that [SourceProbe.ExpectBlocked] started returns, and returns
// its error.
func (p *SourceProbe[T]) ExpectReleased() error {
	p.t.Helper()
	if p.late == nil {
		p.t.Fatal("streamtest: ExpectReleased: no emit is under way; ExpectBlocked comes first")
	}
	result := p.late
	p.late = nil
	return p.answer(result)
}

// Complete ends the source with nil.
func (p *SourceProbe[T]) Complete() {
	p.t.Helper()
	p.end(nil)
}

// Fail ends the source with err.
func (p *SourceProbe[T]) Fail(err error) {
	p.t.Helper()
	p.end(err)
}

// ExpectStopped waits until the source has been stopped, by an emit that failed or by its context,
// and returns the error: the downstream's, an early end ([stream.Stopped]) or the context's cause.
func (p *SourceProbe[T]) ExpectStopped() error {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("streamtest: ExpectStopped: the source was not stopped in %v", patience)
	}
	return p.result()
}

func (p *SourceProbe[T]) end(err error) {
	p.t.Helper()
	p.order(order[T]{end: true, err: err})
	<-p.done
}

// order passes o to the run.
func (p *SourceProbe[T]) order(o order[T]) chan error {
	p.t.Helper()
	o.result = make(chan error, 1)
	if p.late != nil {
		p.t.Fatal("streamtest: an emit is under way; ExpectReleased comes first")
	}
	select {
	case p.orders <- o:
	case <-p.done:
		p.t.Fatalf("streamtest: the source has ended already: %v", p.result())
	case <-time.After(patience):
		p.t.Fatalf("streamtest: no run of the source took the order in %v", patience)
	}
	return o.result
}

// answer waits for an emit to return.
func (p *SourceProbe[T]) answer(result chan error) error {
	p.t.Helper()
	select {
	case err := <-result:
		return err
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("streamtest: emit blocks for %v", patience)
	}
	select {
	case err := <-result: // the result came just before the end
		return err
	default:
		return p.result() // emit did not return
	}
}

func (p *SourceProbe[T]) result() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}
