package streamtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// run is one run of a stage, on a watched goroutine.
type run struct {
	c     *check
	ctx   context.Context
	stop  context.CancelCauseFunc
	label string
	home  string // name of the goroutine on which the stage runs
	atEnd func() // called after the end of the run, before its context is released

	mu        sync.Mutex
	cancelled time.Time // when cancel was called
	done      chan struct{}
	over      atomic.Bool // the stage has returned, panicked or called Goexit
	ended     time.Time
	out       outcome
}

// outcome is how a run ended.
type outcome struct {
	err      error
	panicked any
	exited   bool // by runtime.Goexit
	hung     bool
}

func (o outcome) String() string {
	switch {
	case o.hung:
		return "it did not return"
	case o.exited:
		return "it ended its goroutine"
	case o.panicked != nil:
		return fmt.Sprintf("it panicked with %v", firstLine(o.panicked))
	case o.err != nil:
		return fmt.Sprintf("it returned the error %q (%T)", o.err, o.err)
	}
	return "it returned nil"
}

func firstLine(v any) string {
	line, _, _ := strings.Cut(fmt.Sprint(v), "\n")
	return line
}

var (
	errCause = errors.New("streamtest: cancelled for a reason")
	serial   atomic.Int64
)

// newRun returns a run that is not yet started. Its method cancel cancels its context, with
// errCause.
func (c *check) newRun() *run {
	label := fmt.Sprintf("run %d", serial.Add(1))
	ctx := pprof.WithLabels(context.WithValue(context.Background(), labelKey{}, label),
		pprof.Labels("streamtest", label))
	r := &run{c: c, label: label, done: make(chan struct{})}
	r.ctx, r.stop = context.WithCancelCause(ctx)
	return r
}

// labelKey is the key of the run's label among the values of its context.
type labelKey struct{}

func (r *run) cancel() { r.cancelWith(errCause) }

func (r *run) cancelWith(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancelled.IsZero() {
		r.cancelled = time.Now()
		r.stop(cause)
	}
}

// expire gives the context of a run that is not yet started a deadline after d, with cause.
func (r *run) expire(d time.Duration, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancelled = time.Now().Add(d)
	ctx, free := context.WithDeadlineCause(r.ctx, r.cancelled, cause)
	r.ctx, r.atEnd = ctx, free
}

func (r *run) isCancelled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.cancelled.IsZero()
}

// start runs f on a goroutine that carries the run's label. All goroutines that it starts inherit
// the label.
func (r *run) start(f func() error) {
	go func() {
		pprof.SetGoroutineLabels(r.ctx)
		r.home = goroutine()
		returned := false
		defer close(r.done)
		defer func() {
			if !returned {
				r.out.panicked = recover()
				r.out.exited = r.out.panicked == nil
			}
			r.ended = time.Now()
			r.over.Store(true)
		}()
		r.out.err = f()
		returned = true
	}()
}

// wait waits for the run to end, looks for goroutines that it left running, and releases its
// context.
func (r *run) wait() outcome {
	defer r.c.settle()
	defer r.stop(nil)
	limit := time.NewTimer(r.c.limit)
	defer limit.Stop()
	select {
	case <-r.done:
	case <-limit.C:
		r.over.Store(true)
		r.c.breach(r.hangRule(), "hangs:\n%s", strings.Join(r.goroutines(), "\n\n"))
		return outcome{hung: true}
	}
	if left := r.left(); len(left) > 0 {
		r.c.breach(1, "%d goroutine(s) still run after the %s returned:\n%s",
			len(left), r.c.kind, strings.Join(left, "\n\n"))
		time.Sleep(10 * r.c.tick) // to see what they do next
	}
	if r.atEnd != nil {
		r.atEnd()
	}
	return r.out
}

// hangRule returns the rule that a hanging run breaks.
func (r *run) hangRule() int {
	switch {
	case r.isCancelled():
		return 7
	case r.c.breaks:
		return 10
	}
	return 1
}

// left returns the goroutines that the run started and that remain.
func (r *run) left() []string {
	if !r.c.wall {
		r.c.settle()
		return r.goroutines()
	}
	var all []string
	for wait := time.Millisecond; wait < 2*time.Second; wait *= 2 {
		if all = r.goroutines(); len(all) == 0 {
			return nil
		}
		time.Sleep(wait)
	}
	return all
}

// goroutines returns the stacks of the run's goroutines, except those of idle pools.
func (r *run) goroutines() []string {
	var buf bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&buf, 1)
	var mine []string
next:
	for stack := range strings.SplitSeq(buf.String(), "\n\n") {
		if !strings.Contains(stack, fmt.Sprintf("%q:%q", "streamtest", r.label)) {
			continue
		}
		for _, name := range r.c.idle {
			if strings.Contains(stack, name) {
				continue next
			}
		}
		_, frames, _ := strings.Cut(stack, "}\n")
		mine = append(mine, frames)
	}
	return mine
}

// prompt reports a breach if the run took too long from the cancellation to its end.
func (r *run) prompt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancelled.IsZero() {
		return
	}
	if took := r.ended.Sub(r.cancelled); took > r.c.second {
		r.c.breach(7, "it took %v from the cancel to the return, more than %v", took, r.c.second)
	}
}

// goroutine returns the name of the calling goroutine, such as "goroutine 17", from its stack
// trace.
func goroutine() string {
	var buf [64]byte
	name, _, _ := strings.Cut(string(buf[:runtime.Stack(buf[:], false)]), " [")
	return name
}

// same reports whether err is want itself.
func same(err, want error) bool {
	return err == want //nolint:errorlint // identity is the rule
}
