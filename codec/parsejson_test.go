package codec_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestParseJSON compares ParseJSON with ParseJSONLines for each text.
func TestParseJSON(t *testing.T) {
	for _, o := range []*codec.ParseJSONLinesOptions{
		nil,
		{AllowNull: true},
		{RejectUnknown: true},
		{AllowInvalidUTF8: true},
		{MaxLength: 8},
	} {
		f := codec.ParseJSON[cookie](o)
		for _, text := range []string{
			`{"Name":"a"}`, `{"N":1}`, " {}\r", "null", "", "{", `{"N":"x"}`, `{"X":1}`,
			"\"\xff\"", `{"Name":"` + "\xff" + `"}`,
		} {
			got, err := f(t.Context(), []byte(text))
			want, werr := parsed(codec.ParseJSONLines[cookie](o), text+"\n", 0)
			if (err == nil) != (werr == nil) || err == nil && !reflect.DeepEqual(got, want[0]) {
				t.Errorf("%+v: %q: %v, %v; the stage says %v, %v", o, text, got, err, want, werr)
			}
			var at *codec.InputError
			if err != nil && (!errors.As(err, &at) || stream.ClassOf(err) != stream.Data) {
				t.Errorf("%+v: %q: %v", o, text, err)
			}
		}
	}
}

func TestParseJSONLimit(t *testing.T) {
	f := codec.ParseJSON[string](&codec.ParseJSONLinesOptions{MaxLength: 3})
	if _, err := f(t.Context(), []byte(`"ab"`)); !errors.Is(err, codec.ErrTooLong) {
		t.Error(err)
	}
	f = codec.ParseJSON[string](&codec.ParseJSONLinesOptions{MaxLength: -1})
	if _, err := f(t.Context(), []byte(`""`)); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("a negative limit: %v", err)
	}
}

func ExampleParseJSON() {
	type cookie struct{ Name string }
	dead := func(_ context.Context, d stream.DeadLetter[[]byte]) error {
		fmt.Printf("line %d: %q\n", d.Position+1, d.Element)
		return nil
	}
	cookies, err := stream.Run(context.Background(), stream.Via2(
		source.Reader(strings.NewReader("{\"Name\":\"Lebkuchen\"}\n{\"Name\":\n{\"Name\":\"Zimtstern\"}\n")),
		codec.SplitLines(nil),
		stream.Supervise(1, codec.ParseJSON[cookie](nil), dead, nil),
	), sink.Slice[cookie]())
	fmt.Println(cookies, err)
	// Output:
	// line 2: "{\"Name\":"
	// [{Lebkuchen} {Zimtstern}] <nil>
}
