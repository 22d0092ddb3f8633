package agecodec

import (
	"bytes"
	"fmt"
)

// headerCutter collects a header. It may arrive in several chunks.
type headerCutter struct {
	buf        []byte
	searchFrom int // where the search for the footer continues
}

// push adds the next bytes. When the header is complete, it returns the header and the rest of p.
func (h *headerCutter) push(p []byte) (head, rest []byte, err error) {
	const step = 4 << 10 // copied and searched at a time: a header is small, a chunk may be large
	for len(p) > 0 {
		n := min(step, len(p))
		head, more, err := h.take(p[:n])
		if head != nil || err != nil {
			return head, p[n-len(more):], err
		}
		p = p[n:]
	}
	return nil, nil, nil
}

func (h *headerCutter) take(p []byte) (head, rest []byte, err error) {
	had := len(h.buf)
	h.buf = append(h.buf, p[:min(len(p), maxHeader+1-had)]...)
	if !bytes.HasPrefix(h.buf, []byte(intro)) && !bytes.HasPrefix([]byte(intro), h.buf) {
		return nil, nil, notAgeError(h.buf, ErrDamaged)
	}
	const mark = "\n" + footer
	if i := bytes.Index(h.buf[h.searchFrom:], []byte(mark)); i >= 0 {
		h.searchFrom += i
		line := h.searchFrom + 1
		if j := bytes.IndexByte(h.buf[line:], '\n'); j >= 0 {
			end := line + j + 1
			return h.buf[:end], p[end-had:], nil
		}
		if len(h.buf)-line >= footerSize {
			return nil, nil, fmt.Errorf("%w: the last line of the header is too long", ErrDamaged)
		}
	} else {
		h.searchFrom = max(len(h.buf)-len(mark)+1, 0)
	}
	if len(h.buf) > maxHeader {
		return nil, nil, fmt.Errorf("%w: the header is longer than 2 MiB", ErrDamaged)
	}
	return nil, nil, nil
}

// finish returns the error of a file that ended in its header.
func (h *headerCutter) finish() error {
	if len(h.buf) == 0 {
		return notAgeError(nil, ErrTruncated)
	}
	return fmt.Errorf("%w in its header", ErrTruncated)
}
