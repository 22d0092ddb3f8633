package s3sink

import (
	"errors"
	"hash"
	"io"

	"github.com/millweir/millweir/stream"
)

// The first slab of a stream is small, so that a short stream takes little memory. Each next one of
// its first part has growth times the size of the one before, up to maxSlab.
const (
	minSlab = 16 << 10 // bytes
	maxSlab = 1 << 20  // bytes
	growth  = 4
)

// slabs is the memory of a part. It grows with the data and never moves it.
type slabs struct {
	full []([]byte) // the last one may have room
	size int        // bytes of data
}

// room returns the free bytes of the last slab.
func (s *slabs) room() []byte {
	if len(s.full) == 0 {
		return nil
	}
	last := s.full[len(s.full)-1]
	return last[len(last):cap(last)]
}

// nextSlab returns the size of the next slab of part n, which has at most limit bytes.
func (s *slabs) nextSlab(n, limit int) int {
	size := maxSlab
	if slabs := len(s.full); n == 1 && slabs == 0 {
		size = minSlab
	} else if n == 1 {
		size = min(growth*cap(s.full[slabs-1]), maxSlab)
	}
	return min(size, limit-s.size)
}

// add adds an empty slab.
func (s *slabs) add(slab []byte) { s.full = append(s.full, slab[:0]) }

// fill copies the beginning of p into the last slab, and returns its length.
func (s *slabs) fill(p []byte) int {
	n := copy(s.room(), p)
	last := &s.full[len(s.full)-1]
	*last = (*last)[:len(*last)+n]
	s.size += n
	return n
}

// hash returns the sum of h over the data.
func (s *slabs) hash(h hash.Hash) []byte {
	for _, slab := range s.full {
		h.Write(slab)
	}
	return h.Sum(nil)
}

// reader returns a new reader of the data.
func (s *slabs) reader() *slabReader { return &slabReader{slabs: s} }

// slabReader is a body of a request.
type slabReader struct {
	*slabs
	pos    int            // of the next byte
	slab   int            // the slab with that byte
	offset int            // of that byte in the slab
	onRead func(rest int) // called after each Read with the number of bytes left; may be nil
}

func (r *slabReader) Read(p []byte) (int, error) {
	if r.pos >= r.size {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.pos < r.size {
		copied := copy(p[n:], r.full[r.slab][r.offset:])
		n += copied
		r.pos += copied
		if r.offset += copied; r.offset == len(r.full[r.slab]) {
			r.slab, r.offset = r.slab+1, 0
		}
	}
	if r.onRead != nil {
		r.onRead(r.size - r.pos)
	}
	return n, nil
}

var errSeek = stream.Mark(errors.New("seek to a negative position"), stream.Fatal)

// Seek implements [io.Seeker]. The SDK seeks to find the length and to repeat a request.
func (r *slabReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += int64(r.pos)
	case io.SeekEnd:
		offset += int64(r.size)
	}
	if offset < 0 {
		return 0, errSeek
	}
	r.pos, r.slab, r.offset = int(offset), 0, int(offset)
	for r.slab < len(r.full) && r.offset >= len(r.full[r.slab]) {
		r.offset -= len(r.full[r.slab])
		r.slab++
	}
	return offset, nil
}
