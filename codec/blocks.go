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

// lineBlocks returns a flow that cuts its input into blocks of at most blockSize bytes: after the
// last newline that fits, or at blockSize if there is none. Chunk boundaries make no difference. An
// empty input has no block. It takes the memory of each block from mem; the receiver releases it.
// After the last use of a block, the receiver may pass it to freeBlock.
func lineBlocks(mem blockMemory) stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		c := blockCutter{mem: mem, emit: emit}
		err := guarded.EachLent(ctx, src, func(p []byte) error { return c.push(ctx, p) })
		if err == nil && len(c.buf) > 0 {
			err = emit(c.buf)
		}
		return err
	})
}

// blockCutter is one run of lineBlocks.
type blockCutter struct {
	mem  blockMemory
	emit func([]byte) error
	buf  []byte // the current block; nil before it has a byte
	rest []byte // the beginning of the next block, while there is no memory for it
}

// push adds the next bytes of the input.
func (c *blockCutter) push(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		if len(c.buf) == blockSize {
			if err := c.emitLines(); err != nil {
				return err
			}
		}
		if c.buf == nil {
			if err := c.mem.acquire(ctx); err != nil {
				return err
			}
			c.buf = append(newBlock(), c.rest...)
		}
		n := min(blockSize-len(c.buf), len(p))
		c.buf = append(c.buf, p[:n]...)
		p = p[n:]
	}
	return nil
}

// emitLines emits the lines of a full block. It holds no memory for the next block yet: it may have
// to wait until this one is released.
func (c *blockCutter) emitLines() error {
	block := c.buf
	end := bytes.LastIndexByte(block, '\n') + 1
	if end == 0 {
		end = blockSize
	}
	c.rest = append(c.rest[:0], block[end:]...)
	c.buf = nil
	return c.emit(block[:end])
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
