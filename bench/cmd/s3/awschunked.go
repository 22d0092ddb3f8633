package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// chunkedReader decodes aws-chunked, in which clients of S3 send a body with a checksum after it. It
// does not check signatures and checksums: the server compares the bytes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
type chunkedReader struct {
	r     *bufio.Reader
	left  int64 // of the chunk
	first bool
	ended bool
}

func newChunkedReader(r io.Reader) *chunkedReader {
	return &chunkedReader{r: bufio.NewReaderSize(r, 64<<10), first: true}
}

func (c *chunkedReader) Read(p []byte) (int, error) {
	if c.left == 0 && !c.ended {
		if err := c.next(); err != nil {
			return 0, fmt.Errorf("aws-chunked: %w", err)
		}
	}
	if c.ended {
		_, err := io.Copy(io.Discard, c.r) // the trailers
		return 0, cmp.Or(err, io.EOF)
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// next reads the head of a chunk.
func (c *chunkedReader) next() error {
	if !c.first {
		if _, err := c.r.Discard(len("\r\n")); err != nil {
			return err
		}
	}
	c.first = false
	line, err := c.r.ReadString('\n')
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(strings.TrimSuffix(line, "\r\n"), ";")
	c.left, err = strconv.ParseInt(size, 16, 64)
	c.ended = c.left == 0
	return err
}
