package codec_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func TestJSONWriteErrors(t *testing.T) {
	for name, f := range map[string]stream.Flow[any, []byte]{
		"lines": codec.JSONLines[any](nil),
		"array": codec.JSONArray[any](nil),
	} {
		_, err := stream.Run(context.Background(), stream.Via(source.Of[any](1, 2, math.NaN()), f),
			sink.Slice[[]byte]())
		var at *codec.InputError
		var cause *json.UnsupportedValueError
		if !errors.As(err, &at) || at.Record != 3 || !errors.As(err, &cause) || !strings.HasPrefix(err.Error(),
			"codec: json "+name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// wrongText is text that must be refused, with the position and the cause of the error.
type wrongText struct {
	text    string
	record  int64
	offset  int64
	pointer string
	cause   error // nil: encoding/json's own
}

func checkWrong[T any](t *testing.T, name string, f stream.Flow[[]byte, T], c wrongText) {
	t.Helper()
	for cut := range 8 {
		_, err := parsed(f, c.text, cut)
		var at *codec.InputError
		if !errors.As(err, &at) {
			t.Errorf("%s: %q cut at %d: %v", name, c.text, cut, err)
			continue
		}
		if at.Record != c.record || at.Offset != c.offset || at.Pointer != c.pointer || c.cause != nil &&
			!errors.Is(err, c.cause) {
			t.Errorf("%s: %q cut at %d: %v, want record %d, byte %d, at %q, %v", name, c.text, cut, err, c.record,
				c.offset, c.pointer, c.cause)
		}
	}
}

func TestParseJSONLinesErrors(t *testing.T) {
	for _, c := range []wrongText{
		{"{}\n{\"n\":\"x\"}\n", 2, 10, "/n", nil},
		{`{"name":"a","n":1,"tags":["x",2]}`, 1, 30, "/tags/1", nil},
		{`{"name":{"a":1}}`, 1, 8, "/name", nil},
		{`{"n":[1]}`, 1, 5, "/n", nil},
		{"{}\n\n{}", 2, 3, "", codec.ErrSyntax},
		{"{}\n \t\n{}", 2, 3, "", codec.ErrSyntax},
		{"{}\nnull\n", 2, 3, "", codec.ErrSyntax},
		{"{} {}\n", 1, 3, "", nil},
		{"{}x\n", 1, 2, "", nil},
		{"{},\n", 1, 2, "", nil},
		{"\ufeff{}\n", 1, 0, "", nil},
		{"{\"name\":\"a\nb\"}\n", 1, 9, "/name", nil},
		{"{\"name\":\"a\x01\"}", 1, 10, "/name", nil},
		{`{"name":"\x"}`, 1, 10, "/name", nil},
		{`{"n":1e}`, 1, 7, "/n", nil},
		{`{"n":01}`, 1, 6, "/n", nil},
		{`{"n":1`, 1, 5, "/n", nil},
		{`{"n":1,}`, 1, 7, "", nil},
		{`{n:1}`, 1, 1, "", nil},
		{`{"n":99999999999999999999}`, 1, 24, "/n", nil},
		{`"text"`, 1, 5, "", nil},
		{`[]`, 1, 0, "", nil},
	} {
		checkWrong(t, "lines", codec.ParseJSONLines[cookie](nil), c)
	}
	for _, c := range []wrongText{
		{`{"a/b":{"c~d":[0,{"":tru}]}}`, 1, 24, "/a~1b/c~0d/1/", nil},
		{`[[],[1,{"x":[]}],[2,,3]]`, 1, 20, "/2/1", nil},
		{`{"a":{"b":1},"c":{"d":[{},{"e":+}]}}`, 1, 31, "/c/d/1/e", nil},
		{`{"\u0061":{"\"]":x}}`, 1, 17, `/a/"]`, nil},
	} {
		checkWrong(t, "any", codec.ParseJSONLines[any](nil), c)
	}
	for _, c := range []wrongText{
		{"{\"n\":1}\n{\"m\":1}", 2, 9, "/m", nil},
		{`{"n":1,"tags":["m","\"m\":"], "\u006d/é\"" :{"m":1}}`, 1, 30, `/m~1é"`, nil},
	} {
		checkWrong(t, "unknown", codec.ParseJSONLines[cookie](&codec.ParseJSONLinesOptions{RejectUnknown: true}), c)
	}
	type nested struct {
		Named map[string]int
		Of    []cookie
	}
	for _, c := range []wrongText{
		{`{"named":{"m":1},"of":[{},{"x":1}]}`, 1, 27, "/of/1/x", nil},
		{`{"named":{"x":1},"of":[{},{"x":1}]}`, 1, 0, "", nil}, // the error does not say which of them
	} {
		checkWrong(t, "unknown", codec.ParseJSONLines[nested](&codec.ParseJSONLinesOptions{RejectUnknown: true}), c)
	}
	checkWrong(t, "strict", codec.ParseJSONLines[cookie](&codec.ParseJSONLinesOptions{RejectUnknown: true}),
		wrongText{`{"n":"x"}`, 1, 7, "/n", nil})
	checkWrong(t, "strict", codec.ParseJSONLines[cookie](&codec.ParseJSONLinesOptions{RejectUnknown: true}),
		wrongText{`{} {}`, 1, 3, "", nil})
	checkWrong(t, "length", codec.ParseJSONLines[string](&codec.ParseJSONLinesOptions{MaxLength: 5}),
		wrongText{"\"abc\"\n\"abcd\"\n", 2, 6, "", codec.ErrTooLong})
	for _, opts := range []codec.ParseJSONLinesOptions{{MaxLength: 1}, {MaxLength: -1}} {
		if _, err := parsed(codec.ParseJSONLines[any](&opts), "[1]\n", 0); err == nil || !strings.HasPrefix(err.Error(),
			"codec: parse json lines: ") {
			t.Errorf("MaxLength %d: %v", opts.MaxLength, err)
		}
	}
}

func TestParseJSONArrayErrors(t *testing.T) {
	for _, c := range []wrongText{
		{"", 1, 0, "", io.ErrUnexpectedEOF},
		{"  ", 1, 2, "", io.ErrUnexpectedEOF},
		{"[", 1, 1, "", io.ErrUnexpectedEOF},
		{"[1", 1, 2, "", io.ErrUnexpectedEOF},
		{"[1,", 2, 3, "", io.ErrUnexpectedEOF},
		{`["]`, 1, 3, "", io.ErrUnexpectedEOF},
		{`["\"]`, 1, 5, "", io.ErrUnexpectedEOF},
		{"[[]", 1, 3, "", io.ErrUnexpectedEOF},
		{"{}", 1, 0, "", codec.ErrSyntax},
		{"1", 1, 0, "", codec.ErrSyntax},
		{"\ufeff[]", 1, 0, "", codec.ErrSyntax},
		{"[,1]", 1, 1, "", codec.ErrSyntax},
		{"[1,]", 2, 3, "", codec.ErrSyntax},
		{"[1,,2]", 2, 3, "", codec.ErrSyntax},
		{"[1, null]", 2, 4, "", codec.ErrSyntax},
		{"[1]x", 2, 3, "", codec.ErrTrailing},
		{"[1] []", 2, 4, "", codec.ErrTrailing},
		{"[1] ,", 2, 4, "", codec.ErrTrailing},
		{"[1 2]", 1, 3, "", nil},
		{"[{}}]", 1, 3, "", nil},
		{"[{]}]", 1, 2, "", nil},
		{"[[}]", 1, 2, "/0", nil},
		{"[tru]", 1, 3, "", nil},
		{`[1,{"a":[0,x]}]`, 2, 11, "/a/1", nil},
		{"[\"a\n\"]", 1, 3, "", nil},
	} {
		checkWrong(t, "array", codec.ParseJSONArray[any](nil), c)
	}
	checkWrong(t, "type", codec.ParseJSONArray[cookie](nil), wrongText{
		`[ {"n":1}, {"tags":["x",2]} ]`, 2, 24,
		"/tags/1", nil,
	})
	checkWrong(t, "strict", codec.ParseJSONArray[cookie](&codec.ParseJSONArrayOptions{RejectUnknown: true}),
		wrongText{`[{"m":1}]`, 1, 2, "/m", nil})
	checkWrong(t, "length", codec.ParseJSONArray[any](&codec.ParseJSONArrayOptions{MaxLength: 4}),
		wrongText{`["ab",    "abc"]`, 2, 10, "", codec.ErrTooLong})
}

// TestJSONWritingOffsets fails after elements that fill a chunk to different degrees.
func TestJSONWritingOffsets(t *testing.T) {
	for n := 64<<10 - 12; n < 64<<10+4; n++ {
		src := source.Of[any](strings.Repeat("x", n), "y", "z", func() {})
		for name, c := range map[string]struct {
			f    stream.Flow[any, []byte]
			want int64
		}{
			"lines": {codec.JSONLines[any](nil), int64(n + 3 + 4 + 4)},
			"array": {codec.JSONArray[any](nil), int64(n + 2 + 2 + 2 + 3 + 2 + 3)},
		} {
			err := drain(stream.Via(src, c.f))
			var at *codec.InputError
			if !errors.As(err, &at) || at.Offset != c.want || at.Record != 4 {
				t.Errorf("%s behind %d bytes: %v, want record 4, byte %d", name, n, err, c.want)
			}
		}
	}
}

// choosy is a type with its own UnmarshalJSON, which refuses a text once.
type choosy struct{ text string }

var errChoosy = errors.New("not this one")

func (c *choosy) UnmarshalJSON(text []byte) error {
	if c.text == "" && string(text) == `"no"` {
		c.text = "asked"
		return errChoosy
	}
	c.text = string(text)
	return nil
}

// TestJSONDepth reads text with two million nested levels.
func TestJSONDepth(t *testing.T) {
	const deep = 2_000_000
	open, end := strings.Repeat("[", deep), strings.Repeat("]", deep)
	_, lines := parsed(codec.ParseJSONLines[any](nil), open+end, 0)
	_, array := parsed(codec.ParseJSONArray[any](nil), open+end, 0)
	_, objects := through(codec.SplitJSONObjects(nil), []byte(strings.Repeat(`{"":`, deep)), 0)
	for name, err := range map[string]error{"lines": lines, "array": array, "objects": objects} {
		var at *codec.InputError
		if !errors.As(err, &at) || len(err.Error()) > 8<<10 {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	long := `{"` + strings.Repeat("k", 5000) + `":x}`
	if _, err := parsed(codec.ParseJSONLines[any](nil), long, 0); err == nil || len(err.Error()) > 500 {
		t.Errorf("a long key: %.200v", err)
	}
}
