package codec

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"

	"github.com/millweir/millweir/stream"
)

// ParseCSVOptions tunes [ParseCSV] and [ParseCSVMaps]. The zero value is ready to use.
type ParseCSVOptions struct {
	Comma            rune // between fields; 0 means ','
	Comment          rune // skip the lines that begin with it; 0 means none
	FieldsPerRecord  int  // fields in each record; 0 means as many as in the first one, -1 any number
	LazyQuotes       bool // accept quotes in unquoted fields, and single ones in quoted fields
	TrimLeadingSpace bool // remove white space at the beginning of a field
	MaxLength        int  // maximum bytes in a record, without its newline; 0 means 128 MiB
	MaxFields        int  // maximum fields in a record; 0 means 1,048,576
}

// ParseCSV returns a flow that parses comma-separated values (RFC 4180) as encoding/csv does, the
// mirror of [CSV].
//
//   - In: byte chunks of any size. A byte order mark at the start is removed.
//   - Out: the fields of one record per element, the header included; see [ParseCSVMaps]. Empty
//     lines are skipped, and a CR LF is an LF, inside a field as well.
//   - Memory: two chunks and the record; up to seven times the length of a very long record.
//   - Goroutines: none; the upstream runs as a coroutine of the parser.
//   - Errors: an [*InputError] with the number of the record and the offset: [ErrTooLong], or a
//     *csv.ParseError with the line and the column, for misplaced quotes and if the number of
//     fields differs from FieldsPerRecord.
//   - Limits: the format has no end mark. A stream that was cut inside an unquoted field or after a
//     record looks complete.
func ParseCSV(opts *ParseCSVOptions) stream.Flow[[]byte, []string] {
	records := csvRecords("codec: parse csv", opts)
	return stream.Then(records, stream.Map(func(r csvRecord) []string { return r.fields }))
}

// csvRecord is a record and its position.
type csvRecord struct {
	fields []string
	number int64 // from 1
	offset int64 // of its first byte
}

// csvRecords returns a flow that parses records. name is the prefix of its errors.
func csvRecords(name string, opts *ParseCSVOptions) stream.Flow[[]byte, csvRecord] {
	o := valueOf(opts)
	if err := o.fill(); err != nil {
		return failing[[]byte, csvRecord](wrap(name, err))
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func(csvRecord) error) error {
		return withInput(ctx, name, src, func(in *input) error {
			return newCSVParser(in, &o).run(ctx, emit)
		})
	})
}

// fill checks the options and sets the defaults.
func (o *ParseCSVOptions) fill() error {
	var err error
	if o.Comma, err = csvComma(o.Comma); err != nil {
		return err
	}
	if o.Comment == o.Comma || o.Comment != 0 && !isCSVDelimiter(o.Comment) {
		return errComma
	}
	switch {
	case o.MaxFields < 0:
		return errNegative
	case o.MaxFields == 0:
		o.MaxFields = defaultMaxFields
	}
	o.MaxLength, err = maxLength(o.MaxLength)
	return err
}

// defaultMaxFields is the default of MaxFields. encoding/csv needs up to 90 bytes for each field.
const defaultMaxFields = 1 << 20

// csvParser is one run of ParseCSV.
type csvParser struct {
	in      *input
	lines   csvLines
	dec     *csv.Reader
	records int64 // emitted so far

	splitter   csvSplitter
	plainLines int // lines that splitter read, which dec does not know
}

func newCSVParser(in *input, o *ParseCSVOptions) *csvParser {
	p := &csvParser{in: in}
	p.lines = csvLines{
		src: bufio.NewReaderSize(in, chunkSize), comment: o.Comment,
		maxLength: o.MaxLength,
		fields:    csvFieldCounter{comma: []byte(string(o.Comma)), lazy: o.LazyQuotes, max: o.MaxFields},
	}
	p.splitter = csvSplitter{comma: string(o.Comma), comment: o.Comment}
	p.dec = csv.NewReader(&p.lines)
	p.dec.Comma, p.dec.Comment = o.Comma, o.Comment
	p.dec.FieldsPerRecord = o.FieldsPerRecord
	p.dec.LazyQuotes, p.dec.TrimLeadingSpace = o.LazyQuotes, o.TrimLeadingSpace
	return p
}

// run emits the records up to the end of the upstream.
func (p *csvParser) run(ctx context.Context, emit func(csvRecord) error) error {
	p.lines.skipByteOrderMark()
	for {
		fields, err := p.next()
		switch {
		case err == io.EOF && p.in.err == nil: //nolint:errorlint // csv.Reader returns io.EOF itself
			return nil
		case err != nil:
			return p.fail(err)
		case len(fields) > p.lines.fields.max:
			return p.fail(ErrTooLong)
		case ctx.Err() != nil: // one input chunk can yield many records
			return context.Cause(ctx)
		}
		p.records++
		if err := emit(csvRecord{fields, p.records, p.lines.record}); err != nil {
			return err
		}
		p.lines.endRecord()
	}
}

// next returns the next record.
func (p *csvParser) next() ([]string, error) {
	if fields := p.plain(); fields != nil {
		return fields, nil
	}
	return p.dec.Read()
}

// fail returns err with a position: the offset of the wrong byte if it is known, or the offset of
// the record.
func (p *csvParser) fail(err error) error {
	offset := p.lines.record
	var wrong *csv.ParseError
	if errors.As(err, &wrong) {
		wrong.StartLine, wrong.Line = wrong.StartLine+p.plainLines, wrong.Line+p.plainLines
		if !errors.Is(err, csv.ErrFieldCount) {
			offset = p.lines.line + int64(wrong.Column) - 1
		}
	}
	return p.in.fail(&InputError{Record: p.records + 1, Offset: offset, Err: err})
}
