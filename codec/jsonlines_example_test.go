package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

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
