package bsoncodec

// chunks collects small pieces of a byte stream into chunks of size bytes or a little more.
type chunkWriter struct {
	size        int
	emit        func([]byte) error
	lent        bool // emit is done with a chunk when it returns: one piece of memory serves for all
	buf         []byte
	recordStart int // where the piece in hand begins
	longest     int // bytes of the longest piece so far

	unused int // chunks since the memory of a long one was last needed
}

// chunkSlack is the room behind size for the piece that passes it, in bytes: the least, and the most. In between it is the longest
// piece so far, so that pieces of about the same length pass it without a larger chunk being made and copied to.
const (
	minChunkSlack = 4 << 10
	maxChunkSlack = 64 << 10
)

// Memory of up to maxKept bytes more than a chunk has is kept for good. More of it is kept for keptChunks
// chunks: long lines seldom come alone.
const (
	maxKept    = 1 << 20
	keptChunks = 100
)

// open returns the chunk in hand, for a piece to be appended.
func (c *chunkWriter) begin() []byte {
	if c.buf == nil {
		c.buf = make([]byte, 0, c.size+min(max(minChunkSlack, c.longest), maxChunkSlack))
	}
	c.recordStart = len(c.buf)
	return c.buf
}

// close takes the chunk back, and emits it when it is full.
func (c *chunkWriter) commit(buf []byte) error {
	c.buf, c.longest = buf, max(c.longest, len(buf)-c.recordStart)
	if len(buf) < c.size {
		return nil
	}
	return c.flush()
}

// add appends a piece that is there already. Where it fits, no pointer is written: a collector that is at work takes note of those.
func (c *chunkWriter) add(piece []byte) error {
	n := len(c.buf)
	if cap(c.buf)-n < len(piece) {
		return c.commit(append(c.begin(), piece...))
	}
	c.buf = c.buf[:n+len(piece)]
	copy(c.buf[n:], piece)
	if c.longest = max(c.longest, len(piece)); len(c.buf) < c.size {
		return nil
	}
	return c.flush()
}

// flush emits what there is.
func (c *chunkWriter) flush() error {
	buf := c.buf
	if len(buf) == 0 {
		return nil
	}
	c.buf = nil
	err := c.emit(buf)
	if c.lent && c.keeps(buf) {
		c.buf = buf[:0]
	}
	return err
}

// keeps reports whether the memory of the chunk is kept for the next one.
func (c *chunkWriter) keeps(chunk []byte) bool {
	if cap(chunk) <= c.size+maxKept || len(chunk) > cap(chunk)/4 {
		c.unused = 0
		return true
	}
	c.unused++
	return c.unused < keptChunks
}
