package codec

import (
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// The header of a member that [Gzip] writes with Parallelism has an extra field (RFC 1952 section 2.3.1.1) with one subfield: the
// identifier "MW" and 8 bytes, of each number the least significant first: the length of the whole member from its header to its
// trailer, and the member's own number, from 0. The last member is the one without content; its subfield has 4 bytes more, the
// CRC-32 of the trailers of all members before it.
const (
	memberHeader  = 24
	memberTrailer = 8
	memberLength  = 16 // where the length stands
	memberNumber  = 20 // where the number stands
	endHeader     = memberHeader + 4
)

var memberStart = [memberHeader]byte{
	0x1f, 0x8b, 8, gzipExtra, 0, 0, 0, 0, 0, 255, // deflate; no time; system unknown
	12, 0, 'M', 'W', 8, 0,
}

// endStart is memberStart of the last member.
var endStart = [memberLength]byte{0x1f, 0x8b, 8, gzipExtra, 0, 0, 0, 0, 0, 255, 16, 0, 'M', 'W', 12, 0}

// block is a part of the text on its way to the workers.
type block struct {
	text   []byte
	number uint32
}

// gzipMembers returns the flow of Gzip with Parallelism n.
func gzipMembers(level, n int) stream.Flow[[]byte, []byte] {
	numbered := stream.FlowFunc[[]byte, block](func(src stream.Source[[]byte]) stream.Source[block] {
		return stream.SourceFunc[block](func(ctx context.Context, emit func(block) error) error {
			var b block
			return guarded.Each(ctx, stream.Via(src, lineBlocks()), func(text []byte) error {
				b.text = text
				err := emit(b)
				b.number++
				return err
			})
		})
	})
	pack := stream.MapN(n, func(_ context.Context, b block) ([]byte, error) {
		member, err := packMember(b, level)
		freeBlock(b.text)
		if err != nil {
			return nil, wrap("codec: gzip", err)
		}
		return member, nil
	})
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			var number, sum uint32
			err := guarded.Each(ctx, stream.Via2(src, numbered, pack), func(member []byte) error {
				number++
				sum = crc32.Update(sum, crc32.IEEETable, member[len(member)-memberTrailer:])
				return emit(member)
			})
			if err != nil {
				return err
			}
			return emit(endMember(number, sum))
		})
	})
}

// endMember returns the member that ends a stream.
func endMember(number, sum uint32) []byte {
	size := uint32(endHeader + len(deflateEnd) + memberTrailer)
	m := append(make([]byte, 0, size), endStart[:]...)
	for _, n := range []uint32{size, number, sum} {
		m = binary.LittleEndian.AppendUint32(m, n)
	}
	return append(append(m, deflateEnd...), make([]byte, memberTrailer)...) // no content: its CRC-32 and size are 0
}

// packMember returns b as one member.
func packMember(b block, level int) ([]byte, error) {
	m := append(make([]byte, 0, memberHeader+memberTrailer+64+len(b.text)/2), memberStart[:]...)
	m, err := deflateText(m, b.text, level, true)
	if err != nil {
		return nil, err
	}
	m = binary.LittleEndian.AppendUint32(m, crc32.ChecksumIEEE(b.text))
	m = binary.LittleEndian.AppendUint32(m, uint32(len(b.text)))
	binary.LittleEndian.PutUint32(m[memberLength:], uint32(len(m)))
	binary.LittleEndian.PutUint32(m[memberNumber:], b.number)
	return m, nil
}
