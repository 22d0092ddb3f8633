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
// empty input has no block. After the last use of a block, the receiver may pass it to freeBlock.
func lineBlocks() stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		var buf []byte
		err := guarded.EachLent(ctx, src, func(p []byte) error {
			for len(p) > 0 {
				if len(buf) == blockSize {
					block := buf
					end := bytes.LastIndexByte(block, '\n') + 1
					if end == 0 {
						end = blockSize
					}
					buf = append(newBlock(), block[end:]...)
					if err := emit(block[:end]); err != nil {
						return err
					}
				}
				if buf == nil {
					buf = newBlock()
				}
				n := min(blockSize-len(buf), len(p))
				buf = append(buf, p[:n]...)
				p = p[n:]
			}
			return nil
		})
		if err == nil && len(buf) > 0 {
			err = emit(buf)
		}
		return err
	})
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
