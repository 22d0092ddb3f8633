package codec

import (
	"encoding/binary"
	"fmt"
)

// memberSequence follows the numbers of the members that [Gzip] wrote with Parallelism.
type memberSequence struct {
	open  bool   // more members must follow
	ended bool   // the last member was the last of its stream
	next  uint32 // the number of the next one, when open
}

// begin takes the extra field of the next member's header.
func (s *memberSequence) begin(extra []byte) error {
	field := memberField(extra)
	if field == nil {
		if s.open {
			return fmt.Errorf("%w: not member %d of the stream, but one without a number", ErrSyntax, s.next)
		}
		s.ended = false
		return nil
	}
	if !s.open {
		s.next = 0
	}
	if n := binary.LittleEndian.Uint32(field[4:]); n != s.next {
		return fmt.Errorf("%w: member %d of the stream where %d should be", ErrSyntax, n, s.next)
	}
	s.open, s.ended = true, false
	s.next++
	return nil
}

// end says that the member ended, and whether it was empty, as the last one of a stream is.
func (s *memberSequence) end(empty bool) {
	if s.open && empty {
		s.open, s.ended = false, true
	}
}

// memberField returns our subfield of a header's extra field, or nil.
func memberField(extra []byte) []byte {
	for len(extra) >= 4 {
		n := 4 + int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra) {
			return nil
		}
		if n == 12 && extra[0] == 'M' && extra[1] == 'W' {
			return extra[4:n]
		}
		extra = extra[n:]
	}
	return nil
}
