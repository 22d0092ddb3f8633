package codec

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// CSVOptions tunes [CSV]. The zero value is ready to use.
type CSVOptions struct {
	Comma           rune // between fields; 0 means ','
	FieldsPerRecord int  // fields in each record; 0 means as many as in the first one, -1 any number
}

// CSV returns a flow that writes every element as one record of comma-separated values (RFC 4180),
// by encoding/csv. Its mirror is [ParseCSV].
//
//   - In: the fields of a record. A header is the first record.
//   - Out: chunks of 64 KiB; the last one is shorter. A record ends with a newline (LF). Ownership
//     is as in [Base64].
//   - Memory: 128 KiB.
//   - Errors: an [*InputError] with the number of the record: [ErrSyntax] for a record without
//     fields, csv.ErrFieldCount if the number of fields differs from FieldsPerRecord.
//   - Limits: the mirror returns a CR LF inside a field as LF, and skips a record that begins with
//     its Comment. Other readers do not.
func CSV(opts *CSVOptions) stream.Flow[[]string, []byte] {
	const name = "codec: csv"
	o := valueOf(opts)
	comma, err := csvComma(o.Comma)
	if err != nil {
		return failing[[]string, []byte](wrap(name, err))
	}
	return lend.Flow(func(ctx context.Context, src stream.Source[[]string], emit func([]byte) error, lent bool) error {
		w := newCSVWriter(name, &emitter{emit: emit, lent: lent}, comma, o.FieldsPerRecord)
		err := guarded.Each(ctx, src, w.write)
		if err == nil {
			err = w.flush()
		}
		return err
	})
}

var errComma = errors.New("invalid Comma or Comment")

// csvComma returns the value of an option Comma.
func csvComma(option rune) (rune, error) {
	if option == 0 {
		return ',', nil
	}
	if !isCSVDelimiter(option) {
		return 0, errComma
	}
	return option, nil
}

// isCSVDelimiter reports whether encoding/csv accepts r as Comma and as Comment.
func isCSVDelimiter(r rune) bool {
	return r != 0 && r != '"' && r != '\r' && r != '\n' && utf8.ValidRune(r) && r != utf8.RuneError
}

// byteOrderMark may precede UTF-8 text.
const byteOrderMark = "\ufeff"

// csvWriter is one run of CSV.
type csvWriter struct {
	name    string
	out     *emitter
	flushed int64         // bytes that left buf
	buf     *bufio.Writer // between enc and out
	enc     *csv.Writer
	fields  int   // in each record; 0 before the first one, negative for any number
	records int64 // number begun
}

func newCSVWriter(name string, out *emitter, comma rune, fields int) *csvWriter {
	w := &csvWriter{name: name, out: out, fields: fields}
	w.buf = bufio.NewWriterSize(w, chunkSize)
	w.enc = csv.NewWriter(w.buf) // writes to w.buf without another buffer
	w.enc.Comma = comma
	return w
}

// Write implements [io.Writer] for buf.
func (w *csvWriter) Write(p []byte) (int, error) {
	w.flushed += int64(len(p))
	return w.out.Write(p)
}

// write encodes one record.
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
	case !w.mustQuote(record):
		return w.enc.Write(record)
	}
	return w.writeQuoted(record)
}

// mustQuote reports whether the first field needs quotes that encoding/csv does not write. Without
// them, a reader would skip a record that is an empty line, and remove a byte order mark at the
// start of the stream.
func (w *csvWriter) mustQuote(record []string) bool {
	first := record[0]
	return len(record) == 1 && first == "" || w.records == 1 && strings.HasPrefix(first, byteOrderMark)
}

// writeQuoted encodes one record with quotes around its first field.
func (w *csvWriter) writeQuoted(record []string) error {
	quoted := `"` + strings.ReplaceAll(record[0], `"`, `""`) + `"`
	if len(record) == 1 {
		_, err := w.buf.WriteString(quoted + "\n")
		return err
	}
	if _, err := w.buf.WriteString(quoted + string(w.enc.Comma)); err != nil {
		return err
	}
	return w.enc.Write(record[1:])
}

// flush emits the remaining bytes.
func (w *csvWriter) flush() error {
	if err := w.buf.Flush(); err != nil {
		return err
	}
	return w.out.flush()
}

func (w *csvWriter) fail(err error) error {
	offset := w.flushed + int64(w.buf.Buffered())
	return wrap(w.name, &InputError{Record: w.records, Offset: offset, Err: err})
}
