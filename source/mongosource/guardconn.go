package mongosource

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// See https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/.
const (
	opReply      = 1
	opCompressed = 2012
	opMsg        = 2013

	headerBytes     = 16
	maxMessageBytes = 48_000_000 + 16<<10 // a server's largest message, with a margin

	moreToCome     = 1 << 1  // a flag of a reply: more replies follow, without a request for them
	exhaustAllowed = 1 << 16 // a flag of a request: its reply may have moreToCome
)

// guardedConn is a connection that checks the server's messages. Like the driver, its user reads on
// one goroutine at a time, writes on one, and writes a request before it reads the reply.
type guardedConn struct {
	net.Conn
	compressed bool

	requestID int32 // of the last request
	exhaust   bool  // the last request allows more than one reply
	awaiting  bool  // its last reply has not come yet
	streaming bool  // its last reply so far has moreToCome

	message []byte // the received part of a message; it survives a read deadline
	checked []byte // the part of message that is checked but that Read has not returned yet
	failed  error
}

// Write records the request before it sends it.
func (c *guardedConn) Write(p []byte) (int, error) {
	if len(p) >= headerBytes {
		c.requestID, c.awaiting, c.streaming = int32(binary.LittleEndian.Uint32(p[4:])), true, false
		c.exhaust = flagsOf(p)&exhaustAllowed != 0
	}
	return c.Conn.Write(p)
}

// flagsOf returns the flags of an OP_MSG, or 0 for other messages.
func flagsOf(m []byte) uint32 {
	if len(m) < headerBytes+4 || binary.LittleEndian.Uint32(m[12:]) != opMsg {
		return 0
	}
	return binary.LittleEndian.Uint32(m[headerBytes:])
}

// Read returns bytes of completely checked messages.
func (c *guardedConn) Read(p []byte) (int, error) {
	if len(c.checked) == 0 && len(p) > 0 {
		if c.failed != nil {
			return 0, c.failed
		}
		if err := c.receive(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.checked)
	c.checked = c.checked[n:]
	if len(c.checked) == 0 && cap(c.message) > keptBytes {
		used := c.message
		c.message = nil
		buffers.Put(&used)
	}
	return n, nil
}

const (
	minBytes     = 4 << 10   // the smallest buffer
	keptBytes    = 64 << 10  // the largest buffer that a connection keeps between two messages
	trustedBytes = 256 << 10 // allocated for a message before its bytes arrive
)

// buffers holds unused larger buffers.
var buffers sync.Pool // of *[]byte

// receive reads the next message. If it fails, it keeps the received bytes: the driver may read
// again after a deadline.
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
	c.checked, c.message = message, c.message[:0]
	return nil
}

// fill reads until message has n bytes. The buffer grows with the received bytes, not with the
// announced length.
func (c *guardedConn) fill(n int) error {
	for len(c.message) < n {
		if len(c.message) == cap(c.message) {
			c.grow(n)
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

// grow makes room in message, which will have n bytes.
func (c *guardedConn) grow(n int) {
	old := c.message
	if n > keptBytes {
		if b, ok := buffers.Get().(*[]byte); ok && cap(*b) > len(old) {
			c.message = append((*b)[:0], old...)
			return
		}
	}
	c.message = make([]byte, len(old), min(max(2*cap(old), trustedBytes), max(n, minBytes)))
	copy(c.message, old)
}

// refuse closes c. Every later read fails with err.
func (c *guardedConn) refuse(err error) error {
	c.failed, c.message = fmt.Errorf("%w: %w", ErrBadReply, err), nil
	_ = c.Conn.Close()
	return c.failed
}

// inspect checks a message and returns it decompressed.
func (c *guardedConn) inspect(m []byte) ([]byte, error) {
	answers := int32(binary.LittleEndian.Uint32(m[8:]))
	switch {
	case !c.awaiting:
		return nil, errors.New("a reply without a request")
	case answers != c.requestID && !c.streaming: // a streamed reply answers the reply before it
		return nil, fmt.Errorf("a reply to request %d, not to %d", answers, c.requestID)
	}
	if binary.LittleEndian.Uint32(m[12:]) == opCompressed {
		if !c.compressed {
			return nil, errors.New("a compressed message, which was not asked for")
		}
		var err error
		if m, err = inflate(m); err != nil {
			return nil, err
		}
	}
	body := m[headerBytes:]
	c.streaming = flagsOf(m)&moreToCome != 0
	c.awaiting = c.streaming
	switch op := binary.LittleEndian.Uint32(m[12:]); op {
	case opMsg:
		if c.streaming && !c.exhaust {
			return nil, errors.New("the reply announces more replies, and the request allows only one")
		}
		return m, inspectSections(body)
	case opReply:
		return m, inspectReply(body)
	default:
		return nil, fmt.Errorf("a message of kind %d", op)
	}
}
