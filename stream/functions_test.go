package stream_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// mode is how a user's function breaks.
type mode string

const (
	panics mode = "panic"
	exits  mode = "Goexit" // as t.FailNow does
	waits  mode = "cancel" // waits for its context and returns that context's error
)

// breaker breaks one function in one run of a stage.
type breaker struct {
	t     *testing.T
	mode  mode
	at    int  // the call that breaks
	bare  bool // the function is the caller's own, so its panic passes unchanged
	mu    sync.Mutex
	calls int
	broke bool
	open  int // sources that have begun and not ended
}

// hit must be called in every function that a test passes to a stage.
func (b *breaker) hit() {
	if b.due(b.mode != waits) {
		b.end()
	}
}

// try is called in functions that get a context and may fail.
func (b *breaker) try(ctx context.Context) error {
	if !b.due(true) {
		return nil
	}
	if b.mode == waits {
		<-ctx.Done()
		return fmt.Errorf("it gave up: %w", ctx.Err())
	}
	b.end()
	return nil
}

// These are functions that call hit or try.

func (b *breaker) same(n int) int                                { b.hit(); return n }
func (b *breaker) sum(a, n int) int                              { b.hit(); return a + n }
func (b *breaker) accept(int) bool                               { b.hit(); return true }
func (b *breaker) tried(ctx context.Context, n int) (int, error) { return n, b.try(ctx) }

// seq is an iterator over 0 to 7.
func (b *breaker) seq(yield func(int) bool) {
	for i := range 8 {
		if b.hit(); !yield(i) {
			return
		}
	}
}

// due counts a call, on any goroutine, and reports whether this is the one that breaks.
func (b *breaker) due(can bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	due := can && b.calls == b.at
	b.calls++
	b.broke = b.broke || due
	return due
}

func (b *breaker) end() {
	if b.mode == exits {
		runtime.Goexit()
	}
	explode()
}

var errExploded = errors.New("it exploded")

// explode has a name that the stack of its panic must contain.
//
//go:noinline
func explode() { panic(errExploded) }

// src is a source of 0 to 7. It counts the sources that have begun and not ended.
func (b *breaker) src() stream.Source[int] {
	return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		b.open++
		defer func() { b.open-- }()
		return count(8).Each(ctx, emit)
	})
}

// lost is src, except that it fails at its end.
func (b *breaker) lost(err error) stream.Source[int] {
	return stream.Concat(b.src(), stream.Fail[int](err))
}

// run returns the run of src through flow.
func run[I, O any](src stream.Source[I], flow stream.Flow[I, O]) func(context.Context) error {
	return drain(stream.Via(src, flow))
}

func drain[T any](src stream.Source[T]) func(context.Context) error {
	return into(src, sink.Discard[T]())
}

func into[T, R any](src stream.Source[T], to stream.Sink[T, R]) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := stream.Run(ctx, src, to)
		return err
	}
}

// A user's function that panics, ends its goroutine or is cancelled has the same effect as in a
// plain loop. A panic surfaces where the run was started, with the stack of the function; Goexit
// ends that goroutine; a cancellation ends the run with its cause. By then the upstream has cleaned
// up, and no goroutine hangs or is left running. This holds for every function of every
// constructor.
func TestFunctionsThatBreak(t *testing.T) {
	table, known := brokenFunctions(), map[string]parameter{}
	for _, p := range parameters(t) {
		known[p.key] = p
		if _, ok := table[p.key]; p.function && !ok {
			t.Errorf("no breaking %s is tested", p.key)
		}
	}
	for key, build := range table {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			broke := map[mode]bool{}
			for _, m := range []mode{panics, exits, waits} {
				for _, at := range []int{0, 2} {
					b := &breaker{t: t, mode: m, at: at}
					if b.run(build); b.broke {
						broke[m] = true
					}
				}
			}
			if !broke[panics] || !broke[exits] {
				t.Error("the function was never called")
			}
			if known[key].context && !broke[waits] && !strings.HasSuffix(key, ".shut") {
				t.Error("the function never saw its context end")
			}
		})
	}
}

// run runs a stage with a function that breaks, and checks the outcome.
func (b *breaker) run(build func(*breaker) brokenRun) {
	t := b.t
	defer func() {
		if v := recover(); v != nil {
			t.Errorf("%s at call %d: %v", b.mode, b.at, v) // goroutines that wait forever
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		if b.mode == waits {
			time.AfterFunc(10*time.Second, func() { cancel(errBoom) })
		}
		var err error
		var recovered any
		returned := false
		began := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() {
				if !returned {
					recovered = recover()
				}
			}()
			err = build(b)(ctx)
			returned = true
		}()
		select {
		case <-done:
		case <-time.After(time.Hour):
			t.Fatalf("%s at call %d: the run hangs:\n%s", b.mode, b.at, stacks())
		}
		if b.open != 0 {
			t.Errorf("%s at call %d: the upstream had not ended", b.mode, b.at)
		}
		if !b.broke {
			return
		}
		p, _ := recovered.(*stream.PanicError)
		switch {
		case b.mode == panics && b.bare:
			if recovered != any(errExploded) {
				t.Errorf("panic at call %d: recovered %v", b.at, recovered)
			}
		case b.mode == panics &&
			(p == nil || p.Value != any(errExploded) || !strings.Contains(string(p.Stack), "stream_test.explode")):
			t.Errorf("panic at call %d: it returned %v, %v; recovered %v", b.at, returned, err, recovered)
		case b.mode == exits && (returned || recovered != nil):
			t.Errorf("Goexit at call %d: it returned %v, %v; recovered %v", b.at, returned, err, recovered)
		case b.mode == waits &&
			(!errors.Is(err, errBoom) || errors.Is(err, context.Canceled) || time.Since(began) > 11*time.Second):
			t.Errorf("cancel at call %d: %v after %v", b.at, err, time.Since(began))
		}
	})
}
