package servers

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// StandIn listens on the address of a server that was killed. It reads one request of each
// connection and closes the connection without a reply. With it a test can restart the server after
// a certain request. A pause instead would be too short on a busy machine.
type StandIn struct {
	http     http.Server
	requests chan *http.Request
	closed   chan struct{}
	running  sync.WaitGroup
}

// awaitTime is longer than a client on a busy machine takes to its next request.
const awaitTime = 5 * time.Minute

// NewStandIn starts a stand-in at addr, host:port. Close ends it, or the end of the test.
func NewStandIn(t testing.TB, addr string) *StandIn {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &StandIn{requests: make(chan *http.Request), closed: make(chan struct{})}
	s.http.Handler = http.HandlerFunc(s.drop)
	s.running.Go(func() { _ = s.http.Serve(l) })
	t.Cleanup(s.Close)
	return s
}

// drop shows the request to Await, and closes the connection.
func (s *StandIn) drop(_ http.ResponseWriter, r *http.Request) {
	select {
	case s.requests <- r:
	case <-s.closed:
	}
	panic(http.ErrAbortHandler)
}

// Await returns after a request for which f returns true. It fails the test if none comes. Requests
// that come while no Await waits get no reply before the next Await or Close.
func (s *StandIn) Await(t testing.TB, what string, f func(r *http.Request) bool) {
	t.Helper()
	late := time.After(awaitTime)
	for {
		select {
		case r := <-s.requests:
			if f(r) {
				return
			}
		case <-late:
			t.Errorf("%s has not come after %v", what, awaitTime)
			return
		}
	}
}

// Close frees the address. Further calls do nothing.
func (s *StandIn) Close() {
	select {
	case <-s.closed:
		return
	default:
	}
	close(s.closed)
	_ = s.http.Close()
	s.running.Wait()
}
