package codec

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
)

// s2Chunks passes on a framed stream and follows its chunks, so that an end inside one is told as what it is, and so that a block
// whose type was damaged into one to be skipped does not go missing without an error.
type s2Chunks struct {
	src  *bufio.Reader
	left int   // bytes of the chunk in hand
	err  error // why the stream is refused
}

// The types of chunks, section 4 of the framing format; the index is S2's own.
const (
	s2Padding = 0xfe
	s2Index   = 0x99
	s2Reject  = 0x80 // from here on to the padding: to be skipped by who does not know them
)

// Read implements [io.Reader].
func (c *s2Chunks) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.left == 0 {
		head, err := c.src.Peek(4)
		switch {
		case len(head) == 0 && errors.Is(err, io.EOF):
			return 0, io.EOF
		case err != nil:
			return 0, c.fail(notEOF(err))
		case head[0] >= s2Reject && head[0] < s2Padding && head[0] != s2Index:
			return 0, c.fail(fmt.Errorf("%w: a chunk of type %#x", s2.ErrUnsupported, head[0]))
		}
		c.left = 4 + int(head[1]) + int(head[2])<<8 + int(head[3])<<16
	}
	n, err := c.src.Read(p[:min(len(p), c.left)])
	c.left -= n
	if err != nil {
		return n, c.fail(notEOF(err))
	}
	return n, nil
}

func (c *s2Chunks) fail(err error) error {
	c.err = err
	return err
}

// s2Reader is a decoder that reports the failures of its chunks as they are.
type s2Reader struct {
	*s2.Reader
	chunks *s2Chunks
}

// Read implements [io.Reader].
func (r *s2Reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && r.chunks.err != nil {
		err = r.chunks.err
	}
	return n, err
}
