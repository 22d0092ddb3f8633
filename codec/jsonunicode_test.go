package codec_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millweir/millweir/codec"
)

// TestParseJSONNotUnicode has text that encoding/json would change to U+FFFD without an error.
func TestParseJSONNotUnicode(t *testing.T) {
	for _, c := range []wrongText{
		{"\"\xff\"", 1, 1, "", codec.ErrSyntax},
		{"{\"a\":[1,\"é\xc3\"]}", 1, 11, "/a/1", codec.ErrSyntax},
		{"{\"a\":1,\"b\xed\xa0\x80\":2}", 1, 9, "/b\ufffd\ufffd\ufffd", codec.ErrSyntax},
		{`"\ud800"`, 1, 1, "", codec.ErrSyntax},
		{`"\uDC00"`, 1, 1, "", codec.ErrSyntax},
		{`"\\\ud800\n"`, 1, 3, "", codec.ErrSyntax},
		{`"\ud800\ud800\udc00"`, 1, 1, "", codec.ErrSyntax},
		{`"\ud800\udc00\udfff"`, 1, 13, "", codec.ErrSyntax},
		{`{"a":{"\ud83d":1}}`, 1, 7, "/a/\ufffd", codec.ErrSyntax},
		{`"\ud800x"`, 1, 1, "", codec.ErrSyntax},
		{`"\ud800\n"`, 1, 1, "", codec.ErrSyntax},
		{`"\ud800\u`, 1, 8, "", nil}, // not JSON: encoding/json returns the error
	} {
		if c.cause != nil {
			checkWrong(t, "lines", codec.ParseJSONLines[any](nil), c)
			checkWrong(t, "raw lines", codec.ParseJSONLines[json.RawMessage](nil), c)
			array := c
			array.text, array.offset, array.record = "[1, "+c.text+"]", c.offset+4, 2
			checkWrong(t, "array", codec.ParseJSONArray[any](nil), array)
			var want any
			if err := json.Unmarshal([]byte(c.text), &want); err != nil {
				t.Fatal(err)
			}
			for name, got := range map[string]func() ([]any, error){
				"lines": func() ([]any, error) {
					return parsed(codec.ParseJSONLines[any](&codec.ParseJSONLinesOptions{AllowInvalidUTF8: true}),
						c.text, 0)
				},
				"array": func() ([]any, error) {
					return parsed(codec.ParseJSONArray[any](&codec.ParseJSONArrayOptions{AllowInvalidUTF8: true}),
						"["+c.text+"]", 0)
				},
			} {
				if got, err := got(); err != nil || !reflect.DeepEqual(got, []any{want}) {
					t.Errorf("%s: %q allowed: %q, %v", name, c.text, got, err)
				}
			}
		} else if _, err := parsed(codec.ParseJSONLines[any](nil), c.text, 0); err == nil {
			t.Errorf("%q was read", c.text)
		}
	}
	for text, want := range map[string]string{
		`"\ud83d\ude00 \uD83D\uDE00"`: "😀 😀", `"\\ud800"`: `\ud800`, `"\\\\udc00\u0041"`: `\\udc00A`,
		"\"\ufffd\\ufffd\"": "\ufffd\ufffd", `"\u00e9\ud7ff\ue000"`: "é\ud7ff\ue000",
	} {
		if got, err := parsed(codec.ParseJSONLines[string](nil), text, 0); err != nil || len(got) != 1 ||
			got[0] != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

// TestJSONWritesUnicode checks the documentation of JSONLines about nil and about strings that are
// not UTF-8.
func TestJSONWritesUnicode(t *testing.T) {
	text, back, err := sentOver(codec.JSONLines[string](nil), codec.ParseJSONLines[string](nil),
		[]string{"a\xff", "\xed\xa0\x80"})
	if want := []string{"a\ufffd", "\ufffd\ufffd\ufffd"}; err != nil || !utf8.Valid(text) ||
		!reflect.DeepEqual(back, want) {
		t.Errorf("%q came back as %q, %v, want %q", text, back, err, want)
	}
	for allow, want := range map[bool]int{false: 0, true: 2} {
		_, back, err := sentOver(codec.JSONLines[map[string]int](nil),
			codec.ParseJSONLines[map[string]int](&codec.ParseJSONLinesOptions{AllowNull: allow}),
			[]map[string]int{nil, nil})
		if (err == nil) != allow || len(back) != want {
			t.Errorf("nil maps, AllowNull %t: %v, %v", allow, back, err)
		}
	}
}

// A lone surrogate, and a surrogate pair.
var (
	pairEscape = regexp.MustCompile(`\\u[dD][89abAB]..\\u[dD][c-fC-F]..`)
	loneEscape = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
)

// isUnicode reports whether text, which must be JSON, is valid UTF-8 without lone surrogates.
func isUnicode(text string) bool {
	text = strings.ReplaceAll(text, `\\`, "x")
	return utf8.ValidString(text) && !loneEscape.MatchString(pairEscape.ReplaceAllString(text, "x"))
}
