package servers

import "testing"

// server is what every server can do.
type server interface {
	Addr() string         // host:port, the same after a restart
	Log() string          // what it has written
	Kill(t testing.TB)    // ends it at once, as kill -9 does
	Restart(t testing.TB) // starts it again, on the same directory and port
	show(t testing.TB)
	close()
}

// show shows the log of a test that fails from now on.
func (p *process) show(t testing.TB) {
	t.Helper()
	p.log.showWhenFailed(t, p.name)
}

// own makes s a server of this test alone.
func own(t testing.TB, s server) {
	t.Cleanup(s.close)
	s.show(t)
}
