package codec

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// S2Options tunes [S2]. The zero value is ready to use.
type S2Options struct {
	Level  int  // 1 (fastest) to 3 (smallest); 0 means 1
	Snappy bool // write the Snappy framing format, which is a little larger

	// Parallelism is the number of goroutines that compress. 0 means the number of
	// [stream.WithParallelism], by default none; -1 and 1 mean none. It does not change the output.
	Parallelism int
}

// S2 returns a flow that compresses its input into the S2 format, an extension of the Snappy
// framing format (https://github.com/google/snappy/blob/main/framing_format.txt), or into the
// Snappy format itself. It is very fast and compresses little. Its mirror is [UnS2].
//
//   - In: byte chunks of any size. An empty input becomes a stream without blocks.
//   - Out: chunks of about 1 MiB or less. Equal input and options give equal output. Every block
//     has a checksum. A block ends after the last newline within 1 MiB, or at 1 MiB if there is
//     none; a block of Snappy has 64 KiB.
//   - End: the format has no end mark. Two chunks of type 0x8d, which other readers skip as the
//     format demands, announce an end and mark it, so that [UnS2] finds blocks that are missing,
//     swapped or repeated.
//   - Memory: about 3 MiB; with Parallelism n about 5n MiB.
//   - Goroutines: with Parallelism n, n goroutines compress and one runs the upstream. The order is
//     kept.
func S2(opts *S2Options) stream.Flow[[]byte, []byte] {
	o := valueOf(opts)
	encoder := newS2Encoder
	if o.Snappy {
		encoder = newSnappyEncoder
	}
	blocks := func(level int, w workers) bytesFlow { return s2Stream(encoder(level), w) }
	return packer{
		name: s2Stage, levels: s2Levels,
		fused:    func(level int) bytesFlow { return blocks(level, workers{}) },
		parallel: blocks,
	}.flow(o.Level, o.Parallelism)
}

const s2Stage = "codec: s2"

// s2Stream returns the flow of S2.
func s2Stream(e *s2Encoder, w workers) bytesFlow {
	pack := stream.Map(e.pack)
	if w.n > 1 {
		pack = stream.MapParallel(w.n, func(_ context.Context, b textBlock) (s2Blocks, error) {
			return e.pack(b), nil
		})
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		mem := w.openBlocks(ctx, s2Stage, s2BlockMemory)
		defer mem.Close()
		var seq s2Sequence
		first := append([]byte(e.magic), s2Begin...)
		err := guarded.Each(ctx, stream.Via2(src, w.lineBlocks(mem), pack), func(p s2Blocks) error {
			mem.release()
			for _, sum := range p.sums {
				seq.add(sum)
			}
			if first != nil {
				p.packed = append(first, p.packed...)
				first = nil
			}
			return emit(p.packed)
		})
		if err != nil {
			return err
		}
		return emit(seq.appendEnd(first))
	})
}

// s2Blocks holds framed blocks.
type s2Blocks struct {
	packed []byte
	sums   []uint32 // of the blocks
}

// s2Encoder packs blocks.
type s2Encoder struct {
	magic  string
	block  int // largest block, in bytes
	encode func(dst, src []byte) []byte
}

func newS2Encoder(level int) *s2Encoder {
	return &s2Encoder{s2Magic, blockSize, [...]func(dst, src []byte) []byte{
		s2.Encode, s2.EncodeBetter, s2.EncodeBest,
	}[level-1]}
}

func newSnappyEncoder(level int) *s2Encoder {
	return &s2Encoder{snappyMagic, snappyBlock, [...]func(dst, src []byte) []byte{
		s2.EncodeSnappy, s2.EncodeSnappyBetter, s2.EncodeSnappyBest,
	}[level-1]}
}

// pack returns the text of b as framed blocks.
func (e *s2Encoder) pack(b textBlock) s2Blocks {
	text := b.join()
	defer freeBlock(text)
	p := s2Blocks{packed: make([]byte, 0, 64+len(text)/2)}
	scratch, ok := s2Scratch.Get().(*[s2Room]byte)
	if !ok {
		scratch = new([s2Room]byte)
	}
	for rest := text; len(rest) > 0; {
		plain := rest[:min(e.block, len(rest))]
		rest = rest[len(plain):]
		kind, body := byte(s2Compressed), e.encode(scratch[:], plain)
		if len(body) >= len(plain) {
			kind, body = s2Uncompressed, plain
		}
		sum := s2Sum(plain)
		p.sums = append(p.sums, sum)
		p.packed = appendS2Head(p.packed, kind, 4+len(body))
		p.packed = append(binary.LittleEndian.AppendUint32(p.packed, sum), body...)
	}
	s2Scratch.Put(scratch)
	return p
}

// s2Room is the space for one packed block of the largest size, in bytes.
const s2Room = blockSize + blockSize/6 + 32

var s2Scratch sync.Pool
