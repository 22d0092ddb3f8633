package codec

import (
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// block is a part of the text for a worker.
type block struct {
	text   textBlock
	number uint32
}

// gzipMembers returns the flow of Gzip with Parallelism.
func gzipMembers(level int, w workers) stream.Flow[[]byte, []byte] {
	pack := stream.MapParallel(w.n, func(_ context.Context, b block) ([]byte, error) {
		text := b.text.join()
		member, err := packMember(text, b.number, level)
		freeBlock(text)
		if err != nil {
			return nil, wrap(gzipStage, err)
		}
		return member, nil
	})
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		mem := w.openBlocks(ctx, gzipStage, deflateBlockMemory)
		defer mem.Close()
		var number, sum uint32
		members := stream.Via3(src, w.lineBlocks(mem), numberBlocks(), pack)
		err := guarded.Each(ctx, members, func(member []byte) error {
			mem.release()
			number++
			sum = crc32.Update(sum, crc32.IEEETable, member[len(member)-memberTrailer:])
			return emit(member)
		})
		if err != nil {
			return err
		}
		return emit(endMember(number, sum))
	})
}

// numberBlocks returns a flow that numbers the blocks.
func numberBlocks() stream.Flow[textBlock, block] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[textBlock], emit func(block) error) error {
		var b block
		return guarded.Each(ctx, src, func(text textBlock) error {
			b.text = text
			err := emit(b)
			b.number++
			return err
		})
	})
}

// endMember returns the member that ends a stream.
func endMember(number, sum uint32) []byte {
	f := memberField{number: number, last: true, sum: sum}
	f.length = uint32(endHeader + len(deflateEnd) + memberTrailer)
	m := append(f.append(make([]byte, 0, f.length)), deflateEnd...)
	return append(m, make([]byte, memberTrailer)...) // no content: its CRC-32 and size are 0
}

// packMember returns text as the member with this number.
func packMember(text []byte, number uint32, level int) ([]byte, error) {
	m := make([]byte, memberHeader, memberHeader+memberTrailer+64+len(text)/2)
	m, err := appendDeflated(m, text, level)
	if err != nil {
		return nil, err
	}
	m = binary.LittleEndian.AppendUint32(m, crc32.ChecksumIEEE(text))
	m = binary.LittleEndian.AppendUint32(m, uint32(len(text)))
	memberField{length: uint32(len(m)), number: number}.append(m[:0])
	return m, nil
}
