package codec

import (
	"bufio"
	"encoding/binary"
)

// Other writers store the length of a member in these subfields.
const (
	// bgzipMark is the subfield of bgzip: 2 bytes, the length of the member minus 1 (SAM/BAM format
	// specification, section 4.1).
	bgzipMark = "BC\x02\x00"
	// migzMark is the subfield of MiGz: 4 bytes, the length of the deflate stream between header
	// and trailer (MiGzUtil.java of https://github.com/linkedin/migz).
	migzMark = "MZ\x04\x00"
)

// statedLength returns the length that another writer stored in the extra field of a member, or 0
// if there is none. header is the size of the header.
func statedLength(extra []byte, header int64) int64 {
	for len(extra) >= 4 {
		mark, content := string(extra[:4]), extra[4:]
		n := int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(content) {
			return 0
		}
		switch mark {
		case bgzipMark:
			return int64(binary.LittleEndian.Uint16(content)) + 1
		case migzMark:
			return header + int64(binary.LittleEndian.Uint32(content)) + memberTrailer
		}
		extra = content[n:]
	}
	return 0
}

// memberHead is a header that has the length of its member.
type memberHead struct {
	size   int   // of the header, in bytes
	length int64 // of the whole member, in bytes
	ours   bool
	field  memberField // if ours
}

// peekMemberHead returns the header of the next member of src, which stays unread. It returns false
// if the header has no length or one that [memberHead.isWhole] rejects, and if the header contains
// anything except an extra field.
func peekMemberHead(src *bufio.Reader) (h memberHead, ok bool) {
	head, _ := src.Peek(endHeader)
	if f, ok := parseMemberStart(head); ok {
		h = memberHead{size: f.size(), length: int64(f.length), ours: true, field: f}
		return h, h.isWhole()
	}
	const fixed = 12 // bytes before the extra field
	if len(head) < fixed || string(head[:len(gzipMagic)]) != gzipMagic || head[3] != gzipExtra {
		return h, false
	}
	h.size = fixed + int(binary.LittleEndian.Uint16(head[10:]))
	head, err := src.Peek(h.size)
	if err != nil {
		return h, false // too long for the buffer, or truncated
	}
	extra := head[fixed:]
	if len(extra) >= len(memberMark) && string(extra[:len(memberMark)]) == memberMark {
		return h, false // damaged
	}
	h.length = statedLength(extra, int64(h.size))
	return h, h.isWhole()
}

// isWhole reports whether the length has room for a header, a deflate stream and a trailer, and is
// short enough to unpack the member as a whole.
func (h memberHead) isWhole() bool {
	return h.length >= int64(h.size+len(deflateEnd)+memberTrailer) && h.length <= maxUnit
}
