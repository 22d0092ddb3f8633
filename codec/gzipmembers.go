package codec

import (
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/millweir/millweir/stream"
)

// The header of a member whose length is known has an extra field (RFC 1952 section 2.3.1.1) with one subfield: the identifier
// "MW" and, in 4 bytes, least significant first, the length of the whole member from its header to its trailer.
const (
	memberHeader  = 20
	memberTrailer = 8
	memberLength  = 16 // where the length stands
)

var memberStart = [memberHeader]byte{
	0x1f, 0x8b, 8, gzipExtra, 0, 0, 0, 0, 0, 255, // deflate; no time; system unknown
	8, 0, 'M', 'W', 4, 0,
}

// gzipMembers returns the flow of Gzip with Parallelism n.
func gzipMembers(level, n int) stream.Flow[[]byte, []byte] {
	return stream.Join(lineBlocks(), stream.MapN(n, func(_ context.Context, block []byte) ([]byte, error) {
		member, err := packMember(block, level)
		freeBlock(block)
		if err != nil {
			return nil, wrap("codec: gzip", err)
		}
		return member, nil
	}))
}

// packMember returns block as one member.
func packMember(block []byte, level int) ([]byte, error) {
	out := &appender{make([]byte, 0, memberHeader+memberTrailer+64+len(block)/2)}
	out.b = append(out.b, memberStart[:]...)
	w := newDeflater(out, level)
	defer w.release()
	if _, err := w.Write(block); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint32(out.b, crc32.ChecksumIEEE(block))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(block)))
	binary.LittleEndian.PutUint32(b[memberLength:], uint32(len(b)))
	return b, nil
}

// appender is an io.Writer onto a slice.
type appender struct{ b []byte }

// Write implements [io.Writer].
func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
