package servers

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy in front of a server. A test can hold back the bytes of one direction from a
// chosen offset on, act in the middle of the transfer, and cut the connections there. A proxy
// belongs to one test and ends with it.
type Proxy struct {
	target string
	l      net.Listener

	mu       sync.Mutex
	changed  *sync.Cond
	conns    map[net.Conn]struct{}
	up, down gate
	closed   bool
	wg       sync.WaitGroup
}

// gate is one direction of all connections.
type gate struct {
	total   int64         // bytes that have passed
	left    int64         // bytes that may still pass, when held
	held    bool          // counts left
	reached chan struct{} // closed when left reaches 0
}

// NewProxy starts a proxy in front of the server at target, host:port.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, l: l, conns: map[net.Conn]struct{}{}}
	p.changed = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		l.Close()
		p.Reset()
		p.wg.Wait()
	})
	return p
}

// Addr returns where the proxy listens, host:port.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// HoldUp lets n more bytes pass to the server, over all connections, and then none. The channel is
// closed when they have passed.
func (p *Proxy) HoldUp(n int64) <-chan struct{} { return p.hold(&p.up, n) }

// HoldDown lets n more bytes pass from the server, over all connections, and then none. The channel
// is closed when they have passed.
func (p *Proxy) HoldDown(n int64) <-chan struct{} { return p.hold(&p.down, n) }

func (p *Proxy) hold(g *gate, n int64) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	*g = gate{total: g.total, left: n, held: true, reached: make(chan struct{})}
	if n == 0 {
		close(g.reached)
	}
	p.changed.Broadcast()
	return g.reached
}

// Release lets all bytes pass again, in both directions.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down = gate{total: p.up.total}, gate{total: p.down.total}
	p.changed.Broadcast()
}

// Sent returns how many bytes have passed to the server, over all connections.
func (p *Proxy) Sent() int64 { return p.passedBy(&p.up) }

// Received returns how many bytes have passed from the server, over all connections.
func (p *Proxy) Received() int64 { return p.passedBy(&p.down) }

func (p *Proxy) passedBy(g *gate) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return g.total
}

// Cut closes every connection in order: FIN. Bytes held back are lost.
func (p *Proxy) Cut() { p.cut(-1) }

// Reset aborts every connection: RST.
func (p *Proxy) Reset() { p.cut(0) }

func (p *Proxy) cut(linger int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		drop(c, linger)
	}
	clear(p.conns)
	p.changed.Broadcast()
}

func drop(c net.Conn, linger int) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(linger)
	}
	_ = c.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		drop(client, 0)
		return
	}
	if !p.add(client, server) {
		drop(client, 0)
		drop(server, 0)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, &p.up) })
	both.Go(func() { p.copy(client, server, &p.down) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
	client.Close()
	server.Close()
}

func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

// copy copies one direction of a connection until either side ends. Then it ends the other side.
func (p *Proxy) copy(to, from net.Conn, g *gate) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			may := p.pass(g, from, len(rest))
			if may == 0 {
				return // cut
			}
			if _, werr := to.Write(rest[:may]); werr != nil {
				drop(from, 0)
				return
			}
			rest = rest[may:]
			p.passed(g)
		}
		if err != nil {
			if tcp, ok := to.(*net.TCPConn); ok && errors.Is(err, io.EOF) {
				_ = tcp.CloseWrite()
			} else {
				drop(to, 0)
			}
			return
		}
	}
}

// pass waits until at least one of n bytes may pass g, and returns how many may. It returns 0 if
// the connection was cut in the meantime.
func (p *Proxy) pass(g *gate, from net.Conn, n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if _, alive := p.conns[from]; !alive {
			return 0
		}
		if !g.held || g.left > 0 {
			if g.held {
				n = int(min(int64(n), g.left))
				g.left -= int64(n)
			}
			g.total += int64(n)
			return n
		}
		p.changed.Wait()
	}
}

// passed closes the gate's channel after the last byte that may pass.
func (p *Proxy) passed(g *gate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.held && g.left == 0 {
		select {
		case <-g.reached:
		default:
			close(g.reached)
		}
	}
}
