package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/millweir/millweir/internal/early"
)

// Group runs the goroutines of one run of one stage: they begin together, fail together and are all gone when Do or Wait
// returns. It is how stages with goroutines, ours and yours, keep the contract:
//
//	g, ctx := stream.NewGroup(ctx)
//	g.Go(func() error { … })                            // on a goroutine of its own
//	return g.Do(func() error { … emit(v) … })           // on the caller's goroutine
//
// The first error cancels the group's context with itself as the cause. Errors that merely echo it are dropped; others
// are joined to it. A panic in one of the goroutines cancels the group, and comes out of Do or Wait as a [*PanicError];
// runtime.Goexit does the same and ends the caller's goroutine too, as if the function had run there.
type Group struct {
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	err      error
	panicked *PanicError
	exited   bool
}

// NewGroup returns a group and the context that its goroutines are to use. Do or Wait must be called, once.
func NewGroup(ctx context.Context) (*Group, context.Context) {
	ctx, cancel := early.WithGroup(ctx)
	return &Group{cancel: cancel}, ctx
}

// Go runs f on a new goroutine. It may be called from the group's own goroutines.
func (g *Group) Go(f func() error) {
	g.wg.Go(func() {
		returned := false
		defer func() {
			if returned {
				return
			}
			g.broke(recover())
		}()
		g.Fail(f())
		returned = true
	})
}

// Do runs f on the caller's goroutine beside the others, waits for all of them and returns the first error. When f panics,
// the others are cancelled and waited for first.
func (g *Group) Do(f func() error) error {
	returned := false
	defer func() {
		if !returned {
			g.cancel(errBroke)
			g.wg.Wait()
		}
	}()
	g.Fail(f())
	returned = true
	return g.Wait()
}

// Wait waits for the goroutines to end and returns the first error.
func (g *Group) Wait() error {
	g.wg.Wait()
	g.cancel(nil)
	switch {
	case g.panicked != nil:
		panic(g.panicked)
	case g.exited:
		runtime.Goexit()
	}
	return g.err
}

// Fail records err, when it is not nil, and cancels the group's context with it.
func (g *Group) Fail(err error) {
	if err == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.err == nil:
		g.err = err
		g.cancel(err)
	case errors.Is(err, g.err):
		g.err = err // the first error itself, or with what clean-up added
	case errors.Is(g.err, err): // known
	case !echo(err):
		g.err = errors.Join(g.err, err)
	}
}

// echo tells whether err is what a stage sees of a failure elsewhere.
func echo(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, errBroke)
}

// broke records that a goroutine ended by a panic with value v, or by runtime.Goexit when v is nil.
func (g *Group) broke(v any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case v == nil:
		g.exited = true
	case g.panicked == nil:
		g.panicked = panicked(v)
	}
	g.cancel(errBroke)
}

var errBroke = errors.New("stream: another stage panicked or ended its goroutine")

// PanicError is the value of a panic that happened on a goroutine or coroutine of a stage and was carried to the goroutine that
// called [Run].
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked
}

// panicked returns the panic with value v as an error with the stack of the goroutine, which must be panicking.
func panicked(v any) *PanicError {
	if p, ok := v.(*PanicError); ok { // it was carried before
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// Error returns the value and the original stack.
func (p *PanicError) Error() string {
	return fmt.Sprintf("stream: a stage panicked: %v\n\n%s", p.Value, p.Stack)
}

// Class returns Fatal: a panic is a defect, also where its value is an error of another class.
func (p *PanicError) Class() Class { return Fatal }

// Unwrap returns the value when it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
