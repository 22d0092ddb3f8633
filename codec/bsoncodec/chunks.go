package bsoncodec

// chunks collects small pieces of a byte stream into chunks of size bytes or a little more.
type chunks struct {
	size int
	emit func([]byte) error
	buf  []byte
	from int // where the piece in hand begins
	most int // bytes of the longest piece so far
}

// chunkSlack is the room behind size for the piece that passes it, in bytes: the least, and the most. In between it is the longest
// piece so far, so that pieces of about the same length pass it without a larger chunk being made and copied to.
const (
	chunkSlack    = 4 << 10
	maxChunkSlack = 64 << 10
)

// open returns the chunk in hand, for a piece to be appended.
func (c *chunks) open() []byte {
	if c.buf == nil {
		c.buf = make([]byte, 0, c.size+min(max(chunkSlack, c.most), maxChunkSlack))
	}
	c.from = len(c.buf)
	return c.buf
}

// close takes the chunk back, and emits it when it is full.
func (c *chunks) close(buf []byte) error {
	c.buf, c.most = buf, max(c.most, len(buf)-c.from)
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
