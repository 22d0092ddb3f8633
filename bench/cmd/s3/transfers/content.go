package main

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

// content reads the bytes of an object, without holding them.
type content struct{ offset, size int64 }

func (c *content) Read(p []byte) (int, error) {
	if c.offset == c.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), c.size-c.offset)]
	n := copy(p, block()[c.offset%int64(len(block())):])
	c.offset += int64(n)
	return n, nil
}

// contentOf returns all bytes of an object.
func contentOf(size int) []byte {
	b := make([]byte, 0, size)
	for len(b) < size {
		b = append(b, block()[:min(len(block()), size-len(b))]...)
	}
	return b
}
