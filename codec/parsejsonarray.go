package codec

import (
	"context"
	"fmt"
	"io"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// ParseJSONArrayOptions tunes [ParseJSONArray]. The zero value is ready to use.
type ParseJSONArrayOptions struct {
	MaxLength     int  // maximum bytes in an element; 0 means 128 MiB
	AllowNull     bool // accept null as an element; by default it is an error
	RejectUnknown bool // refuse an object with a member for which T has no field

	// AllowInvalidUTF8 replaces invalid UTF-8 and lone surrogates by U+FFFD, as encoding/json does.
	// By default they are errors.
	AllowInvalidUTF8 bool
}

// ParseJSONArray returns a flow that parses the elements of one JSON array, by encoding/json, the
// mirror of [JSONArray]. It never holds the whole array in memory.
//
//   - In: byte chunks of any size.
//   - Out: the elements, as encoding/json decodes them; see [ParseJSONLines].
//   - Memory: the current chunk, the element, and up to four times the longest text of an element;
//     see [ParseJSONLines].
//   - Errors: an [*InputError] with the number of the element, the offset in the stream and the
//     JSON Pointer within the element. Its cause is [ErrTooLong]; [ErrSyntax] for a malformed
//     array, and for null, invalid UTF-8 or a lone surrogate in an element; [ErrTrailing] if other
//     data follows the array; [io.ErrUnexpectedEOF] if the array does not end; or the error of
//     encoding/json.
func ParseJSONArray[T any](opts *ParseJSONArrayOptions) stream.Flow[[]byte, T] {
	const name = "codec: parse json array"
	o := valueOf(opts)
	if o.MaxLength < 0 {
		return failing[[]byte, T](wrap(name, errNegative))
	}
	if o.MaxLength == 0 {
		o.MaxLength = defaultMaxLength
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func(T) error) error {
		p := newJSONParser(name, jsonRules{
			allowNull: o.AllowNull, rejectUnknown: o.RejectUnknown,
			allowInvalidUTF8: o.AllowInvalidUTF8,
		})
		c := arraySplitter{
			name: name, max: o.MaxLength, rec: recordBuffer{lent: true},
			element: func(text []byte, record, offset int64) error {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				var v T
				if err := p.parse(text, &v, record, offset); err != nil {
					return err
				}
				return emit(v)
			},
		}
		err := guarded.EachLent(ctx, src, c.chunk) // encoding/json copies what it keeps
		if err == nil && c.state != afterArray {
			err = c.fail(c.chunkOffset, io.ErrUnexpectedEOF)
		}
		return err
	})
}

// arraySplitter splits an array into its elements. It examines only brackets, commas and strings;
// the parser of an element checks the rest.
type arraySplitter struct {
	name          string
	max           int
	element       func(text []byte, record, offset int64) error
	state         listState // atStart, arrayStart, arrayComma, arrayItem or afterArray
	rec           recordBuffer
	depth         int // open brackets within the element
	nesting       nesting
	chunkOffset   int64 // offset of the current chunk
	elementOffset int64 // offset of the current element
	records       int64 // number so far
}

// chunk passes on the elements that end in p.
func (c *arraySplitter) chunk(p []byte) error {
	for i := 0; i < len(p); {
		if c.state != arrayItem {
			var err error
			if i, err = c.between(p, i); err != nil {
				return err
			}
			continue
		}
		from := i
		i = c.scan(p, i)
		if c.rec.len()+i-from > c.max {
			return c.fail(c.elementOffset, ErrTooLong)
		}
		if i == len(p) {
			c.rec.add(p[from:])
			break
		}
		text := c.rec.complete(p[from:i])
		c.records++
		if err := c.element(text, c.records, c.elementOffset); err != nil {
			return err
		}
		c.state = arrayComma
		if p[i] == ']' {
			c.state = afterArray
		}
		i++
	}
	c.chunkOffset += int64(len(p))
	return nil
}

// between skips a byte between elements, or begins the next element.
func (c *arraySplitter) between(p []byte, i int) (int, error) {
	switch p[i] {
	case ' ', '\t', '\n', '\r':
		return i + 1, nil
	}
	here := c.chunkOffset + int64(i)
	switch {
	case c.state == afterArray:
		return i, c.fail(here, ErrTrailing)
	case c.state == atStart && p[i] == '[':
		c.state = arrayStart
		return i + 1, nil
	case c.state == atStart:
		return i, c.fail(here, jsonFormatError(p[i:], fmt.Errorf("%w: not an array", ErrSyntax)))
	case c.state == arrayStart && p[i] == ']':
		c.state = afterArray
		return i + 1, nil
	case p[i] == ',' || p[i] == ']':
		return i, c.fail(here, fmt.Errorf("%w: no element before %q", ErrSyntax, p[i]))
	}
	c.state, c.elementOffset = arrayItem, here
	return i, nil
}

// scan continues inside an element at p[i]. It returns the index of the comma or bracket that ends
// it, or len(p).
func (c *arraySplitter) scan(p []byte, i int) int {
	for i < len(p) {
		if c.nesting.inString {
			i = c.nesting.skipString(p, i)
			continue
		}
		switch p[i] {
		case '"':
			c.nesting.inString = true
		case '{', '[':
			c.depth++
		case '}', ']':
			if c.depth == 0 && p[i] == ']' {
				return i
			}
			c.depth = max(c.depth-1, 0)
		case ',':
			if c.depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

func (c *arraySplitter) fail(offset int64, err error) error {
	return wrap(c.name, &InputError{Record: c.records + 1, Offset: offset, Err: err})
}
