package codec

import (
	"context"
	"errors"
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

// CSV returns a flow that writes every element as one record of comma-separated values (RFC 4180).
// Its mirror is [ParseCSV].
//
//   - In: the fields of a record. A header is the first record.
//   - Out: chunks of 64 KiB; the last one is shorter. A record ends with a newline (LF). It has
//     quotes where encoding/csv writes them, and around a first field that a reader would otherwise
//     lose: a single empty one, and one with a byte order mark at the start of the stream.
//     Ownership is as in [Base64].
//   - Memory: one chunk, and one record.
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
		out := &emitter{emit: emit, lent: lent}
		w := newCSVWriter(name, out, comma, o.FieldsPerRecord)
		if err := guarded.Each(ctx, src, w.write); err != nil {
			return err
		}
		return out.flush()
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
