package codec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

type cookie struct {
	Name string   `json:"name"`
	N    int      `json:"n"`
	Tags []string `json:"tags,omitempty"`
}

func cookieAt(i int) cookie { return cookie{Name: fmt.Sprintf("<cookie> %d", i), N: i} }

// sentOver encodes elements with write and decodes them with parse.
func sentOver[T any](write stream.Flow[T, []byte], parse stream.Flow[[]byte, T], in []T) ([]byte, []T, error) {
	out, err := stream.Run(context.Background(), stream.Via(source.Slice(in), write), sink.Slice[[]byte]())
	if err != nil {
		return nil, nil, err
	}
	text := bytes.Join(out, nil)
	back, err := stream.Run(context.Background(), stream.Via(pieces(text, 0), parse), sink.Slice[T]())
	return text, back, err
}

// parsed returns the elements of text, cut into pieces of size bytes.
func parsed[T any](f stream.Flow[[]byte, T], text string, size int) ([]T, error) {
	return stream.Run(context.Background(), stream.Via(pieces([]byte(text), size), f), sink.Slice[T]())
}

func TestJSONContract(t *testing.T) {
	write := func(f func() stream.Flow[cookie, []byte], read func([]byte) ([]cookie, error)) func(*testing.T) {
		return func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[cookie, []byte]{
				New: f,
				In:  cookieAt,
				Want: func(t *testing.T, in []cookie, out [][]byte) {
					got, err := read(bytes.Join(out, nil))
					if err != nil || len(got) != len(in) || len(in) > 0 && !reflect.DeepEqual(got, in) {
						t.Errorf("got %v, %v, want %v", got, err, in)
					}
				},
			})
		}
	}
	parse := func(f func() stream.Flow[[]byte, cookie], text func(n int) string,
		bad stream.Flow[[]byte, cookie],
	) func(*testing.T) {
		return func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[[]byte, cookie]{
				New:   f,
				Input: func(n int) [][]byte { return chunksOf([]byte(text(n)), 40) },
				Want: func(t *testing.T, in [][]byte, out []cookie) {
					for i, c := range out {
						if !reflect.DeepEqual(c, cookieAt(i)) {
							t.Fatalf("element %d is %v", i, c)
						}
					}
					if want := bytes.Count(bytes.Join(in, nil), []byte("name")); len(out) != want {
						t.Fatalf("%d elements, want %d", len(out), want)
					}
				},
				Bad: []stream.Flow[[]byte, cookie]{bad},
			})
		}
	}
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			text, _ := json.Marshal(cookieAt(i))
			b.Write(append(text, '\n'))
		}
		return b.String()
	}
	array := func(n int) string {
		return "[" + strings.ReplaceAll(strings.TrimSuffix(lines(n), "\n"), "\n", " , ") + "]"
	}
	t.Run("JSONLines", write(func() stream.Flow[cookie, []byte] {
		return codec.JSONLines[cookie](nil)
	}, func(p []byte) ([]cookie, error) {
		var all []cookie
		for _, line := range bytesLines(p) {
			var c cookie
			if err := json.Unmarshal(line, &c); err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		return all, nil
	}))
	t.Run("JSONArray", write(func() stream.Flow[cookie, []byte] {
		return codec.JSONArray[cookie](nil)
	}, func(p []byte) ([]cookie, error) {
		var all []cookie
		return all, errors.Join(json.Unmarshal(p, &all), nil)
	}))
	t.Run("ParseJSONLines", parse(func() stream.Flow[[]byte, cookie] {
		return codec.ParseJSONLines[cookie](nil)
	}, lines,
		codec.ParseJSONLines[cookie](&codec.ParseJSONLinesOptions{MaxLength: -1})))
	t.Run("ParseJSONArray", parse(func() stream.Flow[[]byte, cookie] {
		return codec.ParseJSONArray[cookie](nil)
	}, array,
		codec.ParseJSONArray[cookie](&codec.ParseJSONArrayOptions{MaxLength: -1})))
}

func TestJSONRoundTrip(t *testing.T) {
	values := []any{
		map[string]any{"a": []any{1.0, nil, true, "x\n\u2028<&>"}},
		"", "]\",[{", 0.0, -1.5e300, false,
		[]any{},
		[]any{[]any{}, map[string]any{}},
		map[string]any{"": "", "\"": "\\", "]": "}"},
		strings.Repeat("long ", 40_000),
	}
	for n := range len(values) + 1 {
		in := values[:n]
		for name, f := range map[string]func() ([]byte, []any, error){
			"lines": func() ([]byte, []any, error) {
				return sentOver(codec.JSONLines[any](nil), codec.ParseJSONLines[any](nil), in)
			},
			"array": func() ([]byte, []any, error) {
				return sentOver(codec.JSONArray[any](nil), codec.ParseJSONArray[any](nil), in)
			},
		} {
			text, back, err := f()
			if err != nil || len(back) != n || n > 0 && !reflect.DeepEqual(back, in) {
				t.Fatalf("%s of %d: %v, %v", name, n, back, err)
			}
			if name == "array" {
				var all []any
				if err := json.Unmarshal(text, &all); err != nil || len(all) != n {
					t.Errorf("%q is not an array of %d: %v", text, n, err)
				}
			} else if lines := bytes.Count(text, []byte("\n")); lines != n {
				t.Errorf("%d lines of %d elements", lines, n)
			}
		}
	}
	text, _, _ := sentOver(codec.JSONLines[string](&codec.JSONLinesOptions{EscapeHTML: true}),
		codec.ParseJSONLines[string](nil), []string{"<"})
	plain, _, _ := sentOver(codec.JSONLines[string](nil), codec.ParseJSONLines[string](nil), []string{"<"})
	if string(text) != `"\u003c"`+"\n" || string(plain) != `"<"`+"\n" {
		t.Errorf("%q, %q", text, plain)
	}
}

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

// TestParseJSONMemory parses a long text and then short ones. Little of the long one may remain in
// memory.
func TestParseJSONMemory(t *testing.T) {
	const size = 32 << 20
	long := `"` + strings.Repeat("x", size) + `"`
	for _, strict := range []bool{false, true} {
		for name, run := range map[string]func(func(string) error) error{
			"lines": func(emit func(string) error) error {
				f := codec.ParseJSONLines[string](&codec.ParseJSONLinesOptions{RejectUnknown: strict})
				return stream.Via(pieces([]byte(long+"\n\"a\"\n\"b\""), 64<<10), f).Each(t.Context(), emit)
			},
			"array": func(emit func(string) error) error {
				f := codec.ParseJSONArray[string](&codec.ParseJSONArrayOptions{RejectUnknown: strict})
				return stream.Via(pieces([]byte("["+long+",\"a\",\"b\"]"), 64<<10), f).Each(t.Context(), emit)
			},
		} {
			before, n, held := heap(), 0, 0
			err := run(func(s string) error {
				if n++; n > 1 {
					held = max(held, heap()-before)
				}
				return nil
			})
			if err != nil || n != 3 {
				t.Fatalf("%s, strict %t: %d elements, %v", name, strict, n, err)
			}
			if held > size+8<<20 { // the test holds the input
				t.Errorf("%s, strict %t: %d bytes are held behind a text of %d", name, strict, held, size)
			}
		}
	}
}

// heap returns the bytes in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestParseJSONLinesOptions(t *testing.T) {
	for _, c := range []struct {
		opts codec.ParseJSONLinesOptions
		text string
		want []any
	}{
		{codec.ParseJSONLinesOptions{SkipBlank: true}, "\n1\n \r\n2\n\n", []any{1.0, 2.0}},
		{codec.ParseJSONLinesOptions{AllowNull: true}, "null\n1\n", []any{nil, 1.0}},
		{codec.ParseJSONLinesOptions{}, "1\r\n2", []any{1.0, 2.0}},
		{codec.ParseJSONLinesOptions{MaxLength: 1}, "1\n2", []any{1.0, 2.0}},
	} {
		for cut := range 5 {
			if got, err := parsed(codec.ParseJSONLines[any](&c.opts), c.text, cut); err != nil ||
				!reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v: %q cut at %d: %v, %v", c.opts, c.text, cut, got, err)
			}
		}
	}
}

// TestSkipBlank has lines of characters that are white space in Unicode but not in JSON.
func TestSkipBlank(t *testing.T) {
	for _, line := range []string{"\u00a0", "\v", "\f", " \u2003", "\u0085", "\ufeff"} {
		if got, err := parsed(codec.ParseJSONLines[any](&codec.ParseJSONLinesOptions{SkipBlank: true}),
			"1\n"+line+"\n2\n", 0); err == nil || len(got) != 1 {
			t.Errorf("%q: %v, %v", line, got, err)
		}
	}
}

func TestParseJSONArray(t *testing.T) {
	for _, c := range []struct {
		text string
		want []any
	}{
		{"[]", nil},
		{" [ \n] \r\n", nil},
		{"[1]", []any{1.0}},
		{"\t[ 1 ,\n\"a\" ,[2 , 3],{\"]\" : \"[,\\\"\"} ]\n", []any{
			1.0, "a",
			[]any{2.0, 3.0},
			map[string]any{"]": "[,\""},
		}},
		{`["\\","\\\"",[["]"]]]`, []any{"\\", "\\\"", []any{[]any{"]"}}}},
		{`["\u005d some longer text, and more of it ]"]`, []any{"] some longer text, and more of it ]"}},
	} {
		for cut := range 12 {
			if got, err := parsed(codec.ParseJSONArray[any](nil), c.text, cut); err != nil ||
				!reflect.DeepEqual(got, c.want) {
				t.Errorf("%q cut at %d: %v, %v", c.text, cut, got, err)
			}
		}
	}
	if got, err := parsed(codec.ParseJSONArray[any](&codec.ParseJSONArrayOptions{AllowNull: true}), "[null]",
		0); err != nil || len(got) != 1 {
		t.Error(got, err)
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

// TestJSONLinesChunks checks that chunks are whole lines and not too long.
func TestJSONLinesChunks(t *testing.T) {
	var in []string
	for i := range 300 {
		in = append(in, strings.Repeat("x", []int{0, 10, 1000, 30_000, 64<<10 - 3, 64<<10 - 2, 100_000}[i*i%7]))
	}
	src := stream.Via(source.Slice(in), codec.JSONLines[string](nil))
	out, err := stream.Run(context.Background(), src, sink.Slice[[]byte]())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range out {
		if p[len(p)-1] != '\n' || len(p) > 64<<10 && bytes.Count(p, []byte("\n")) != 1 {
			t.Errorf("a chunk of %d bytes, with %d newlines", len(p), bytes.Count(p, []byte("\n")))
		}
	}
	if got, err := parsed(codec.ParseJSONLines[string](nil), string(bytes.Join(out, nil)), 50_000); err != nil ||
		!reflect.DeepEqual(got, in) {
		t.Errorf("%d elements of %d, %v", len(got), len(in), err)
	}
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

// TestParseJSONLinesTogether reads consecutive values with extra or malformed text between them.
func TestParseJSONLinesTogether(t *testing.T) {
	type number struct{ N int }
	for _, c := range []struct {
		text   string
		strict bool
		count  int // elements before the error
		at     int64
	}{
		{"{\"N\":1} \r\n\t{\"N\":2}\n {\"N\":3} 4\n{\"N\":5}\n", false, 2, 28},
		{"{\"N\":1}\n{\"N\":2\n}\n", false, 1, 13},
		{"{\"N\":1}\n  {\"N\":\"x\"}\n", false, 1, 17},
		{"{\"N\":1}\n{\"N\":2}{\"N\":3}\n", false, 1, 15},
		{"{\"N\":1}\n{\"N\":2}\n{\"M\":3}\n", true, 2, 17},
		{"{\"N\":1}\n{\"N\":2} {}\n", true, 1, 16},
	} {
		for cut := range 20 {
			got, err := parsed(codec.ParseJSONLines[number](&codec.ParseJSONLinesOptions{RejectUnknown: c.strict}),
				c.text, cut)
			var at *codec.InputError
			if !errors.As(err, &at) || at.Offset != c.at || at.Record != int64(c.count+1) || len(got) != c.count {
				t.Errorf("%q cut at %d: %v, %v; want %d elements and an error at byte %d", c.text, cut, got, err,
					c.count, c.at)
			}
		}
	}
	for _, strict := range []bool{false, true} {
		got, err := parsed(codec.ParseJSONLines[choosy](&codec.ParseJSONLinesOptions{RejectUnknown: strict}),
			"1\n\"no\"\n2", 0)
		if !errors.Is(err, errChoosy) || len(got) != 1 {
			t.Errorf("strict %t: %v, %v", strict, got, err)
		}
	}
	raw, err := parsed(codec.ParseJSONLines[json.RawMessage](nil), "[1,2]\ntrue\n{\"a\":\"b\"}\n17", 4)
	if got := fmt.Sprintf("%s", raw); err != nil || got != `[[1,2] true {"a":"b"} 17]` {
		t.Errorf("%s, %v", got, err)
	}
}

// TestJSONCut truncates our output at every byte. Truncated lines may still be whole lines; a
// truncated array is always an error.
func TestJSONCut(t *testing.T) {
	in := []cookie{cookieAt(1), {Name: "}\n]", Tags: []string{"a", "b"}}, cookieAt(3)}
	lines, _, err := sentOver(codec.JSONLines[cookie](nil), codec.ParseJSONLines[cookie](nil), in)
	if err != nil {
		t.Fatal(err)
	}
	for n := range lines {
		got, err := parsed(codec.ParseJSONLines[cookie](nil), string(lines[:n]), 0)
		whole := n == 0 || lines[n-1] == '\n' || lines[n] == '\n'
		if (err == nil) != whole || len(got) > len(in) || len(got) > 0 && !reflect.DeepEqual(got, in[:len(got)]) {
			t.Errorf("lines: %d of %d bytes: %d elements, %v", n, len(lines), len(got), err)
		}
	}
	array, _, err := sentOver(codec.JSONArray[cookie](nil), codec.ParseJSONArray[cookie](nil), in)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(array) - 1 { // the last newline is optional
		if _, err := parsed(codec.ParseJSONArray[cookie](nil), string(array[:n]), 0); !errors.Is(err,
			io.ErrUnexpectedEOF) {
			t.Errorf("array: %d of %d bytes: %v", n, len(array), err)
		}
	}
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

// FuzzParseJSONArray checks that we accept exactly the arrays that encoding/json accepts, except
// those with invalid Unicode.
func FuzzParseJSONArray(f *testing.F) {
	for _, s := range []string{
		"[]", `[1,"a",{"b":[null]},[[]]]`, `["\\\""]`, "[1 2]", "[{]}]", "[1]x", "[,]",
		`["\ud800"]`, `["\\\ud83d\ude00"]`, "[\"\xff\"]",
	} {
		f.Add(s, 1)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		var want []json.RawMessage
		werr := json.Unmarshal([]byte(text), &want)
		if strings.TrimSpace(text) == "null" {
			werr = io.EOF // no array
		}
		for _, allow := range []bool{false, true} {
			opts := &codec.ParseJSONArrayOptions{AllowNull: true, AllowInvalidUTF8: allow}
			got, err := parsed(codec.ParseJSONArray[json.RawMessage](opts), text, max(cut, 0))
			if (err == nil) != (werr == nil && (allow || isUnicode(text))) {
				t.Fatalf("%q, allow %t: we say %v, encoding/json %v", text, allow, err, werr)
			}
			if err != nil {
				continue
			}
			if len(got) != len(want) {
				t.Fatalf("%q: %d elements, want %d", text, len(got), len(want))
			}
			for i := range got {
				if !bytes.Equal(bytes.TrimSpace(got[i]), bytes.TrimSpace(want[i])) {
					t.Fatalf("%q: element %d is %q, want %q", text, i, got[i], want[i])
				}
			}
		}
	})
}

// FuzzParseJSONLines checks the same for lines, and that an error has the number of its line.
func FuzzParseJSONLines(f *testing.F) {
	for _, s := range []string{
		"1\n\"a\"\n", `{"a":[1,{"b":x}]}`, "null\n", " \n", "{} {}", "{\"a\":1,}",
		"1\n\"\\udfff\"\n2", "\"\xc3\"",
	} {
		f.Add(s, 1)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		for _, allow := range []bool{false, true} {
			opts := &codec.ParseJSONLinesOptions{AllowNull: true, AllowInvalidUTF8: allow}
			got, err := parsed(codec.ParseJSONLines[any](opts), text, max(cut, 0))
			n := 0
			var werr error
			for _, line := range bytesLines([]byte(text)) {
				var v any
				if werr = json.Unmarshal(line, &v); werr == nil && !allow && !isUnicode(string(line)) {
					werr = codec.ErrSyntax
				}
				if werr != nil {
					break
				}
				n++
			}
			if (err == nil) != (werr == nil) || n != len(got) {
				t.Fatalf("%q, allow %t: %d elements, %v; encoding/json %d, %v", text, allow, len(got), err, n, werr)
			}
			var at *codec.InputError
			if err != nil && (!errors.As(err, &at) || at.Offset < 0 || at.Offset > int64(len(text)) ||
				at.Record != int64(n+1)) {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

// TestJQ lets jq read our output and write our input.
func TestJQ(t *testing.T) {
	jq := tool(t, "jq")
	in := make([]cookie, 1000)
	for i := range in {
		in[i] = cookieAt(i)
	}
	for _, c := range []struct {
		name  string
		write stream.Flow[cookie, []byte]
		parse stream.Flow[[]byte, cookie]
		args  []string
	}{
		{"lines", codec.JSONLines[cookie](nil), codec.ParseJSONLines[cookie](nil), []string{"-c", "."}},
		{"array", codec.JSONArray[cookie](nil), codec.ParseJSONArray[cookie](nil), []string{"."}},
		{"array to lines", codec.JSONArray[cookie](nil), codec.ParseJSONLines[cookie](nil), []string{"-c", ".[]"}},
		{"lines to array", codec.JSONLines[cookie](nil), codec.ParseJSONArray[cookie](nil), []string{"-s", "."}},
	} {
		out, err := stream.Run(context.Background(), stream.Via(source.Slice(in), c.write), sink.Slice[[]byte]())
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(jq, c.args...)
		cmd.Stdin = bytes.NewReader(bytes.Join(out, nil))
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if back, err := parsed(c.parse, string(text), 1000); err != nil || !reflect.DeepEqual(back, in) {
			t.Errorf("%s: %d elements, %v", c.name, len(back), err)
		}
	}
}

// tool returns the path of a program of the system. If it is missing, the test is skipped; on CI
// the test fails.
func tool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not on the PATH: install the package of that name", name)
	default:
		t.Skipf("%s is not on the PATH: install the package of that name", name)
	}
	return path
}

func ExampleJSONLines() {
	type cookie struct {
		Name  string
		Sweet bool
	}
	cookies := source.Of(cookie{"Lebkuchen", true}, cookie{"Salzstange", false})
	text, err := stream.Run(context.Background(), stream.Via(cookies, codec.JSONLines[cookie](nil)),
		sink.Slice[[]byte]())
	fmt.Printf("%s%v\n", bytes.Join(text, nil), err)
	// Output:
	// {"Name":"Lebkuchen","Sweet":true}
	// {"Name":"Salzstange","Sweet":false}
	// <nil>
}

func ExampleParseJSONLines() {
	type cookie struct{ Sizes []int }
	text := source.Of([]byte("{\"Sizes\":[1,2]}\n{\"Sizes\":[3,\"four\"]}\n"))
	cookies, err := stream.Run(context.Background(), stream.Via(text, codec.ParseJSONLines[cookie](nil)),
		sink.Slice[cookie]())
	fmt.Println(cookies)
	var at *codec.InputError
	fmt.Println(errors.As(err, &at), "line", at.Record, "byte", at.Offset, "at", at.Pointer)
	// Output:
	// [{[1 2]}]
	// true line 2 byte 33 at /Sizes/1
}

func ExampleJSONArray() {
	text, err := stream.Run(context.Background(), stream.Via(source.Of(1, 2, 3), codec.JSONArray[int](nil)),
		sink.Slice[[]byte]())
	fmt.Printf("%s%v\n", bytes.Join(text, nil), err)
	// Output:
	// [
	// 1,
	// 2,
	// 3
	// ]
	// <nil>
}

func ExampleParseJSONArray() {
	text := source.Of([]byte(`[{"a": 1}, {"a"`), []byte(`: 2}]`))
	all, err := stream.Run(context.Background(), stream.Via(text, codec.ParseJSONArray[map[string]int](nil)),
		sink.Slice[map[string]int]())
	fmt.Println(all, err)
	// Output: [map[a:1] map[a:2]] <nil>
}
