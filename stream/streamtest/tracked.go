package streamtest

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// tracked is the context of a run that takes note of what is attached to it, and of uses after the run. It does what the context in
// it does, but for Done: a channel of its own, without which package context would attach children to the context in it.
type tracked struct {
	context.Context
	done chan struct{}

	mu       sync.Mutex
	attached map[*attachment]struct{}
	over     bool
	late     string // the stack of the first use after the run
}

// attachment is a child context, or what context.AfterFunc has arranged.
type attachment struct {
	f     func()
	where string
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

// AfterFunc is what package context calls to attach a child, or a function, to a context that it did not make.
func (t *tracked) AfterFunc(f func()) (stop func() bool) {
	t.use()
	a := &attachment{f: f, where: caller()}
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

// caller returns where package context was called from.
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

// left returns where what is attached was attached.
func (t *tracked) left() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for a := range t.attached {
		all = append(all, a.where)
	}
	return all
}

// end says that the run has ended, so that no use is expected any more.
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

// release does what a cancel does, after the context in it was cancelled.
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
