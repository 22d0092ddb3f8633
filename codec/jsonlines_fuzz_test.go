package codec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

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
