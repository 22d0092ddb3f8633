package bsoncodec

import "bytes"

// lines cuts a byte stream into lines.
type lines struct {
	max    int
	rest   []byte // a line that is not whole yet
	line   int64  // whole lines so far
	offset int64  // where in the stream the line in hand begins
}

// keptRest is how much of the memory of a long line is kept for the next, in bytes.
const keptRest = 1 << 20

// feed calls f with every line that chunk completes, without its newline. The line is only lent.
func (l *lines) feed(chunk []byte, f func(line []byte) error) error {
	for {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			if len(l.rest)+len(chunk) > l.max {
				return l.tooLong(chunk)
			}
			l.rest = append(l.rest, chunk...)
			return nil
		}
		if len(l.rest)+i > l.max {
			return l.tooLong(chunk)
		}
		line := chunk[:i]
		if len(l.rest) > 0 {
			l.rest = append(l.rest, line...)
			line = l.rest
		}
		l.line++
		if err := f(line); err != nil {
			return err
		}
		l.offset += int64(len(line)) + 1
		if l.rest = l.rest[:0]; cap(l.rest) > keptRest {
			l.rest = nil
		}
		chunk = chunk[i+1:]
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
	return tooLong(append(l.rest, chunk[:l.max-len(l.rest)]...), l.line+1, l.offset)
}

// tooLong refuses a line of which text is as much as it may have.
func tooLong(text []byte, line, offset int64) error {
	path, id := locateText(text, len(text))
	return &SyntaxError{Line: line, Offset: offset + int64(len(text)), Column: len(text), Path: path, ID: id, Err: errLine(len(text))}
}
