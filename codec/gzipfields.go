package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The header of a member that [Gzip] writes with Parallelism has an extra field (RFC 1952 section
// 2.3.1.1) with one subfield. Its identifier is "MW". It has 8 bytes, two little-endian numbers of
// 4 bytes: the length of the whole member from its header to its trailer, and the number of the
// member, from 0. The last member has no content. Its subfield has 4 more bytes: the CRC-32 of the
// trailers of all members before it. The header ends with its CRC-16. So other tools also notice a
// changed length of the field, which would make the field swallow members.
const (
	memberHeader  = 26
	endHeader     = memberHeader + 4
	memberTrailer = 8
	memberLength  = 16 // offset of the length
	memberNumber  = 20 // offset of the number
	memberSum     = 24 // offset of the sum, in the last member
)

const (
	memberMark = "MW"
	// deflate; no time; system unknown
	memberStart = "\x1f\x8b\x08\x06\x00\x00\x00\x00\x00\xff\x0c\x00" + memberMark + "\x08\x00"
	endStart    = "\x1f\x8b\x08\x06\x00\x00\x00\x00\x00\xff\x10\x00" + memberMark + "\x0c\x00"
)

// memberField is the content of the header of a member that we wrote.
type memberField struct {
	length uint32 // bytes of the whole member
	number uint32 // of the member in its stream, from 0
	last   bool   // the member ends its stream: it has a sum and no content
	sum    uint32 // CRC-32 of the trailers of all members before it
}

// append appends the header.
func (f memberField) append(b []byte) []byte {
	at, start := len(b), memberStart
	if f.last {
		start = endStart
	}
	b = append(b, start...)
	b = binary.LittleEndian.AppendUint32(b, f.length)
	b = binary.LittleEndian.AppendUint32(b, f.number)
	if f.last {
		b = binary.LittleEndian.AppendUint32(b, f.sum)
	}
	return binary.LittleEndian.AppendUint16(b, uint16(crc32.ChecksumIEEE(b[at:])))
}

// size returns the length of the header.
func (f memberField) size() int {
	if f.last {
		return endHeader
	}
	return memberHeader
}

// parseMemberStart parses the header at the beginning of head. It returns false unless the header
// is exactly one that append writes.
func parseMemberStart(head []byte) (memberField, bool) {
	var f memberField
	switch {
	case len(head) < endHeader: // the shortest member is longer
		return f, false
	case string(head[:memberLength]) == endStart:
		f.last, f.sum = true, binary.LittleEndian.Uint32(head[memberSum:])
	case string(head[:memberLength]) != memberStart:
		return f, false
	}
	f.length = binary.LittleEndian.Uint32(head[memberLength:])
	f.number = binary.LittleEndian.Uint32(head[memberNumber:])
	crc := f.size() - 2
	return f, binary.LittleEndian.Uint16(head[crc:]) == uint16(crc32.ChecksumIEEE(head[:crc]))
}

// parseMemberField parses the header h. It returns false if another program wrote it. A header with
// our mark must be one of the two forms that we write. Any other is damaged, and the end of its
// extra field cannot be trusted.
func parseMemberField(h gzipHeader) (f memberField, ours bool, err error) {
	if !bytes.HasPrefix(h.extra, []byte(memberMark)) {
		return f, false, nil
	}
	const around = 12 + 2 // bytes of the header before and after the extra field
	f.last = len(h.extra) == endHeader-around
	size := f.size() - around
	if h.flags != gzipExtra|gzipHeaderCRC || len(h.extra) != size ||
		int(binary.LittleEndian.Uint16(h.extra[2:])) != size-4 {
		return f, true, fmt.Errorf("%w: the header of a member is damaged", ErrSyntax)
	}
	f.length = binary.LittleEndian.Uint32(h.extra[4:])
	f.number = binary.LittleEndian.Uint32(h.extra[8:])
	if f.last {
		f.sum = binary.LittleEndian.Uint32(h.extra[12:])
	}
	return f, true, nil
}
