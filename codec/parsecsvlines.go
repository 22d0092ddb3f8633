package codec

import (
	"bufio"
	"bytes"
	"unicode/utf8"
)

// csvLines is the input of a csv.Reader. Each Read returns at most one line, so the csv.Reader has
// read nothing after the record that it returned. So the position and the length of each record are
// known, and a record that exceeds the limits is refused before it takes more memory.
type csvLines struct {
	src       *bufio.Reader
	comment   rune
	maxLength int // of a record without its newline

	offset int64 // of the next byte
	line   int64 // offset of the current line
	record int64 // offset of the current record
	fields csvFieldCounter
	inLine bool // the last Read returned a line without its end
	skip   bool // the csv.Reader skips the current line, because it is empty or a comment
}

// skipByteOrderMark removes the mark that may precede UTF-8.
func (l *csvLines) skipByteOrderMark() {
	if head, _ := l.src.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		l.offset = int64(len(byteOrderMark))
		_, _ = l.src.Discard(len(byteOrderMark)) // cannot fail: Peek returned them
	}
	l.endRecord()
}

// endRecord begins the next record.
func (l *csvLines) endRecord() {
	l.record = l.offset
	l.fields.reset()
}

// Read implements [io.Reader].
func (l *csvLines) Read(p []byte) (int, error) {
	if _, err := l.src.Peek(1); err != nil {
		return 0, err
	}
	if !l.inLine {
		l.beginLine()
	}
	part, _ := l.src.Peek(min(l.src.Buffered(), len(p)))
	end := bytes.IndexByte(part, '\n')
	l.inLine = end < 0
	if !l.inLine {
		part = part[:end+1]
	}
	if l.length(part) > int64(l.maxLength) || !l.skip && !l.fields.add(part, l.offset-l.record) {
		return 0, ErrTooLong
	}
	n := copy(p, part)
	_, _ = l.src.Discard(n) // cannot fail: Peek returned them
	l.offset += int64(n)
	if l.skip && !l.inLine {
		l.endRecord()
	}
	return n, nil
}

// passLine skips a line of n bytes that was a record.
func (l *csvLines) passLine(n int) {
	l.line, l.skip = l.offset, false
	_, _ = l.src.Discard(n) // cannot fail: the bytes are in the buffer
	l.offset += int64(n)
}

// beginLine finds out whether the csv.Reader will skip the next line.
func (l *csvLines) beginLine() {
	l.line, l.skip = l.offset, false
	if l.record < l.offset {
		return // inside a record
	}
	head, _ := l.src.Peek(utf8.UTFMax) // the next read returns the error again
	first, _ := utf8.DecodeRune(head)
	empty := bytes.HasPrefix(head, []byte("\n")) || bytes.HasPrefix(head, []byte("\r\n"))
	l.skip = empty || l.comment != 0 && first == l.comment
}

// length returns the length of the current record, without its newline, if part is its end.
func (l *csvLines) length(part []byte) int64 {
	n := l.offset - l.record + int64(len(part))
	if !l.inLine {
		n-- // the newline
	}
	return n
}

// csvFieldCounter computes a lower bound of the fields of a record before they are parsed. It
// counts commas only after the first max bytes, because most records are shorter.
type csvFieldCounter struct {
	comma  []byte
	lazy   bool // quotes may be anywhere, so commas inside quotes count as well
	max    int
	quoted bool // an odd number of quotes so far: a comma is part of a field
	fields int
}

func (c *csvFieldCounter) reset() { c.quoted, c.fields = false, 0 }

// add counts the commas in part. offset is the position of part in the record. It reports whether
// the record may still be within the limit.
func (c *csvFieldCounter) add(part []byte, offset int64) bool {
	if offset+int64(len(part)) <= int64(c.max) {
		c.quoted = c.quoted != (bytes.Count(part, csvQuote)%2 == 1)
		return true
	}
	for !c.lazy {
		quote := bytes.IndexByte(part, '"')
		if quote < 0 {
			break
		}
		c.count(part[:quote])
		c.quoted = !c.quoted
		part = part[quote+1:]
	}
	c.count(part)
	return c.fields <= c.max
}

// count counts the commas in text without quotes.
func (c *csvFieldCounter) count(text []byte) {
	if !c.quoted || c.lazy {
		c.fields += bytes.Count(text, c.comma)
	}
}

var csvQuote = []byte(`"`)
