package streamtest

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// tracked is the context of a run. It records attachments, and any use of the context after the
// run. Only Done differs from the inner context: it returns another channel, because package
// context would otherwise attach children to the inner context.
type tracked struct {
	context.Context
	done chan struct{}

	mu       sync.Mutex
	attached map[*attachment]struct{}
	over     bool
	late     string // stack of the first use after the run
}

// attachment is a child context or a registered function of context.AfterFunc.
type attachment struct {
	f        func()
	location string
}

func track(ctx context.Context) *tracked {
	return &tracked{Context: ctx, done: make(chan struct{}), attached: map[*attachment]struct{}{}}
}

func (t *tracked) use() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over && t.late == "" {
		t.late = string(debug.Stack())
	}
}

func (t *tracked) Done() <-chan struct{} { t.use(); return t.done }
func (t *tracked) Err() error            { t.use(); return t.Context.Err() }
func (t *tracked) Value(key any) any     { t.use(); return t.Context.Value(key) }

// AfterFunc is called by package context to attach a child, or a function, to a context of another
// type.
func (t *tracked) AfterFunc(f func()) (stop func() bool) {
	t.use()
	a := &attachment{f: f, location: caller()}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attached[a] = struct{}{}
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		_, there := t.attached[a]
		delete(t.attached, a)
		return there
	}
}

// caller returns the location from which package context was called.
func caller() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !more || !strings.HasPrefix(f.Function, "context.") {
			return fmt.Sprintf("%s\n\t%s:%d", f.Function, f.File, f.Line)
		}
	}
}

// left returns the locations at which the remaining attachments were made.
func (t *tracked) left() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for a := range t.attached {
		all = append(all, a.location)
	}
	return all
}

// end records that the run has ended: later uses are faults.
func (t *tracked) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

// lateUse returns the stack of the first use after the end, or "".
func (t *tracked) lateUse() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.late
}

// release does what a cancellation does. The inner context must already be cancelled.
func (t *tracked) release() {
	close(t.done)
	t.mu.Lock()
	all := t.attached
	t.attached = nil
	t.mu.Unlock()
	for a := range all {
		a.f()
	}
}
