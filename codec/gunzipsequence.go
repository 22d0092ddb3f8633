package codec

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// memberSequence follows the numbers of the members that [Gzip] wrote with Parallelism, and the sum of their trailers.
type memberSequence struct {
	open  bool   // more members must follow
	ended bool   // the last member was the last of its stream
	next  uint32 // the number of the next one, when open
	sum   uint32 // CRC-32 of the trailers so far, when open
	last  bool   // the member in hand has the sum, as only the last one does
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
		s.next, s.sum = 0, 0
	}
	if n := binary.LittleEndian.Uint32(field[4:]); n != s.next {
		return fmt.Errorf("%w: member %d of the stream where %d should be", ErrSyntax, n, s.next)
	}
	s.last = len(field) > 8
	if s.last && binary.LittleEndian.Uint32(field[8:]) != s.sum {
		return fmt.Errorf("%w: the %d members are not those that were written", ErrSyntax, s.next)
	}
	s.open, s.ended = true, false
	s.next++
	return nil
}

// end says that the member ended, with its trailer, and whether it was empty, as the last one of a stream is.
func (s *memberSequence) end(trailer []byte, empty bool) error {
	switch {
	case s.open && empty:
		s.open, s.ended = false, true
	case s.open && s.last:
		return fmt.Errorf("%w: the last member of the stream is not empty", ErrSyntax)
	case s.open:
		s.sum = crc32.Update(s.sum, crc32.IEEETable, trailer)
	}
	return nil
}

// memberField returns our subfield of a header's extra field, or nil. It is longer in the last member of a stream; that of older
// streams has no sum.
func memberField(extra []byte) []byte {
	for len(extra) >= 4 {
		n := 4 + int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra) {
			return nil
		}
		if (n == 12 || n == 16) && extra[0] == 'M' && extra[1] == 'W' {
			return extra[4:n]
		}
		extra = extra[n:]
	}
	return nil
}
