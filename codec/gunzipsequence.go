package codec

import (
	"fmt"
	"hash/crc32"
)

// memberSequence follows the numbers of the members that [Gzip] wrote with Parallelism, and the
// checksum of their trailers.
type memberSequence struct {
	open  bool   // more members must follow
	ended bool   // the last member was the last of its stream
	next  uint32 // the number of the next one, when open
	sum   uint32 // CRC-32 of the trailers so far, when open
	last  bool   // the current member is the last of its stream

	begun bool // at least one member of any writer has begun
}

// begin checks the header of the next member that Gzip wrote.
func (s *memberSequence) begin(f memberField) error {
	if !s.open {
		s.next, s.sum = 0, 0
	}
	if f.number != s.next {
		return fmt.Errorf("%w: member %d of the stream where %d should be", ErrSyntax, f.number, s.next)
	}
	if f.last && f.sum != s.sum {
		return fmt.Errorf("%w: the %d members are not those that were written", ErrSyntax, s.next)
	}
	s.open, s.ended, s.last, s.begun = true, false, f.last, true
	s.next++
	return nil
}

// beginOther checks that a member of another writer may come next.
func (s *memberSequence) beginOther() error {
	if s.open {
		return fmt.Errorf("%w: not member %d of the stream, but one without a number", ErrSyntax, s.next)
	}
	s.ended, s.begun = false, true
	return nil
}

// end checks the trailer of the current member. empty reports whether the member is empty, which is
// allowed only for the last one of a stream.
func (s *memberSequence) end(trailer []byte, empty bool) error {
	switch {
	case !s.open: // another program wrote it
	case s.last && !empty:
		return fmt.Errorf("%w: the last member of the stream is not empty", ErrSyntax)
	case empty && !s.last:
		return fmt.Errorf("%w: member %d of the stream is empty, but not the last", ErrSyntax, s.next-1)
	case s.last:
		s.open, s.ended = false, true
	default:
		s.sum = crc32.Update(s.sum, crc32.IEEETable, trailer)
	}
	return nil
}
