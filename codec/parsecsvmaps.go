package codec

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// ParseCSVMaps returns a flow that parses comma-separated values whose first record is a header, as
// [ParseCSV] does.
//
//   - In: as in [ParseCSV].
//   - Out: for each record after the header a map from the header's fields to the record's. If
//     FieldsPerRecord allows a shorter record, the map lacks the last fields.
//   - Memory: as in [ParseCSV], and the header.
//   - Goroutines: none; the upstream runs as a coroutine of the parser.
//   - Errors: those of [ParseCSV]; also an [*InputError] with [io.ErrUnexpectedEOF] if there is no
//     header, with [ErrSyntax] if it has a field twice, and with csv.ErrFieldCount if a record has
//     more fields than the header.
func ParseCSVMaps(opts *ParseCSVOptions) stream.Flow[[]byte, map[string]string] {
	const name = "codec: parse csv maps"
	toMaps := stream.NewFlow(func(ctx context.Context, src stream.Source[csvRecord],
		emit func(map[string]string) error,
	) error {
		var header []string
		err := guarded.Each(ctx, src, func(r csvRecord) error {
			var err error
			switch {
			case header == nil:
				header, err = r.fields, uniqueFields(r.fields)
			case len(r.fields) > len(header):
				err = csv.ErrFieldCount
			default:
				return emit(namedFields(header, r.fields))
			}
			if err != nil {
				err = wrap(name, &InputError{Record: r.number, Offset: r.offset, Err: err})
			}
			return err
		})
		if err == nil && header == nil {
			err = wrap(name, &InputError{Record: 1, Err: io.ErrUnexpectedEOF})
		}
		return err
	})
	return stream.Then(csvRecords(name, opts), toMaps)
}

// uniqueFields returns an error if two fields of a header are equal.
func uniqueFields(header []string) error {
	first := make(map[string]int, len(header))
	for i, field := range header {
		if before, ok := first[field]; ok {
			return fmt.Errorf("%w: fields %d and %d of the header are equal", ErrSyntax, before+1, i+1)
		}
		first[field] = i
	}
	return nil
}

// namedFields returns a map from the fields of the header to those of a record.
func namedFields(header, fields []string) map[string]string {
	m := make(map[string]string, len(fields))
	for i, field := range fields {
		m[header[i]] = field
	}
	return m
}
