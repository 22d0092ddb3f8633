package bsoncodec

import (
	"bytes"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// lineBatch is a batch of whole lines, in chunks. The chunks before the last one have no newline.
type lineBatch = batch[[]byte, bson.Raw]

const (
	// Chunks of less than minPiece bytes in a long line are copied into pieces of pieceSize bytes,
	// because the slice of a chunk takes memory too.
	minPiece  = 1 << 10
	pieceSize = 16 << 10
)

// lineBatcher cuts a byte stream into batches of lines. It searches only for the last newline of a
// chunk, and copies only small chunks. A chunk that ends a line completes a batch, so no line waits
// for the next chunk.
type lineBatcher struct {
	max  int             // bytes of a line
	ctx  context.Context // of the run
	get  func() *lineBatch
	emit func(*lineBatch) error

	begun   bool       // the first batch exists
	partial *lineBatch // the beginning of a line, or nil
}

// push emits the batches that chunk completes.
func (c *lineBatcher) push(chunk []byte) error {
	for {
		end := bytes.LastIndexByte(chunk, '\n') + 1
		if end > batchSize {
			end = batchSize + bytes.IndexByte(chunk[batchSize:], '\n') + 1
		}
		if end == 0 {
			return c.hold(chunk)
		}
		c.add(chunk[:end:end])
		if err := c.send(); err != nil {
			return err
		}
		chunk = chunk[end:]
	}
}

// hold adds a chunk that has no newline. If the line is too long, its parser fails and cancels this
// run, so hold waits for that.
func (c *lineBatcher) hold(chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	c.add(chunk[:len(chunk):len(chunk)])
	if c.partial.size <= c.max {
		return nil
	}
	if err := c.send(); err != nil {
		return err
	}
	<-c.ctx.Done()
	return context.Cause(c.ctx)
}

// add adds a chunk without spare capacity to the batch.
func (c *lineBatcher) add(chunk []byte) {
	if c.partial == nil {
		c.partial = c.get()
		c.partial.first, c.begun = !c.begun, true
	}
	b := c.partial
	b.size += len(chunk)
	n := len(b.in)
	if n == 0 || len(chunk) >= minPiece {
		b.in = append(b.in, chunk)
		return
	}
	if last := b.in[n-1]; cap(last)-len(last) >= len(chunk) {
		b.in[n-1] = append(last, chunk...)
		return
	}
	b.in = append(b.in, append(make([]byte, 0, pieceSize), chunk...))
}

// send emits the batch.
func (c *lineBatcher) send() error {
	b := c.partial
	c.partial = nil
	return c.emit(b)
}

// finish emits the last line if it has no newline.
func (c *lineBatcher) finish() error {
	if c.partial == nil {
		return nil
	}
	return c.send()
}
