package servers

import "testing"

// server is what every server can do.
type server interface {
	Addr() string         // host:port, the same after a restart
	Log() string          // its output so far
	Kill(t testing.TB)    // ends it at once, as kill -9 does
	Restart(t testing.TB) // starts it again, on the same directory and port
	show(t testing.TB)
	close()
}

// show logs what the server writes from now on, if the test fails.
func (p *process) show(t testing.TB) {
	t.Helper()
	p.log.showWhenFailed(t, p.name)
}

// own makes s a server that only this test uses, and returns it.
func own[S server](t testing.TB, s S) S {
	t.Cleanup(s.close)
	s.show(t)
	return s
}
