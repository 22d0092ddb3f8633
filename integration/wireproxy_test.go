package integration_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// wireProxy is a proxy of MongoDB's wire protocol in front of a server. Its gate counts the commands
// of the program, without those that the driver sends by itself.
type wireProxy struct {
	*gate
	target string
	l      net.Listener
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newWireProxy(t testing.TB, target string) *wireProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &wireProxy{gate: newGate(), target: target, l: l, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.release(false)
		p.mu.Lock()
		for c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

// uri returns the connection string of the proxy.
func (p *wireProxy) uri() string {
	return "mongodb://" + p.l.Addr().String() + "/?directConnection=true"
}

func (p *wireProxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() {
			defer client.Close()
			server, err := net.Dial("tcp", p.target)
			if err != nil {
				return
			}
			defer server.Close()
			p.track(client, server)
			defer p.forget(client, server)
			_ = p.serve(client, server) // the connection ends with its error
		})
	}
}

func (p *wireProxy) track(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
}

func (p *wireProxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// serve passes commands and their replies on, until either side ends.
func (p *wireProxy) serve(client, server net.Conn) error {
	for {
		command, err := readMessage(client)
		if err != nil {
			return err
		}
		var first []byte
		forward := func() (err error) {
			if _, err = server.Write(command); err == nil {
				first, err = readMessage(server)
			}
			return err
		}
		reply := func() error { return replyAll(client, server, first) }
		switch name := commandName(command); name {
		case "", "hello", "isMaster", "ismaster", "ping", "endSessions":
			if err = forward(); err == nil {
				err = reply()
			}
		default:
			err = p.exchange(name, forward, reply)
		}
		if err != nil {
			return err
		}
	}
}

// The header of a message, and the parts of OP_MSG
// (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/).
const (
	wireHeader   = 16
	opMsg        = 2013
	bitMore      = 1 << 1 // another message follows without a request
	nameAt       = wireHeader + 4 + 1 + 4 + 1
	largeMessage = 64 << 20
)

// replyAll passes a reply on, and those that follow it.
func replyAll(client io.Writer, server io.Reader, reply []byte) error {
	for {
		if _, err := client.Write(reply); err != nil {
			return err
		}
		if !isOpMsg(reply) || binary.LittleEndian.Uint32(reply[wireHeader:])&bitMore == 0 {
			return nil
		}
		var err error
		if reply, err = readMessage(server); err != nil {
			return err
		}
	}
}

func readMessage(r io.Reader) ([]byte, error) {
	header := make([]byte, wireHeader)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(header)
	if n < wireHeader || n > largeMessage {
		return nil, errors.New("not a message of MongoDB")
	}
	message := append(header, make([]byte, n-wireHeader)...)
	_, err := io.ReadFull(r, message[wireHeader:])
	return message, err
}

func isOpMsg(message []byte) bool {
	return len(message) > nameAt && binary.LittleEndian.Uint32(message[12:]) == opMsg
}

// commandName returns the name of a command: the first key of its document. It returns "" for a
// message of an older kind.
func commandName(message []byte) string {
	if !isOpMsg(message) {
		return ""
	}
	name, _, _ := bytes.Cut(message[nameAt:], []byte{0})
	return string(name)
}
