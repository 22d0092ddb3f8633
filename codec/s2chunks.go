package codec

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The chunks that begin a stream.
const (
	s2Magic     = "\xff\x06\x00\x00S2sTwO"
	snappyMagic = "\xff\x06\x00\x00sNaPpY"
)

// The types of chunks, section 4 of the framing format. The index is an extension of S2, and the
// mark is our own.
const (
	s2Compressed   = 0x00
	s2Uncompressed = 0x01
	s2Mark         = 0x8d
	s2Index        = 0x99
	s2Padding      = 0xfe
	s2Identifier   = 0xff
)

const (
	snappyBlock = 64 << 10 // largest block of the Snappy format, in bytes
	maxS2Block  = 4 << 20  // largest block of S2, in bytes
)

// s2Begin is the chunk that announces an end mark. The end mark has s2EndSize bytes in place of
// "mw".
const (
	s2Begin   = "\x8d\x02\x00\x00mw"
	s2EndSize = 12
)

// s2Sequence checks the blocks of a stream that announced an end mark.
type s2Sequence struct {
	open   bool   // the end mark must follow
	ended  bool   // the end mark was read: only another stream may follow
	blocks uint64 // number so far
	sum    uint32 // checksum of the blocks' checksums
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// s2Sum returns the checksum of a block, section 3 of the framing format.
func s2Sum(p []byte) uint32 {
	c := crc32.Checksum(p, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// add adds the checksum of the next block.
func (s *s2Sequence) add(sum uint32) {
	s.blocks++
	s.sum = crc32.Update(s.sum, castagnoli, binary.LittleEndian.AppendUint32(nil, sum))
}

// appendEnd appends the end mark: the number of blocks in 8 bytes, and the checksum of their
// checksums in 4.
func (s *s2Sequence) appendEnd(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(appendS2Head(b, s2Mark, s2EndSize), s.blocks)
	return binary.LittleEndian.AppendUint32(b, s.sum)
}

// mark checks a chunk of the type s2Mark.
func (s *s2Sequence) mark(body []byte) error {
	switch {
	case !s.open && string(body) == s2Begin[4:]:
		*s = s2Sequence{open: true}
		return nil
	case !s.open || len(body) != s2EndSize:
		return fmt.Errorf("%w: a mark that has no place here", ErrSyntax)
	case binary.LittleEndian.Uint64(body) != s.blocks || binary.LittleEndian.Uint32(body[8:]) != s.sum:
		return fmt.Errorf("%w: the %d blocks are not those that were written", ErrSyntax, s.blocks)
	}
	s.open, s.ended = false, true
	return nil
}

func appendS2Head(b []byte, kind byte, size int) []byte {
	return append(b, kind, byte(size), byte(size>>8), byte(size>>16))
}
