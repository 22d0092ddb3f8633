package codec

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// csvSplitter splits records in the plain form: a record is one line, and a quote begins or ends a
// field or is doubled inside quotes. encoding/csv reads all other records, and reports the errors.
type csvSplitter struct {
	comma   string
	comment rune
	fields  int // of the last record
}

// plain returns the fields of the next record if it is in the plain form, lies in the buffer, and
// has no error. Otherwise it returns nil and reads nothing.
func (p *csvParser) plain() []string {
	l, want := &p.lines, p.dec.FieldsPerRecord
	if l.inLine || p.dec.TrimLeadingSpace {
		return nil
	}
	buffered, _ := l.src.Peek(l.src.Buffered())
	end := bytes.IndexByte(buffered, '\n')
	if end < 0 || end > l.maxLength {
		return nil
	}
	fields := p.splitter.split(bytes.TrimSuffix(buffered[:end], []byte("\r")))
	if len(fields) == 0 || len(fields) > l.fields.max || want > 0 && len(fields) != want {
		return nil
	}
	if want == 0 {
		p.dec.FieldsPerRecord = len(fields)
	}
	l.passLine(end + 1)
	p.plainLines++
	return fields
}

// split returns the fields of a line, or nil if they are not in the plain form, or if the line is
// no record.
func (s *csvSplitter) split(line []byte) []string {
	if len(line) == 0 || s.isComment(line) {
		return nil
	}
	text, fields := string(line), make([]string, 0, max(s.fields, 1)) // one allocation for all texts
	quote := indexFrom(text, `"`, 0)
	for i := 0; ; i += len(s.comma) {
		start, end := i, indexFrom(text, s.comma, i)
		switch {
		case quote == start && start < len(text):
			if end = closingQuote(text, start+1); end < 0 {
				return nil
			}
			fields = append(fields, unquoted(text[start+1:end]))
			end++
			quote = indexFrom(text, `"`, end)
		case quote < end:
			return nil
		default:
			fields = append(fields, text[start:end])
		}
		if i = end; i == len(text) {
			break
		}
		if !strings.HasPrefix(text[i:], s.comma) {
			return nil // text after a quote
		}
	}
	s.fields = len(fields)
	return fields
}

func (s *csvSplitter) isComment(line []byte) bool {
	if s.comment == 0 {
		return false
	}
	first, _ := utf8.DecodeRune(line)
	return first == s.comment
}

// indexFrom returns the index of the first sep in text at or after from, or len(text).
func indexFrom(text, sep string, from int) int {
	i := -1
	if len(sep) == 1 {
		i = strings.IndexByte(text[from:], sep[0])
	} else {
		i = strings.Index(text[from:], sep)
	}
	if i < 0 {
		return len(text)
	}
	return from + i
}

// closingQuote returns the index of the quote that ends the field from i on, or -1 if the field
// continues on the next line.
func closingQuote(text string, i int) int {
	for {
		i = indexFrom(text, `"`, i)
		switch {
		case i == len(text):
			return -1
		case i+1 == len(text) || text[i+1] != '"':
			return i
		}
		i += len(`""`)
	}
}

// unquoted returns a field without its doubled quotes.
func unquoted(field string) string {
	if strings.IndexByte(field, '"') < 0 {
		return field
	}
	return strings.ReplaceAll(field, `""`, `"`)
}
