package codec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestJSONObjectsContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:        func() flow { return codec.SplitJSONObjects(nil) },
		OutRecords: true,
		Want: func(t *testing.T, in, out [][]byte) {
			sameElements(t, out, bytesLines(bytes.Join(in, nil)))
		},
	})
}

func TestSplitJSONObjects(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{" \t\r\n", nil},
		{"{}", []string{"{}"}},
		{"{}{}", []string{"{}", "{}"}},
		{" {} ,\n{} ", []string{"{}", "{}"}},
		{"{},{}\n{}", []string{"{}", "{}", "{}"}},
		{"[]", nil},
		{" [ ] ", nil},
		{"[{}]", []string{"{}"}},
		{"\n[ {\"a\":1} , {\"b\":[{},{}]} ]\n", []string{`{"a":1}`, `{"b":[{},{}]}`}},
		{`{"a":{"b":{}}}`, []string{`{"a":{"b":{}}}`}},
		{`{"}":"{"}{"\"}":1}`, []string{`{"}":"{"}`, `{"\"}":1}`}},
		{`{"a":"\\"}{"a":"\\\""}{"a":"\\\\"}`, []string{`{"a":"\\"}`, `{"a":"\\\""}`, `{"a":"\\\\"}`}},
		{
			`{"a":"\u007d long enough for words of eight bytes }"}`,
			[]string{`{"a":"\u007d long enough for words of eight bytes }"}`},
		},
		{`{"":""}`, []string{`{"":""}`}},
		{
			`{"` + strings.Repeat(`\\`, 40) + `":"` + strings.Repeat(`\"}`, 40) + `"}`,
			[]string{`{"` + strings.Repeat(`\\`, 40) + `":"` + strings.Repeat(`\"}`, 40) + `"}`},
		},
	} {
		for cut := range 10 {
			out, err := through(codec.SplitJSONObjects(nil), []byte(c.in), cut)
			if err != nil {
				t.Errorf("%q cut at %d: %v", c.in, cut, err)
			}
			if got := fmt.Sprintf("%q", out); got != fmt.Sprintf("%q", c.want) {
				t.Errorf("%q cut at %d: %s, want %q", c.in, cut, got, c.want)
			}
		}
	}
}

func TestJSONObjectsErrors(t *testing.T) {
	for _, c := range []struct {
		in     string
		want   error
		record int64
		offset int64
	}{
		{"x", codec.ErrSyntax, 1, 0},
		{"{}x", codec.ErrSyntax, 2, 2},
		{"{} null", codec.ErrSyntax, 2, 3},
		{"{},,{}", codec.ErrSyntax, 2, 3},
		{",{}", codec.ErrSyntax, 1, 0},
		{"}", codec.ErrSyntax, 1, 0},
		{"]", codec.ErrSyntax, 1, 0},
		{"{}]", codec.ErrSyntax, 2, 2},
		{"[{}{}]", codec.ErrSyntax, 2, 3},
		{"[{},]", codec.ErrSyntax, 2, 4},
		{"[,{}]", codec.ErrSyntax, 1, 1},
		{"[[]]", codec.ErrSyntax, 1, 1},
		{"[]{}", codec.ErrSyntax, 1, 2},
		{"[][]", codec.ErrSyntax, 1, 2},
		{"{}[]", codec.ErrSyntax, 2, 2},
		{"\"a\"", codec.ErrSyntax, 1, 0},
		{"\ufeff{}", codec.ErrSyntax, 1, 0},
		{"[", io.ErrUnexpectedEOF, 1, 1},
		{"[{}", io.ErrUnexpectedEOF, 2, 3},
		{"[{},", io.ErrUnexpectedEOF, 2, 4},
		{"{},", io.ErrUnexpectedEOF, 2, 3},
		{"{", io.ErrUnexpectedEOF, 1, 1},
		{`{}{"a`, io.ErrUnexpectedEOF, 2, 5},
		{`{"a":"\`, io.ErrUnexpectedEOF, 1, 7},
		{`{"a":"}`, io.ErrUnexpectedEOF, 1, 7},
	} {
		for cut := range 6 {
			_, err := through(codec.SplitJSONObjects(nil), []byte(c.in), cut)
			var at *codec.InputError
			if !errors.Is(err, c.want) || !errors.As(err, &at) || at.Record != c.record || at.Offset != c.offset {
				t.Errorf("%q cut at %d: %v", c.in, cut, err)
			}
		}
	}
}

func TestJSONObjectsTooLong(t *testing.T) {
	opts := &codec.SplitJSONObjectsOptions{MaxLength: 7}
	for cut := range 10 {
		if out, err := through(codec.SplitJSONObjects(opts), []byte(`{"a":1}{"b":2}`), cut); err != nil ||
			len(out) != 2 {
			t.Errorf("cut at %d: %q, %v", cut, out, err)
		}
		out, err := through(codec.SplitJSONObjects(opts), []byte(`{"a":1}{"b":22}`), cut)
		var at *codec.InputError
		if !errors.Is(err, codec.ErrTooLong) || !errors.As(err, &at) || at.Offset != 7 || at.Record != 2 ||
			len(out) != 1 {
			t.Errorf("cut at %d: %q, %v", cut, out, err)
		}
	}
	endless := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for first := []byte("{"); ; first = nil {
			if err := emit(append(first, bytes.Repeat([]byte("\"x\","), 1000)...)); err != nil {
				return err
			}
		}
	})
	if err := drain(stream.Via(endless,
		codec.SplitJSONObjects(&codec.SplitJSONObjectsOptions{MaxLength: 1 << 20}))); !errors.Is(err,
		codec.ErrTooLong) {
		t.Error(err)
	}
}

// TestJSONObjectsCut cuts a stream at every pair of positions.
func TestJSONObjectsCut(t *testing.T) {
	in := []byte(`[{"a":"x\\\"}y"},` + "\n" + ` {"b":{"c":["{",1]}}]`)
	want := [][]byte{[]byte(`{"a":"x\\\"}y"}`), []byte(`{"b":{"c":["{",1]}}`)}
	for i := range in {
		for j := i; j < len(in); j++ {
			var out [][]byte
			src := stream.Via(source.Of(in[:i], in[i:j], in[j:]), clone)
			err := stream.Via(src, codec.SplitJSONObjects(nil)).Each(context.Background(), func(p []byte) error {
				out = append(out, p)
				return nil
			})
			if err != nil {
				t.Fatalf("cut at %d and %d: %v", i, j, err)
			}
			sameElements(t, out, want)
		}
	}
}

func FuzzSplitJSONObjects(f *testing.F) {
	f.Add([]byte(`{"a":"\"}"} {"b":[{}]}`), 3)
	f.Add([]byte(`{"\\":1}`), 1)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		out, err := through(codec.SplitJSONObjects(nil), in, max(cut, 0))
		whole, werr := through(codec.SplitJSONObjects(nil), in, 0)
		if (err == nil) != (werr == nil) {
			t.Fatalf("cut at %d: %v, uncut: %v", cut, err, werr)
		}
		if err == nil {
			sameElements(t, out, whole)
		}
		// If the decoder of the standard library returns only objects, we return the same ones.
		var want [][]byte
		for d := json.NewDecoder(bytes.NewReader(in)); ; {
			var v json.RawMessage
			err := d.Decode(&v)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || v[0] != '{' {
				return
			}
			want = append(want, v)
		}
		if err != nil {
			t.Fatal(err)
		}
		sameElements(t, out, want)
	})
}

func ExampleSplitJSONObjects() {
	text := source.Of([]byte(`[{"a":1}, {"b":"}`), []byte(`"}]`))
	err := stream.Via(text, codec.SplitJSONObjects(nil)).Each(context.Background(), func(object []byte) error {
		fmt.Printf("%s\n", object)
		return nil
	})
	fmt.Println(err)
	// Output:
	// {"a":1}
	// {"b":"}"}
	// <nil>
}
