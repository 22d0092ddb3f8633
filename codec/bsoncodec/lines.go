package bsoncodec

import "bytes"

// lineCutter cuts a byte stream into lines.
type lineCutter struct {
	max           int
	partial       []byte // a line without its newline so far
	linesUnneeded int    // lines since the memory of partial was last needed
	usual         int    // the memory that the last huge line needed, or 0
	count         int64  // complete lines so far
	offset        int64  // where the current line begins in the stream
}

// Memory of up to keptSize bytes is kept for partial. More is kept for keptLines lines, because
// long lines seldom come alone. Allocating for each of them would leave much memory to the garbage
// collector.
const (
	keptSize  = 1 << 20
	keptLines = 100
)

// push calls f with each line that chunk completes, without its newline. f must not keep the line.
func (l *lineCutter) push(chunk []byte, f func(line []byte) error) error {
	for {
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			if len(chunk) > l.max-len(l.partial) {
				return l.tooLong(chunk)
			}
			l.appendPartial(chunk)
			return nil
		}
		if i > l.max-len(l.partial) {
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

// hugeLine is a size in bytes. Beyond it the memory of a line grows at once to hugeFactor times as
// much, the default limit of a line. What a line outgrows is garbage until the next collection.
// Fresh memory that is not used yet is only an address, but it counts for the runtime's memory
// limit. The memory of the next lines is a quarter larger than the line was.
const (
	hugeLine   = 4 << 20
	hugeFactor = 32
)

// appendPartial appends p to partial.
func (l *lineCutter) appendPartial(p []byte) {
	if need := len(l.partial) + len(p); need > cap(l.partial) {
		grown := make([]byte, len(l.partial), max(need, l.nextSize(cap(l.partial))))
		copy(grown, l.partial)
		l.partial = grown
	}
	l.partial = append(l.partial, p...)
}

// nextSize returns the size to which memory of this size should grow.
func (l *lineCutter) nextSize(size int) int {
	switch {
	case size < keptSize:
		return min(2*size, l.max)
	case size < hugeLine:
		return min(max(2*size, l.usual), l.max)
	case size <= l.max/hugeFactor:
		return hugeFactor * size
	default:
		return l.max
	}
}

// reserve allocates memory for the first line of chunks, if it is in more than one of them. The
// chunks before the last one have no newline.
func (l *lineCutter) reserve(chunks [][]byte) {
	if len(chunks) < 2 {
		return
	}
	n := 0
	for _, c := range chunks[:len(chunks)-1] {
		n += len(c)
	}
	last := chunks[len(chunks)-1]
	if i := bytes.IndexByte(last, '\n'); i >= 0 {
		last = last[:i]
	}
	if n += len(last); n > cap(l.partial) {
		l.partial = make([]byte, 0, min(n, l.max))
	}
}

// trimPartial decides, after a line of n bytes, whether to keep the memory of a long line.
func (l *lineCutter) trimPartial(n int) {
	switch size := cap(l.partial); {
	case n > size/4:
		l.linesUnneeded = 0
	case n > hugeLine:
		l.partial, l.usual = nil, n+min(n/4, l.max-n)
	default:
		if l.linesUnneeded++; l.linesUnneeded == keptLines {
			l.partial, l.usual, l.linesUnneeded = nil, 0, 0
		}
	}
}

// finish calls f with the last line if it has no newline.
func (l *lineCutter) finish(f func(line []byte) error) error {
	if len(l.partial) == 0 {
		return nil
	}
	l.count++
	return f(l.partial)
}

// tooLong returns the error of the line that begins with partial and exceeds the limit in chunk.
func (l *lineCutter) tooLong(chunk []byte) error {
	l.appendPartial(chunk[:l.max-len(l.partial)])
	return lineTooLong(l.partial, l.count+1, l.offset)
}

// lineTooLong returns the error of a line that exceeds its limit. text is the part within the
// limit.
func lineTooLong(text []byte, line, offset int64) error {
	path, id := locateText(text, len(text))
	n := len(text)
	return &SyntaxError{
		Line: line, Offset: offset + int64(n), Column: n, Path: path, ID: id, Err: lineSizeError(n),
	}
}
