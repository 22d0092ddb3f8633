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

// Group runs the goroutines of one run of one stage. They are cancelled together, and all have
// ended when Do or Wait returns. Stages with goroutines use it to keep the contract:
//
//	g, ctx := stream.NewGroup(ctx)
//	g.Go(func() error { … })                            // on a new goroutine
//	return g.Do(func() error { … emit(v) … })           // on the caller's goroutine
//
// The first error cancels the group's context and becomes its cause. An error may be a mere echo of
// an end elsewhere: a cancelled context, or a closed pipe, connection, file, hub or queue. A true
// error replaces an echo, even if it comes later; so does the cause of the parent context. A second
// true error is joined to the first.
//
// A stage may end its upstream by closing what connects the two, such as an [io.Pipe]. It should
// close it with the error that emit returned, so that a side sink in the upstream ([AlsoTo]) can
// recognize an early end.
//
// A panic in a goroutine cancels the group and comes out of Do or Wait as a [*PanicError]. Without
// that, the panic would end the process before other stages abort uploads and close cursors, and
// the caller could not recover it. A panic in the function of Do passes unchanged, after the
// goroutines have ended: it may come from the body of a loop over [All], through emit. [Run] turns
// it into a *PanicError too. runtime.Goexit also cancels the group, and ends the goroutine that
// called Do or Wait.
type Group struct {
	cancel    context.CancelCauseFunc
	parentEnd func() (err, cause error) // of the parent context; nil until it is done
	wg        sync.WaitGroup

	mu       sync.Mutex
	err      error
	onlyEcho bool // err is an echo
	panicked *PanicError
	exited   bool
}

// NewGroup returns a group and the context for its goroutines. The caller must call Do or Wait,
// once.
func NewGroup(ctx context.Context) (*Group, context.Context) {
	groupCtx, cancel := early.WithGroup(ctx)
	return &Group{cancel: cancel, parentEnd: func() (error, error) { return ctx.Err(), context.Cause(ctx) }}, groupCtx
}

// Go runs f on a new goroutine. It may be called from the group's own goroutines.
func (g *Group) Go(f func() error) {
	g.wg.Go(func() {
		returned := false
		defer func() {
			if returned {
				return
			}
			g.ended(recover())
		}()
		g.Fail(f())
		returned = true
	})
}

// Do runs f on the caller's goroutine, waits for all goroutines and returns the first error. If f
// panics, Do first cancels the goroutines and waits for them.
func (g *Group) Do(f func() error) error {
	returned := false
	defer func() {
		if !returned {
			g.cancel(errAborted)
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
	if _, cause := g.parentEnd(); g.onlyEcho && cause != nil {
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
	over, cause := g.parentEnd()
	isEcho := func(e error) bool { return e == over || echo(e) }
	onlyEcho := ending.OnlyEchoes(err, isEcho)
	switch {
	case g.err == nil:
		if onlyEcho && cause != nil {
			err, onlyEcho = cause, false
		}
		g.err, g.onlyEcho = ending.Prune(err, isEcho), onlyEcho
		g.cancel(g.err)
	case g.onlyEcho && !onlyEcho:
		g.err, g.onlyEcho = ending.Prune(err, isEcho), false
	case !onlyEcho:
		g.err = ending.Add(g.err, err, isEcho)
	}
}

// echo reports whether err is the error by which a stage sees an end elsewhere.
func echo(err error) bool {
	switch err { // no errors.Is: the caller walks the tree
	case context.Canceled, io.ErrClosedPipe, net.ErrClosed, fs.ErrClosed, errAborted:
		return true
	}
	return false
}

// ended records that a goroutine ended by a panic with value v or, if v is nil, by runtime.Goexit.
func (g *Group) ended(v any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case v == nil:
		g.exited = true
	case g.panicked == nil:
		g.panicked = panicked(v)
	}
	g.cancel(errAborted)
}

var errAborted = errors.New("stream: another stage panicked or ended its goroutine")
