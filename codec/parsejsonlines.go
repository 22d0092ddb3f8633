package codec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millweir/millweir/stream"
)

// ParseJSONLinesOptions tunes [ParseJSONLines]. The zero value is ready to use.
type ParseJSONLinesOptions struct {
	MaxLength     int  // bytes in a line; 0 means 128 MiB
	SkipBlank     bool // pass over lines of white space; else they are errors
	AllowNull     bool // take null for an element; else it is an error, because encoding/json leaves the element empty without one
	RejectUnknown bool // an object's member for which T has no field is an error
}

// ParseJSONLines returns a flow that reads every line as one element, by encoding/json, the mirror of [JSONLines].
//
//   - In: byte chunks of any size. A carriage return before a newline is white space to JSON.
//   - Memory: the chunk in hand, the longest line, and the element.
//   - Order and goroutines: fused.
//   - Errors: an [*InputError] with the number of the line, the offset in the stream and the JSON Pointer of the value that does not
//     fit; its cause is [ErrTooLong], [ErrSyntax] for a blank line or null, or what encoding/json says.
func ParseJSONLines[T any](opts *ParseJSONLinesOptions) stream.Flow[[]byte, T] {
	const name = "codec: parse json lines"
	var o ParseJSONLinesOptions
	if opts != nil {
		o = *opts
	}
	lines := Lines(&LinesOptions{MaxLength: o.MaxLength})
	p := jsonParser{name: name, null: o.AllowNull, strict: o.RejectUnknown}
	return stream.Join(lines, stream.FlowFunc[[]byte, T](func(src stream.Source[[]byte]) stream.Source[T] {
		return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			var records, offset int64
			return guard(ctx, src, func(line []byte) error {
				records++
				start := offset
				offset += int64(len(line)) + 1
				if o.SkipBlank && len(bytes.TrimSpace(line)) == 0 {
					return nil
				}
				var v T
				if err := p.parse(line, &v, records, start); err != nil {
					return err
				}
				return emit(v)
			})
		})
	}))
}

// jsonParser reads one value.
type jsonParser struct {
	name         string
	null, strict bool
}

// parse reads text into v. The text is record number record, and begins at offset of the stream.
func (p *jsonParser) parse(text []byte, v any, record, offset int64) error {
	fail := func(at int64, pointer string, err error) error {
		return wrap(p.name, &InputError{Record: record, Offset: offset + at, Pointer: pointer, Err: err})
	}
	switch trimmed := bytes.TrimSpace(text); {
	case len(trimmed) == 0:
		return fail(0, "", fmt.Errorf("%w: no value", ErrSyntax))
	case !p.null && string(trimmed) == "null":
		return fail(0, "", fmt.Errorf("%w: null", ErrSyntax))
	}
	err := p.unmarshal(text, v)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at := max(min(syntax.Offset, int64(len(text)))-1, 0)
		return fail(at, pointerAt(text, int(at)), err)
	case errors.As(err, &kind):
		at := max(min(kind.Offset, int64(len(text)))-1, 0)
		return fail(at, pointerAt(text, int(at)), err)
	}
	return fail(0, "", err)
}

func (p *jsonParser) unmarshal(text []byte, v any) error {
	if !p.strict {
		return json.Unmarshal(text, v)
	}
	if !json.Valid(text) {
		return json.Unmarshal(text, v) // for its error
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
