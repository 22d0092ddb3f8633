package bsoncodec

import "slices"

// measuredSize is a size in bytes. Before memory is allocated for the result of a larger document
// or line, the length of the result is computed. So a large result is allocated once.
const measuredSize = 64 << 10

// lineSlack is spare capacity after a line: for its newline, and because keys and strings need
// spare bytes while they are copied.
const lineSlack = 2 * spare

// maxGrowth is the maximum number of JSON bytes for one byte of BSON: the escape form of a boolean
// that is 2, with an empty key, is 51 bytes for 3.
const maxGrowth = 17

// reserveLine returns dst with capacity for the line of a large document. It returns inexact if the
// document must be escaped as a whole: a line that is written first and then discarded could take
// maxGrowth times the memory of the document.
//
// It measures only a document that certainly needs memory, or whose line may be too long. A smaller
// one may fit the memory of an earlier line.
func (w *writer) reserveLine(dst []byte) ([]byte, int) {
	size, room := len(w.src), cap(dst)-len(dst)
	if size <= measuredSize || size <= room && size <= w.maxLine/maxGrowth {
		return dst, 0
	}
	n, end := w.measure()
	if end == inexact {
		return dst, inexact
	}
	return slices.Grow(dst, n+lineSlack), 0
}

// measure returns about the most bytes that dst holds while the line is written, and the result of
// container. It does not count a text that is written and then discarded. The result is inexact if
// the line is too long. If the document is not valid, the bytes are those before the error.
func (w *writer) measure() (n, end int) {
	w.measured = true
	m := lineMeter{src: w.src, relaxed: w.relaxed, strict: w.strict, maxDepth: w.maxDepth}
	n, end = m.document()
	if end >= 0 && n > w.maxLine {
		end = w.tooLong()
	}
	return n + m.discarded, end
}

// grow returns dst with capacity for n more bytes, and for the rest of the line of a large document.
func (w *writer) grow(dst []byte, n int) []byte {
	if !w.measured && len(w.src) > measuredSize {
		most, _ := w.measure()
		n = max(n, most+lineSlack-(len(dst)-w.start))
	}
	return slices.Grow(dst, n)
}

// reserve returns dst with capacity for n more bytes.
func (w *writer) reserve(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return w.grow(dst, n)
	}
	return dst
}
