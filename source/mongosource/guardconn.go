package mongosource

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// Of MongoDB's wire protocol (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/).
const (
	opReply      = 1
	opCompressed = 2012
	opMsg        = 2013

	headerBytes     = 16
	maxMessageBytes = 48_000_000 + 16<<10 // what a server sends at most, and some room

	moreToCome = 1 << 1
)

// guardedConn is a connection that looks at the server's messages. One goroutine reads at a time and one writes, and a request is
// written before its reply is read, as the driver does.
type guardedConn struct {
	net.Conn
	compressed bool

	asked     int32 // the id of the last request
	streaming bool  // the last message said that more come without being asked for

	message []byte // what came of a message; it keeps what a read got before its deadline
	ready   []byte // of message: sound, and not yet handed over
	failed  error
}

// Write notes which request is sent.
func (c *guardedConn) Write(p []byte) (int, error) {
	if len(p) >= headerBytes {
		c.asked, c.streaming = int32(binary.LittleEndian.Uint32(p[4:])), false
	}
	return c.Conn.Write(p)
}

// Read returns bytes of messages that were looked at whole.
func (c *guardedConn) Read(p []byte) (int, error) {
	if len(c.ready) == 0 && len(p) > 0 {
		if c.failed != nil {
			return 0, c.failed
		}
		if err := c.receive(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	if len(c.ready) == 0 && cap(c.message) > keptBytes {
		c.message = nil
	}
	return n, nil
}

// keptBytes is how much memory a connection keeps between two messages.
const keptBytes = 64 << 10

// receive reads the next message. What it has got when it fails it keeps: the driver goes on after a deadline.
func (c *guardedConn) receive() error {
	if err := c.fill(headerBytes); err != nil {
		return err
	}
	size := int(int32(binary.LittleEndian.Uint32(c.message)))
	if size < headerBytes || size > maxMessageBytes {
		return c.refuse(fmt.Errorf("a message of %d bytes", size))
	}
	if err := c.fill(size); err != nil {
		return err
	}
	message, err := c.inspect(c.message)
	if err != nil {
		return c.refuse(err)
	}
	c.ready, c.message = message, c.message[:0]
	return nil
}

// fill reads until message has n bytes. The memory grows with what came, not with what was announced.
func (c *guardedConn) fill(n int) error {
	for len(c.message) < n {
		if len(c.message) == cap(c.message) {
			grown := make([]byte, len(c.message), min(max(2*cap(c.message), 4<<10), max(n, 4<<10)))
			copy(grown, c.message)
			c.message = grown
		}
		end := min(n, cap(c.message))
		got, err := c.Conn.Read(c.message[len(c.message):end])
		c.message = c.message[:len(c.message)+got]
		if err != nil && len(c.message) < n {
			if err == io.EOF && len(c.message) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// refuse makes c useless.
func (c *guardedConn) refuse(err error) error {
	c.failed, c.message = fmt.Errorf("%w: %w", ErrBadReply, err), nil
	_ = c.Conn.Close()
	return c.failed
}

// inspect returns the message as the driver may have it.
func (c *guardedConn) inspect(m []byte) ([]byte, error) {
	answers := int32(binary.LittleEndian.Uint32(m[8:]))
	if answers != c.asked && !c.streaming {
		return nil, fmt.Errorf("a reply to request %d, not to %d", answers, c.asked)
	}
	if binary.LittleEndian.Uint32(m[12:]) == opCompressed {
		if !c.compressed {
			return nil, fmt.Errorf("a compressed message, which was not asked for")
		}
		var err error
		if m, err = inflate(m); err != nil {
			return nil, err
		}
	}
	body := m[headerBytes:]
	switch op := binary.LittleEndian.Uint32(m[12:]); op {
	case opMsg:
		c.streaming = len(body) >= 4 && binary.LittleEndian.Uint32(body)&moreToCome != 0
		return m, inspectSections(body)
	case opReply:
		return m, inspectReply(body)
	default:
		return nil, fmt.Errorf("a message of kind %d", op)
	}
}
