package streamtest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
)

// ProbeSink returns a sink that the test pulls from: each emit of its source blocks until the test
// takes the element. Its result is the number of elements taken. It serves one run, which
// [SinkProbe.Start] or the test starts on another goroutine.
//
// The test's goroutine must call its methods. They wait for the other side for up to 10 seconds,
// and then fail the test. In a synctest bubble the seconds are those of the bubble's clock; the
// probe must then be created inside the bubble.
func ProbeSink[T any](t testing.TB) *SinkProbe[T] {
	return &SinkProbe[T]{t: t, offers: make(chan T), verdicts: make(chan error), done: make(chan struct{})}
}

// SinkProbe is a [stream.Sink] that a test pulls from. [ProbeSink] returns one.
type SinkProbe[T any] struct {
	t        testing.TB
	offers   chan T     // arguments of emit
	verdicts chan error // ends the run; nil is an early end
	done     chan struct{}

	mu   sync.Mutex
	ran  bool
	over bool
	err  error // the error of the run; valid once done
}

var _ stream.Sink[int, int] = (*SinkProbe[int])(nil)

// Start runs src into the probe on a new goroutine. When the test ends, it cancels the run and
// waits for it.
func (p *SinkProbe[T]) Start(ctx context.Context, src stream.Source[T]) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				p.t.Errorf("streamtest: the run panicked: %v", v)
			}
		}()
		_, err := stream.Run(ctx, src, p)
		p.finish(err)
	}()
	p.t.Cleanup(func() {
		cancel()
		<-p.done
	})
}

// Consume implements [stream.Sink].
func (p *SinkProbe[T]) Consume(ctx context.Context, src stream.Source[T]) (taken int, err error) {
	p.mu.Lock()
	again := p.ran
	p.ran = true
	p.mu.Unlock()
	if again {
		return 0, errReused
	}
	err = errors.New("streamtest: the run panicked or ended its goroutine")
	defer func() { p.finish(err) }()
	// The loop's body sees only the end: an error, or the element at which the test stopped.
	for _, e := range stream.All(ctx, stream.SourceFunc[T](func(ctx context.Context, stop func(T) error) error {
		return src.Each(ctx, func(v T) error {
			select {
			case p.offers <- v:
				taken++
				return nil
			case e := <-p.verdicts:
				if e == nil {
					return stop(v)
				}
				return e
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})) {
		err = e
		return taken, err
	}
	err = nil
	return taken, err
}

// finish records how the run ended, once.
func (p *SinkProbe[T]) finish(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over, p.err = true, err
		close(p.done)
	}
}

// Next takes the next element. The test fails if the source ends instead.
func (p *SinkProbe[T]) Next() (v T) {
	p.t.Helper()
	select {
	case v = <-p.offers:
	case <-p.done:
		p.t.Fatalf("streamtest: the source ended where an element was expected: %v", p.result())
	case <-time.After(patience):
		p.t.Fatalf("streamtest: no element came in %v", patience)
	}
	return v
}

// Request takes the next n elements.
func (p *SinkProbe[T]) Request(n int) []T {
	p.t.Helper()
	all := make([]T, 0, n)
	for range n {
		all = append(all, p.Next())
	}
	return all
}

// ExpectNext takes one element for each value, and expects that they are equal, by
// reflect.DeepEqual.
func (p *SinkProbe[T]) ExpectNext(values ...T) {
	p.t.Helper()
	for i, want := range values {
		if got := p.Next(); !reflect.DeepEqual(got, want) {
			p.t.Fatalf("streamtest: ExpectNext: element %d of %d is %s, want %s",
				i+1, len(values), short(got), short(want))
		}
	}
}

// ExpectNothing expects that for d no element comes and the source does not end.
func (p *SinkProbe[T]) ExpectNothing(d time.Duration) {
	p.t.Helper()
	select {
	case v := <-p.offers:
		p.t.Fatalf("streamtest: ExpectNothing: %s came", short(v))
	case <-p.done:
		p.t.Fatalf("streamtest: ExpectNothing: the source ended: %v", p.result())
	case <-time.After(d):
	}
}

// ExpectComplete expects that the source completes without another element.
func (p *SinkProbe[T]) ExpectComplete() {
	p.t.Helper()
	if err := p.end("ExpectComplete"); err != nil {
		p.t.Fatalf("streamtest: ExpectComplete: the source failed: %v", err)
	}
}

// ExpectError expects that the source fails without another element, with an error that matches
// want, and returns the error.
func (p *SinkProbe[T]) ExpectError(want error) error {
	p.t.Helper()
	err := p.end("ExpectError")
	if !errors.Is(err, want) || err == nil {
		p.t.Fatalf("streamtest: ExpectError: the source ended with %v, want %v", err, want)
	}
	return err
}

// Stop ends the source early: it makes the next emit return an early end, and waits until the
// source has ended. A source that does not emit again must end on its own.
func (p *SinkProbe[T]) Stop() {
	p.t.Helper()
	p.judge("Stop", nil)
}

// Fail makes the next emit return err, which must not be nil, and waits until the source has ended.
func (p *SinkProbe[T]) Fail(err error) {
	p.t.Helper()
	p.judge("Fail", err)
}

func (p *SinkProbe[T]) judge(name string, err error) {
	p.t.Helper()
	limit := time.After(patience)
	select {
	case p.verdicts <- err:
	case <-p.done:
	case <-limit:
		p.t.Fatalf("streamtest: %s: the source neither emitted nor ended in %v", name, patience)
	}
	select {
	case <-p.done:
	case <-limit:
		p.t.Fatalf("streamtest: %s: the source did not end in %v", name, patience)
	}
}

// end waits for the end of the run and returns its error.
func (p *SinkProbe[T]) end(name string) error {
	p.t.Helper()
	select {
	case v := <-p.offers:
		p.t.Fatalf("streamtest: %s: another element came, %s", name, short(v))
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("streamtest: %s: the source did not end in %v", name, patience)
	}
	return p.result()
}

func (p *SinkProbe[T]) result() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}
