package codec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode/utf8"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// ParseJSONLinesOptions tunes [ParseJSONLines]. The zero value is ready to use.
type ParseJSONLinesOptions struct {
	MaxLength int  // maximum bytes in a line; 0 means 128 MiB
	SkipBlank bool // skip lines of only JSON white space; by default they are errors
	// AllowNull accepts null as an element. By default it is an error, because encoding/json leaves
	// the element empty without an error.
	AllowNull     bool
	RejectUnknown bool // refuse an object with a member for which T has no field

	// AllowInvalidUTF8 replaces invalid UTF-8 and lone surrogates by U+FFFD, as encoding/json does.
	// By default they are errors.
	AllowInvalidUTF8 bool
}

// ParseJSONLines returns a flow that parses every line as one element, by encoding/json, the mirror
// of [JSONLines].
//
//   - In: byte chunks of any size. A carriage return before a newline is white space to JSON.
//   - Out: the elements, as encoding/json decodes them. If an object has a key twice, the last one
//     wins. If T is any, a number becomes a float64.
//   - Memory: the current chunk, the element, and up to four times the longest line. A process took
//     410 MiB for a line of 120 MiB, and 550 MiB if the line was one number. With RejectUnknown, it
//     took 660 MiB for a line of 17 million members.
//   - Errors: an [*InputError] with the number of the line, the offset in the stream and the JSON
//     Pointer of the wrong value. Its cause is [ErrTooLong]; [ErrSyntax] for a blank line, null,
//     invalid UTF-8 or a lone surrogate; or the error of encoding/json. For a member that
//     RejectUnknown refuses, the position is known only if its name is unique in the line, because
//     encoding/json reports only the name.
func ParseJSONLines[T any](opts *ParseJSONLinesOptions) stream.Flow[[]byte, T] {
	const name = "codec: parse json lines"
	o := valueOf(opts)
	lines := namedLines(name, SplitLinesOptions{MaxLength: o.MaxLength})
	return stream.Then(lines, stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte],
		emit func(T) error,
	) error {
		var records, offset int64
		p := newJSONParser(name, jsonRules{
			allowNull: o.AllowNull, rejectUnknown: o.RejectUnknown,
			allowInvalidUTF8: o.AllowInvalidUTF8,
		})
		return guarded.EachLent(ctx, src, func(line []byte) error { // encoding/json copies what it keeps
			records++
			start := offset
			offset += int64(len(line)) + 1
			if o.SkipBlank && len(bytes.Trim(line, jsonSpace)) == 0 {
				return nil
			}
			var v T
			if err := p.parse(line, &v, records, start); err != nil {
				return err
			}
			return emit(v)
		})
	}))
}

// jsonParser parses one text after the other.
type jsonParser struct {
	name string
	jsonRules
	decoder  *json.Decoder // one for all texts of a run, to reuse its state
	text     textFeeder    // the input of decoder
	consumed int64         // bytes passed to decoder so far
}

// jsonRules are the options that lines and arrays share.
type jsonRules struct {
	allowNull        bool // null is an element
	rejectUnknown    bool // members without a field are errors
	allowInvalidUTF8 bool // invalid UTF-8 is replaced
}

func newJSONParser(name string, rules jsonRules) *jsonParser {
	p := &jsonParser{name: name, jsonRules: rules}
	p.reset()
	return p
}

// reset replaces the decoder with a new one.
func (p *jsonParser) reset() {
	p.decoder, p.consumed = json.NewDecoder(&p.text), 0
	if p.rejectUnknown {
		p.decoder.DisallowUnknownFields()
	}
}

// textFeeder is a reader of the current text.
type textFeeder []byte

// Read implements [io.Reader].
func (f *textFeeder) Read(p []byte) (int, error) {
	if len(*f) == 0 {
		return 0, io.EOF
	}
	n := copy(p, *f)
	*f = (*f)[n:]
	return n, nil
}

// parse parses text into v. record is the number of the text, and offset is its position in the
// stream. After an error the parser must not be used again.
func (p *jsonParser) parse(text []byte, v any, record, offset int64) error {
	fail := func(at int64, pointer string, err error) error {
		if offset == 0 {
			err = jsonFormatError(text, err)
		}
		return wrap(p.name, &InputError{Record: record, Offset: offset + at, Pointer: pointer, Err: shortened(err)})
	}
	trimmed := bytes.TrimLeft(text, jsonSpace)
	lead := int64(len(text) - len(trimmed))
	trimmed = bytes.TrimRight(trimmed, jsonSpace)
	switch {
	case len(trimmed) == 0:
		return fail(0, "", fmt.Errorf("%w: no value", ErrSyntax))
	case !p.allowNull && string(trimmed) == "null":
		return fail(0, "", fmt.Errorf("%w: null", ErrSyntax))
	}
	if !p.allowInvalidUTF8 {
		if at, err := notUnicode(text); err != nil {
			return fail(int64(at), pointerAt(text, at), err)
		}
	}
	err := p.decode(trimmed, v)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := lead
	switch {
	case errors.As(err, &syntax):
		at += syntax.Offset
	case errors.As(err, &kind):
		at += kind.Offset
		kind.Value = cutText(kind.Value) // it contains the whole number
	default:
		if member := unknownMember(text, err); member >= 0 {
			return fail(int64(member), pointerAt(text, member), err)
		}
		return fail(0, "", err)
	}
	at = max(min(at, int64(len(text)))-1, 0)
	for at > 0 && !utf8.RuneStart(text[at]) {
		at-- // at is the last byte of a character since Go 1.27, its first byte before
	}
	return fail(at, pointerAt(text, int(at)), err)
}

const jsonSpace = " \t\r\n"

// decode parses text, which has no white space around it.
func (p *jsonParser) decode(text []byte, v any) error {
	if len(text) > maxKept {
		return p.decodeLong(text, v)
	}
	p.text = text
	p.consumed += int64(len(text))
	err := p.decoder.Decode(v)
	if err == nil && p.decoder.InputOffset() == p.consumed {
		return nil
	}
	if !json.Valid(text) {
		return json.Unmarshal(text, v) // for its error, with the offset in the text
	}
	return err
}

// decodeLong parses a long text without the copies that a json.Decoder makes.
func (p *jsonParser) decodeLong(text []byte, v any) error {
	var refused error
	if p.rejectUnknown && json.Valid(text) {
		if refused = decodeOutline(text, v); isUnknown(refused) {
			return refused
		}
	}
	if err := json.Unmarshal(text, v); err != nil || refused == nil {
		return err
	}
	// An UnmarshalJSON method refused the outline but accepted the text. So only the text shows
	// whether all members are known.
	reflect.ValueOf(v).Elem().SetZero()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
