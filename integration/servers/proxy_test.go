package servers_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/millweir/millweir/integration/servers"
)

// echo serves connections that send back what they get.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func TestProxy(t *testing.T) {
	p := servers.NewProxy(t, echo(t))
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text := bytes.Repeat([]byte("0123456789"), 10_000)
	buf := make([]byte, len(text))

	go func() { _, _ = c.Write(text) }()
	if _, err := io.ReadFull(c, buf); err != nil || !bytes.Equal(buf, text) {
		t.Fatalf("through an open proxy: %v", err)
	}

	reached := p.HoldDown(12_345)
	go func() { _, _ = c.Write(text) }()
	<-reached
	if _, err := io.ReadFull(c, buf[:12_345]); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(buf); err == nil {
		t.Fatalf("%d bytes passed a proxy that holds", n)
	}
	_ = c.SetReadDeadline(time.Time{})
	p.Release()
	if _, err := io.ReadFull(c, buf[12_345:]); err != nil || !bytes.Equal(buf[12_345:], text[12_345:]) {
		t.Fatalf("after the release: %v", err)
	}

	p.Cut()
	if n, err := c.Read(buf); err == nil {
		t.Fatalf("%d bytes passed a connection that is cut", n)
	}
	if c, err = net.Dial("tcp", p.Addr()); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	reached = p.HoldUp(1)
	_, _ = c.Write([]byte("xy"))
	<-reached
	p.Reset()
	if b, err := io.ReadAll(c); err == nil || len(b) > 1 {
		t.Fatalf("a connection that was reset brought %q and ended with %v", b, err)
	}
}
