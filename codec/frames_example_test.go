package codec_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleSplitDelimited() {
	text := source.Of([]byte("one--tw"), []byte("o-"), []byte("-three"))
	err := stream.Via(text, codec.SplitDelimited([]byte("--"), nil)).Each(context.Background(),
		func(record []byte) error {
			fmt.Printf("%q\n", record)
			return nil
		})
	fmt.Println(err)
	// Output:
	// "one"
	// "two"
	// "three"
	// <nil>
}

func ExampleJoinDelimited() {
	records := source.Of([]byte("one"), []byte("two"))
	err := stream.Via(records, codec.JoinDelimited([]byte("\r\n"))).Each(context.Background(),
		func(chunk []byte) error {
			fmt.Printf("%q\n", chunk)
			return nil
		})
	fmt.Println(err)
	// Output:
	// "one\r\ntwo\r\n"
	// <nil>
}

func ExampleSplitLengthField() {
	text := source.Of([]byte("\x03o"), []byte("ne\x03two"))
	err := stream.Via(text, codec.SplitLengthField(&codec.LengthFieldOptions{Size: 1})).Each(context.Background(),
		func(frame []byte) error {
			fmt.Printf("%q\n", frame)
			return nil
		})
	fmt.Println(err)
	// Output:
	// "one"
	// "two"
	// <nil>
}

func ExampleJoinLengthField() {
	frames := source.Of([]byte("one"), []byte("two"))
	text := stream.Via(frames, codec.JoinLengthField(&codec.LengthFieldOptions{Size: 2}))
	var b strings.Builder
	n, err := stream.Run(context.Background(), text, sink.Writer(&b))
	fmt.Printf("%q %d %v\n", b.String(), n, err)
	// Output: "\x00\x03one\x00\x03two" 10 <nil>
}

func ExampleRechunk() {
	text := source.Of([]byte("through "), []byte("the"), []byte(" mill"))
	err := stream.Via(text, codec.Rechunk(6)).Each(context.Background(), func(chunk []byte) error {
		fmt.Printf("%q\n", chunk)
		return nil
	})
	fmt.Println(err)
	// Output:
	// "throug"
	// "h the "
	// "mill"
	// <nil>
}
