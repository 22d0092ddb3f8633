package main

import (
	"context"
	"io"
)

// chunkPipe is a pipe between two goroutines that carries large chunks, buffers a few of them ahead
// of the reader, and reuses its buffers. The two sides of an io.Pipe would wait for each other.
type chunkPipe struct {
	ctx  context.Context //nolint:containedctx // io.Writer and io.Reader have no other place for it
	full chan []byte
	free chan []byte
	err  error // why full was closed; nil is the end

	filling []byte // used by the writer
	rest    []byte // used by the reader; part of lent
	current []byte
}

func newChunkPipe(ctx context.Context) *chunkPipe {
	return &chunkPipe{ctx: ctx, full: make(chan []byte, tunedAhead), free: make(chan []byte, tunedAhead+2)}
}

// Write implements io.Writer.
func (c *chunkPipe) Write(p []byte) (int, error) {
	if c.filling == nil {
		select {
		case c.filling = <-c.free:
		default:
			c.filling = make([]byte, 0, tunedChunk+tunedChunk/4)
		}
	}
	if c.filling = append(c.filling, p...); len(c.filling) < tunedChunk {
		return len(p), nil
	}
	return len(p), c.send()
}

func (c *chunkPipe) send() error {
	select {
	case c.full <- c.filling:
		c.filling = nil
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

// closeWrite sends the last chunk if err is nil, closes the pipe, and returns the error.
func (c *chunkPipe) closeWrite(err error) error {
	if err == nil && len(c.filling) > 0 {
		err = c.send()
	}
	c.err = err
	close(c.full)
	return err
}

// next returns the next chunk, which is valid until the next call, or io.EOF.
func (c *chunkPipe) next() ([]byte, error) {
	if c.current != nil {
		select {
		case c.free <- c.current[:0]:
		default:
		}
		c.current = nil
	}
	chunk, ok := <-c.full
	switch {
	case ok:
		c.current = chunk
		return chunk, nil
	case c.err != nil:
		return nil, c.err
	}
	return nil, io.EOF
}

// Read implements io.Reader.
func (c *chunkPipe) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		chunk, err := c.next()
		if err != nil {
			return 0, err
		}
		c.rest = chunk
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo.
func (c *chunkPipe) WriteTo(w io.Writer) (n int64, err error) {
	for {
		chunk, err := c.next()
		if err == io.EOF { //nolint:errorlint // next returns it unchanged
			return n, nil
		}
		if err != nil {
			return n, err
		}
		m, err := w.Write(chunk)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
}
