package bsoncodec

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
)

// lineParser parses the lines of a stream, or of a part of it, and emits the documents.
type lineParser struct {
	parser
	lines     lineCutter
	skipBlank bool
	later     bool   // the lines are not the first of the stream
	free      []byte // the unused end of an allocation, for the next documents
	emit      func(bson.Raw) error
}

func newLineParser(o ParseExtJSONOptions, emit func(bson.Raw) error) lineParser {
	return lineParser{
		parser: o.parser(), lines: lineCutter{max: o.MaxLine}, skipBlank: o.SkipBlank, emit: emit,
	}
}

// push parses each line that chunk completes. It does not keep the chunk.
func (p *lineParser) push(chunk []byte) error { return p.lines.push(chunk, p.line) }

// finish parses the last line if it has no newline.
func (p *lineParser) finish() error { return p.lines.finish(p.line) }

// line parses a line and emits its document.
func (p *lineParser) line(line []byte) error {
	first, mark := p.lines.count == 1 && !p.later, 0 // mark is the length of the byte order mark
	if first && bytes.HasPrefix(line, []byte(byteOrderMark)) {
		mark = len(byteOrderMark)
	}
	line = line[mark:]
	if p.skipBlank && isBlank(line) {
		return nil
	}
	long, room := len(line) > measuredSize, p.free
	switch {
	case long:
		room = nil // the parser allocates what the document needs
	case cap(room) < len(line):
		room = make([]byte, 0, defaultChunk)
	}
	doc, err := p.document(room[:0], line, p.lines.count, p.lines.offset+int64(mark))
	if err != nil {
		e := err.(*SyntaxError) //nolint:errorlint // document returns no other type
		e.Column += mark
		if first {
			e.Err = formatError(codec.TypeJSON, line, e.Err)
		}
		return e
	}
	switch {
	case !long:
		p.free = doc[len(doc):]
	case len(doc) < cap(doc)/4*3: // a receiver that keeps it must not keep memory of the line's length
		doc = bytes.Clone(doc)
	}
	return p.emit(bson.Raw(doc[:len(doc):len(doc)]))
}

// isBlank reports whether a line has no document: only white space, or null.
func isBlank(line []byte) bool {
	line = bytes.Trim(line, " \t\r\n")
	return len(line) == 0 || string(line) == "null"
}

// parserSlack is spare capacity after the largest document, so that the parser does not reallocate.
const parserSlack = 64

const byteOrderMark = "\uFEFF"
