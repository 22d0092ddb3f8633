package codec

import (
	"bytes"
	"context"
	"sync"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// blockSize is the largest text of one member or frame of a parallel encoder, in bytes.
const blockSize = 1 << 20

// minBlockPart is a size in bytes. Shorter chunks are copied together, because the slice of a chunk
// takes memory too, and because a short chunk may keep a long one alive.
const minBlockPart = 16 << 10

// textBlock is a text of at most blockSize bytes, in parts.
type textBlock struct {
	parts  [][]byte
	size   int
	pooled bool // the text is one part in memory of newBlock
}

// join returns the text in memory that the caller should give back by freeBlock.
func (b *textBlock) join() []byte {
	if b.pooled {
		return b.parts[0]
	}
	text := newBlock()
	for _, p := range b.parts {
		text = append(text, p...)
	}
	clear(b.parts) // the chunks may be collected while the text is compressed
	return text
}

// copy appends the bytes of p to a text in one part.
func (b *textBlock) copy(p []byte) {
	if b.parts == nil {
		b.parts, b.pooled = [][]byte{newBlock()}, true
	}
	b.parts[0] = append(b.parts[0], p...)
	b.size += len(p)
}

// add appends p to the text, as a part unless it is short.
func (b *textBlock) add(p []byte) {
	b.size += len(p)
	n := len(b.parts)
	switch {
	case len(p) >= minBlockPart:
		b.parts = append(b.parts, p[:len(p):len(p)]) // the memory after p is not ours
	case n > 0 && cap(b.parts[n-1])-len(b.parts[n-1]) >= len(p):
		b.parts[n-1] = append(b.parts[n-1], p...)
	default:
		b.parts = append(b.parts, append(make([]byte, 0, minBlockPart), p...))
	}
}

// cut removes what follows the last newline, and passes it to add part by part.
func (b *textBlock) cut(add func([]byte)) {
	for n := len(b.parts) - 1; n >= 0; n-- {
		end := bytes.LastIndexByte(b.parts[n], '\n') + 1
		if end == 0 {
			continue
		}
		rest := b.parts[n:]
		size := -end
		for _, p := range rest {
			size += len(p)
		}
		b.parts, b.size = b.parts[:n:n], b.size-size
		b.parts = append(b.parts, rest[0][:end])
		for i, p := range rest {
			if i == 0 {
				p = p[end:]
			}
			if len(p) > 0 {
				add(p)
			}
		}
		return
	}
}

// lineBlocks returns a flow that cuts its input into blocks of at most blockSize bytes for w: after
// the last newline that fits, or at blockSize if there is none. Chunk boundaries make no difference.
// An empty input has no block. It takes the memory of each block from mem; the receiver releases it.
//
// For several goroutines it does not copy the chunks, because the goroutine that cuts would bound
// how many cores the encoder can use. For one, it borrows and copies them.
func (w workers) lineBlocks(mem blockMemory) stream.Flow[[]byte, textBlock] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func(textBlock) error) error {
		c := blockCutter{mem: mem, emit: emit}
		push := func(p []byte) error { return c.push(ctx, p) }
		var err error
		if w.n > 1 {
			c.add = func(p []byte) { c.block.add(p) }
			err = guarded.Each(ctx, src, push)
		} else {
			c.add = func(p []byte) { c.block.copy(p) }
			err = guarded.EachLent(ctx, src, push)
		}
		if err == nil && c.block.size > 0 {
			err = emit(c.block)
		}
		return err
	})
}

// blockCutter is one run of lineBlocks.
type blockCutter struct {
	mem     blockMemory
	emit    func(textBlock) error
	add     func([]byte) // adds a part of a chunk to block
	block   textBlock    // the current block
	counted bool         // mem has the memory of the block
}

// push adds the next bytes of the input.
func (c *blockCutter) push(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		if c.block.size == blockSize {
			if err := c.emitLines(); err != nil {
				return err
			}
		}
		if !c.counted {
			if err := c.mem.acquire(ctx); err != nil {
				return err
			}
			c.counted = true
		}
		n := min(blockSize-c.block.size, len(p))
		c.add(p[:n])
		p = p[n:]
	}
	return nil
}

// emitLines emits the lines of a full block. It takes no memory for the next block yet: it may have
// to wait until this one is released.
func (c *blockCutter) emitLines() error {
	b := c.block
	c.block, c.counted = textBlock{}, false
	b.cut(c.add)
	return c.emit(b)
}

var freeBlocks sync.Pool

func newBlock() []byte {
	if b, ok := freeBlocks.Get().(*[blockSize]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, blockSize)
}

// freeBlock returns a block to the pool. The caller must not use it again.
func freeBlock(b []byte) {
	if cap(b) == blockSize {
		freeBlocks.Put((*[blockSize]byte)(b[:blockSize]))
	}
}
