package stream

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"runtime"
	"sync"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/ending"
)

// Group runs the goroutines of one run of one stage: they begin together, fail together and are all gone when Do or Wait
// returns. It is how stages with goroutines, ours and yours, keep the contract:
//
//	g, ctx := stream.NewGroup(ctx)
//	g.Go(func() error { … })                            // on a goroutine of its own
//	return g.Do(func() error { … emit(v) … })           // on the caller's goroutine
//
// The first error cancels the group's context with itself as the cause. An error that only echoes what ended elsewhere (a cancelled
// context, a closed pipe, connection, file, hub or queue) gives way to a true one, which may come later, and to the cause of the
// context around. A second true error is joined to the first; otherwise the first comes back as it is.
//
// A stage that ends its own upstream by closing what is between them, such as an [io.Pipe], should close it with the error that emit
// returned: then a copy beside that upstream ([AlsoTo]) sees an early end as one.
//
// A panic in one of the goroutines cancels the group, and comes out of Do or Wait as a [*PanicError]: left on its goroutine it would end
// the process, before the other stages abort uploads and close cursors, and out of reach of the caller's recover.
// A panic in Do's own function passes through Do as it is, after the goroutines have ended: it may come from emit, and belong to
// the loop of a caller of [All]. [Run] makes it a *PanicError too. runtime.Goexit cancels the group likewise, and ends the goroutine
// that called Do or Wait.
type Group struct {
	cancel  context.CancelCauseFunc
	outside func() (err, cause error) // of the context around, nil while it goes on
	wg      sync.WaitGroup

	mu       sync.Mutex
	err      error
	vague    bool // err is an echo
	panicked *PanicError
	exited   bool
}

// NewGroup returns a group and the context that its goroutines are to use. Do or Wait must be called, once.
func NewGroup(ctx context.Context) (*Group, context.Context) {
	own, cancel := early.WithGroup(ctx)
	return &Group{cancel: cancel, outside: func() (error, error) { return ctx.Err(), context.Cause(ctx) }}, own
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
	if _, cause := g.outside(); g.vague && cause != nil {
		return cause
	}
	return g.err
}

// Fail records err, if it is not nil, and cancels the group's context with it.
func (g *Group) Fail(err error) {
	if err == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	over, cause := g.outside()
	isEcho := func(e error) bool { return e == over || echo(e) }
	vague := ending.OnlyEchoes(err, isEcho)
	switch {
	case g.err == nil:
		if vague && cause != nil {
			err, vague = cause, false
		}
		g.err, g.vague = ending.Prune(err, isEcho), vague
		g.cancel(g.err)
	case g.vague && !vague:
		g.err, g.vague = ending.Prune(err, isEcho), false
	case !vague:
		g.err = ending.Add(g.err, err, isEcho)
	}
}

// echo reports whether err is what a stage sees of an end elsewhere.
func echo(err error) bool {
	switch err { // it walks the tree itself
	case context.Canceled, io.ErrClosedPipe, net.ErrClosed, fs.ErrClosed, errBroke:
		return true
	}
	return false
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
