package integration_test

import (
	"errors"
	"sync"
)

// gate counts the exchanges of a proxy, a request and its reply each, and holds one of them, before
// the request is passed on or after its reply came. So a test acts at a known point of a program.
type gate struct {
	mu       sync.Mutex
	idle     *sync.Cond
	seen     int    // exchanges that have begun
	open     int    // of them, those that have not ended
	last     string // the request of the newest
	held     int    // which exchange, from 1; 0 for none
	at       moment
	reached  chan struct{} // closed when the exchange is held
	released chan bool     // whether it goes on
	closed   bool          // no exchange begins
}

func newGate() *gate {
	g := &gate{}
	g.idle = sync.NewCond(&g.mu)
	g.hold(0, beforeRequest)
	return g
}

// hold holds the n-th exchange from now on. The channel is closed when it is held.
func (g *gate) hold(n int, at moment) (reached <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen, g.last, g.held, g.at, g.closed = 0, "", n, at, false
	g.reached, g.released = make(chan struct{}), make(chan bool, 1)
	return g.reached
}

// release lets the exchange go on, or drops it. It returns at once if none is held.
func (g *gate) release(goOn bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case g.released <- goOn:
	default:
	}
}

// end ends the exchanges of a program that is gone. When it returns, the server has replied to what it
// was sent, and gets nothing more.
func (g *gate) end() {
	g.release(false)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for g.open > 0 {
		g.idle.Wait()
	}
}

// progress returns the number of exchanges that have begun, and the request of the newest.
func (g *gate) progress() (seen int, last string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen, g.last
}

var errDropped = errors.New("the exchange was dropped")

// exchange passes a request on and then its reply.
func (g *gate) exchange(request string, forward, reply func() error) error {
	n, ok := g.enter(request)
	if !ok {
		return errDropped
	}
	defer g.leave()
	if !g.pass(n, beforeRequest) {
		return errDropped
	}
	if err := forward(); err != nil {
		return err
	}
	if !g.pass(n, afterReply) {
		return errDropped
	}
	return reply()
}

func (g *gate) enter(request string) (n int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return 0, false
	}
	g.seen++
	g.open++
	g.last = request
	return g.seen, true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	g.idle.Broadcast()
}

// pass waits if this is what is held. It reports whether the exchange goes on.
func (g *gate) pass(n int, at moment) bool {
	g.mu.Lock()
	isHeld, reached, released := n == g.held && at == g.at, g.reached, g.released
	g.mu.Unlock()
	if !isHeld {
		return true
	}
	close(reached)
	return <-released
}
