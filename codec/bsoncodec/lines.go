package bsoncodec

import "bytes"

// lines cuts a byte stream into lines.
type lines struct {
	max    int
	rest   []byte // a line that is not whole yet
	unused int    // lines since the memory of rest was last needed
	line   int64  // whole lines so far
	offset int64  // where in the stream the line in hand begins
}

// keptRest is how much of the memory of a long line is kept for good, in bytes. More of it is kept
// for keptLines lines: long lines seldom come alone, and while new memory is taken for each, the
// collector lets that of the ones before lie about.
const (
	keptRest  = 1 << 20
	keptLines = 100
)

// feed calls f with every line that chunk completes, without its newline. The line is only lent.
func (l *lines) feed(chunk []byte, f func(line []byte) error) error {
	for {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			if len(l.rest)+len(chunk) > l.max {
				return l.tooLong(chunk)
			}
			l.hold(chunk)
			return nil
		}
		if len(l.rest)+i > l.max {
			return l.tooLong(chunk)
		}
		line := chunk[:i]
		if len(l.rest) > 0 {
			l.hold(line)
			line = l.rest
		}
		l.line++
		if err := f(line); err != nil {
			return err
		}
		l.offset += int64(len(line)) + 1
		if l.rest = l.rest[:0]; cap(l.rest) > keptRest {
			l.keep(len(line))
		}
		chunk = chunk[i+1:]
	}
}

// hold appends p to the rest. Its memory grows to twice as much, and never beyond what a line may have.
func (l *lines) hold(p []byte) {
	if need := len(l.rest) + len(p); need > cap(l.rest) {
		grown := make([]byte, len(l.rest), max(need, min(2*cap(l.rest), l.max)))
		copy(grown, l.rest)
		l.rest = grown
	}
	l.rest = append(l.rest, p...)
}

// keep decides, after a line of n bytes, whether the memory of a long line is kept for another.
func (l *lines) keep(n int) {
	if n > cap(l.rest)/4 {
		l.unused = 0
	} else if l.unused++; l.unused == keptLines {
		l.rest, l.unused = nil, 0
	}
}

// end calls f with the last line when it has no newline.
func (l *lines) end(f func(line []byte) error) error {
	if len(l.rest) == 0 {
		return nil
	}
	l.line++
	return f(l.rest)
}

// tooLong refuses the line that begins with the rest and passes the limit in chunk.
func (l *lines) tooLong(chunk []byte) error {
	l.hold(chunk[:l.max-len(l.rest)])
	return tooLong(l.rest, l.line+1, l.offset)
}

// tooLong refuses a line of which text is as much as it may have.
func tooLong(text []byte, line, offset int64) error {
	path, id := locateText(text, len(text))
	return &SyntaxError{Line: line, Offset: offset + int64(len(text)), Column: len(text), Path: path, ID: id, Err: errLine(len(text))}
}
