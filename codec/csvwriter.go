package codec

import (
	"encoding/csv"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// csvWriter is one run of CSV.
type csvWriter struct {
	name    string
	out     *emitter
	comma   string
	special [256]bool // bytes that a field without quotes must not have; none for a long comma
	fields  int       // in each record; 0 before the first one, negative for any number

	records int64  // number begun
	offset  int64  // of the current record
	line    []byte // memory for a record
}

func newCSVWriter(name string, out *emitter, comma rune, fields int) *csvWriter {
	w := &csvWriter{name: name, out: out, comma: string(comma), fields: fields}
	for _, c := range []byte("\"\r\n") {
		w.special[c] = true
	}
	if len(w.comma) == 1 {
		w.special[w.comma[0]] = true
	}
	return w
}

// write writes one record.
func (w *csvWriter) write(record []string) error {
	w.records++
	if w.fields == 0 {
		w.fields = len(record)
	}
	switch {
	case len(record) == 0:
		return w.fail(fmt.Errorf("%w: a record without fields", ErrSyntax))
	case w.fields > 0 && len(record) != w.fields:
		return w.fail(csv.ErrFieldCount)
	}
	line := w.line[:0]
	for i, field := range record {
		if i > 0 {
			line = append(line, w.comma...)
		}
		if w.needsQuotes(field) || i == 0 && w.isLost(record) {
			line = appendQuoted(line, field)
		} else {
			line = append(line, field...)
		}
	}
	line = append(line, '\n')
	if w.line = line; cap(line) > maxKept {
		w.line = nil
	}
	w.offset += int64(len(line))
	_, err := w.out.Write(line)
	return err
}

// needsQuotes reports whether encoding/csv writes quotes around a field.
func (w *csvWriter) needsQuotes(field string) bool {
	if field == "" {
		return false
	}
	for i := range len(field) {
		if w.special[field[i]] {
			return true
		}
	}
	if len(w.comma) > 1 && strings.Contains(field, w.comma) || field == `\.` { // the end of data for PostgreSQL
		return true
	}
	first, _ := utf8.DecodeRuneInString(field)
	return unicode.IsSpace(first)
}

// isLost reports whether a reader loses the first field of a record if it has no quotes: it skips a
// record that is an empty line, and removes a byte order mark at the start of the stream.
func (w *csvWriter) isLost(record []string) bool {
	first := record[0]
	return len(record) == 1 && first == "" || w.records == 1 && strings.HasPrefix(first, byteOrderMark)
}

// appendQuoted appends a field with quotes.
func appendQuoted(line []byte, field string) []byte {
	line = append(line, '"')
	for {
		i := strings.IndexByte(field, '"')
		if i < 0 {
			break
		}
		line = append(append(line, field[:i]...), `""`...)
		field = field[i+1:]
	}
	return append(append(line, field...), '"')
}

func (w *csvWriter) fail(err error) error {
	return wrap(w.name, &InputError{Record: w.records, Offset: w.offset, Err: err})
}
