package mongotest

import (
	"context"
	"net"

	"github.com/millweir/millweir/internal/memlisten"
)

// NewMemoryServer starts a server that uses no network, so that a test in a bubble of
// [testing/synctest] can have it. Its clients connect by the server itself:
//
//	options.Client().ApplyURI(srv.URI()).SetDialer(srv)
func NewMemoryServer() *Server { return newServer(memlisten.New(memoryAddr{})) }

// DialContext returns a connection to the server, for any address.
func (s *Server) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if memory, ok := s.listener.(*memlisten.Listener); ok {
		return memory.DialContext(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
}

// memoryAddr is the address of a server without a network.
type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory:27017" }
