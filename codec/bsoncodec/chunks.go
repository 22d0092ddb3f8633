package bsoncodec

// chunks collects small pieces of a byte stream into chunks of size bytes or a little more.
type chunks struct {
	size int
	emit func([]byte) error
	buf  []byte
}

// chunkSlack is the room behind size for the piece that passes it, in bytes.
const chunkSlack = 4 << 10

// open returns the chunk in hand, for a piece to be appended.
func (c *chunks) open() []byte {
	if c.buf == nil {
		c.buf = make([]byte, 0, c.size+chunkSlack)
	}
	return c.buf
}

// close takes the chunk back, and emits it when it is full.
func (c *chunks) close(buf []byte) error {
	c.buf = buf
	if len(buf) < c.size {
		return nil
	}
	return c.flush()
}

// flush emits what there is.
func (c *chunks) flush() error {
	buf := c.buf
	if len(buf) == 0 {
		return nil
	}
	c.buf = nil
	return c.emit(buf)
}
