package codec

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// The first and the last bytes of an S2 index.
const (
	s2IndexStart = "s2idx\x00"
	s2IndexEnd   = "\x00xdi2s"
)

// skipS2 skips a chunk without data: padding or an index. No checksum covers its length, so a
// flipped bit in it could make the chunk swallow the stream that follows. Therefore skipS2 checks
// the content.
func skipS2(src *bufio.Reader, kind byte, size int) error {
	if _, err := src.Discard(4); err != nil {
		return err
	}
	w := skippedChunk{}
	if _, err := io.CopyN(&w, src, int64(size)); err != nil {
		return err
	}
	if w.stream || kind == s2Index && !(string(w.first) == s2IndexStart && string(w.last) == s2IndexEnd) {
		return fmt.Errorf("%w: a chunk of type %#x whose length is damaged", ErrSyntax, kind)
	}
	return nil
}

// skippedChunk inspects the content of a chunk that is skipped.
type skippedChunk struct {
	first  []byte // at most as long as s2IndexStart
	last   []byte // at most as long as s2IndexEnd
	seen   []byte // the last bytes, which may be the beginning of a stream
	stream bool   // a stream begins in it
}

// Write implements [io.Writer].
func (s *skippedChunk) Write(p []byte) (int, error) {
	if n := len(s2IndexStart) - len(s.first); n > 0 {
		s.first = append(s.first, p[:min(n, len(p))]...)
	}
	s.last = appendTail(s.last, p, len(s2IndexEnd))
	edge := append(s.seen, p[:min(len(p), len(s2Magic)-1)]...)
	for _, magic := range []string{s2Magic, snappyMagic} {
		s.stream = s.stream || bytes.Contains(edge, []byte(magic)) || bytes.Contains(p, []byte(magic))
	}
	s.seen = appendTail(s.seen, p, len(s2Magic)-1)
	return len(p), nil
}

// appendTail appends p to b and returns the last n bytes.
func appendTail(b, p []byte, n int) []byte {
	b = append(b, p[max(0, len(p)-n):]...)
	return append(b[:0], b[max(0, len(b)-n):]...)
}
