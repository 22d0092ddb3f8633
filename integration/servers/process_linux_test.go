package servers_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/millweir/millweir/integration/servers"
)

// While a server is away, no other program gets its port, and a stand-in can listen on it.
func TestKilledServersPort(t *testing.T) {
	s := servers.Versitygw(t)
	s.Kill(t)
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		c.Close()
		t.Error("a connection is accepted")
	}
	stranger := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		cerr := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
		})
		if err == nil {
			err = cerr
		}
		return err
	}}
	if l, err := stranger.Listen(t.Context(), "tcp", s.Addr()); err == nil {
		l.Close()
		t.Error("another program took the port")
	}
	servers.NewStandIn(t, s.Addr()).Close()
	s.Restart(t)
	s.Bucket(t)
}
