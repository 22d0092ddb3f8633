package bsoncodec

// chunkWriter collects records into chunks of size bytes or slightly more.
type chunkWriter struct {
	size        int
	emit        func([]byte) error
	lent        bool // emit does not keep the chunk: the memory is reused
	buf         []byte
	recordStart int // where the current record begins in buf
	longest     int // bytes of the longest record so far

	unused int // chunks since the memory of a long one was last needed
}

// A chunk has spare capacity for the record that passes size: the length of the longest record so
// far, within these limits in bytes. So records of similar length do not make the chunk grow.
const (
	minChunkSlack = 4 << 10
	maxChunkSlack = 64 << 10
)

// Up to maxKept bytes beyond size are kept for the next chunk. More are kept for keptChunks chunks,
// because long records seldom come alone.
const (
	maxKept    = 1 << 20
	keptChunks = 100
)

// begin returns the current chunk. The caller appends a record and passes it to commit.
func (c *chunkWriter) begin() []byte {
	if c.buf == nil {
		c.buf = make([]byte, 0, c.size+min(max(minChunkSlack, c.longest), maxChunkSlack))
	}
	c.recordStart = len(c.buf)
	return c.buf
}

// commit takes the chunk with the new record, and emits it if it is full.
func (c *chunkWriter) commit(buf []byte) error {
	c.buf, c.longest = buf, max(c.longest, len(buf)-c.recordStart)
	if len(buf) < c.size {
		return nil
	}
	return c.flush()
}

// add appends a record. If the record fits, add writes no pointer, which would cost time while the
// garbage collector marks.
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

// flush emits the current chunk unless it is empty.
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
