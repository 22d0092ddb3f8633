package transfers

import (
	"io"
	"math/rand/v2"
	"sync"
)

// block has the bytes that an object repeats. Its odd length makes parts of any size differ.
var block = sync.OnceValue(func() []byte {
	b := make([]byte, 1<<20+7)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
})

// Content reads the bytes of an object, without holding them.
type Content struct {
	Offset int64 // of the next byte
	size   int64
}

// NewContent returns a reader of the bytes of an object.
func NewContent(size int) *Content { return &Content{size: int64(size)} }

func (c *Content) Read(p []byte) (int, error) {
	if c.Offset == c.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), c.size-c.Offset)]
	n := copy(p, block()[c.Offset%int64(len(block())):])
	c.Offset += int64(n)
	return n, nil
}

// ContentOf returns all bytes of an object.
func ContentOf(size int) []byte {
	b := make([]byte, 0, size)
	for len(b) < size {
		b = append(b, block()[:min(len(block()), size-len(b))]...)
	}
	return b
}
