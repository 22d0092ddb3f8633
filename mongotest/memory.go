package mongotest

import (
	"context"
	"net"
	"sync"
)

// NewMemoryServer starts a server that uses no network, so that a test in a bubble of
// [testing/synctest] can have it. Its clients connect by the server itself:
//
//	options.Client().ApplyURI(srv.URI()).SetDialer(srv)
func NewMemoryServer() *Server {
	return newServer(&pipes{conns: make(chan net.Conn), closed: make(chan struct{})})
}

// DialContext returns a connection to the server, whatever the address.
func (s *Server) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	p, ok := s.listener.(*pipes)
	if !ok {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
	}
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// pipes is a listener for connections in memory.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept implements [net.Listener].
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements [net.Listener].
func (p *pipes) Addr() net.Addr { return memoryAddr{} }

// memoryAddr is the address of a server without a network.
type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory:27017" }
