package bsoncodec

import "bytes"

// lines cuts a byte stream into lines.
type lineCutter struct {
	max           int
	partial       []byte // a line that is not whole yet
	linesUnneeded int    // lines since the memory of rest was last needed
	count         int64  // whole lines so far
	offset        int64  // where in the stream the line in hand begins
}

// keptRest is how much of the memory of a long line is kept for good, in bytes. More of it is kept
// for keptLines lines: long lines seldom come alone, and while new memory is taken for each, the
// collector lets that of the ones before lie about.
const (
	keptSize  = 1 << 20
	keptLines = 100
)

// feed calls f with every line that chunk completes, without its newline. The line is only lent.
func (l *lineCutter) push(chunk []byte, f func(line []byte) error) error {
	for {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			if len(l.partial)+len(chunk) > l.max {
				return l.tooLong(chunk)
			}
			l.appendPartial(chunk)
			return nil
		}
		if len(l.partial)+i > l.max {
			return l.tooLong(chunk)
		}
		line := chunk[:i]
		if len(l.partial) > 0 {
			l.appendPartial(line)
			line = l.partial
		}
		l.count++
		if err := f(line); err != nil {
			return err
		}
		l.offset += int64(len(line)) + 1
		if l.partial = l.partial[:0]; cap(l.partial) > keptSize {
			l.trimPartial(len(line))
		}
		chunk = chunk[i+1:]
	}
}

// hold appends p to the rest. Its memory grows to twice as much, and never beyond what a line may have.
func (l *lineCutter) appendPartial(p []byte) {
	if need := len(l.partial) + len(p); need > cap(l.partial) {
		grown := make([]byte, len(l.partial), max(need, min(2*cap(l.partial), l.max)))
		copy(grown, l.partial)
		l.partial = grown
	}
	l.partial = append(l.partial, p...)
}

// keep decides, after a line of n bytes, whether the memory of a long line is kept for another.
func (l *lineCutter) trimPartial(n int) {
	if n > cap(l.partial)/4 {
		l.linesUnneeded = 0
	} else if l.linesUnneeded++; l.linesUnneeded == keptLines {
		l.partial, l.linesUnneeded = nil, 0
	}
}

// end calls f with the last line when it has no newline.
func (l *lineCutter) finish(f func(line []byte) error) error {
	if len(l.partial) == 0 {
		return nil
	}
	l.count++
	return f(l.partial)
}

// tooLong refuses the line that begins with the rest and passes the limit in chunk.
func (l *lineCutter) tooLong(chunk []byte) error {
	l.appendPartial(chunk[:l.max-len(l.partial)])
	return lineTooLong(l.partial, l.count+1, l.offset)
}

// tooLong refuses a line of which text is as much as it may have.
func lineTooLong(text []byte, line, offset int64) error {
	path, id := locateText(text, len(text))
	return &SyntaxError{Line: line, Offset: offset + int64(len(text)), Column: len(text), Path: path, ID: id, Err: lineSizeError(len(text))}
}
