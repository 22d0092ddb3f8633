package codec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
