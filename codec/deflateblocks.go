package codec

import (
	"context"
	"encoding/binary"
	"hash/adler32"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// deflatedBlock is a part of a deflate stream. It ends at a byte boundary, and later parts do not
// refer to it.
type deflatedBlock struct {
	packed []byte
	sum    uint32 // Adler-32 of the text
	size   int    // of the text
}

// deflateEnd is an empty last block, RFC 1951 section 3.2.6.
var deflateEnd = []byte{3, 0}

// deflateBlocks returns the flow of Deflate with Parallelism. With a header it is the flow of Zlib.
func deflateBlocks(name string, level int, w workers, header []byte) stream.Flow[[]byte, []byte] {
	pack := stream.MapParallel(w.n, func(_ context.Context, b textBlock) (deflatedBlock, error) {
		text := b.join()
		packed, err := appendDeflatedPart(make([]byte, 0, 64+len(text)/2), text, level)
		if err != nil {
			return deflatedBlock{}, wrap(name, err)
		}
		p := deflatedBlock{packed: packed, size: len(text)}
		if header != nil {
			p.sum = adler32.Checksum(text)
		}
		freeBlock(text)
		return p, nil
	})
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		mem := w.openBlocks(ctx, name, deflateBlockMemory)
		defer mem.Close()
		first, sum := header, adler32.Checksum(nil)
		err := guarded.Each(ctx, stream.Via2(src, w.lineBlocks(mem), pack), func(p deflatedBlock) error {
			mem.release()
			sum = combineAdler32(sum, p.sum, p.size)
			if first != nil {
				p.packed = append(append(make([]byte, 0, len(first)+len(p.packed)), first...), p.packed...)
				first = nil
			}
			return emit(p.packed)
		})
		if err != nil {
			return err
		}
		last := append(append([]byte{}, first...), deflateEnd...)
		if header != nil {
			last = binary.BigEndian.AppendUint32(last, sum)
		}
		return emit(last)
	})
}

// combineAdler32 returns the Adler-32 of two texts (RFC 1950 section 8.2) from the checksum of each
// and the length of the second.
func combineAdler32(a, b uint32, size int) uint32 {
	const mod = 65521
	n := uint32(size % mod)
	a1, a2, b1, b2 := a&0xffff, a>>16, b&0xffff, b>>16
	// The sums of the second text began with 1 and 0 instead of a1 and a2.
	s1 := (a1 + b1 + mod - 1) % mod
	s2 := (a2 + b2 + uint32(uint64(n)*uint64(a1+mod-1)%mod)) % mod
	return s2<<16 | s1
}
