package codec_test

import (
	"context"
	"fmt"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// thereAndBack prints the name of a file in the format, and the text after encoding and decoding
// it.
func thereAndBack(p codec.Format[[]byte]) {
	file := stream.Via(source.Of([]byte("through the mill")), p.Encode())
	back, err := stream.Run(context.Background(), stream.Via(file, p.Decode()), sink.Slice[[]byte]())
	fmt.Printf("cookies%s %s %v\n", p.Suffix(), back, err)
}

// This example combines a custom pair of flows with a format of this package.
func ExampleFormatOf() {
	hex := codec.FormatOf(codec.Hex(), codec.Unhex(), ".hex")
	thereAndBack(hex)
	thereAndBack(codec.GzipFormat(nil, nil).Then(hex))
	// Output:
	// cookies.hex [through the mill] <nil>
	// cookies.gz.hex [through the mill] <nil>
}

func ExampleGzipFormat() {
	thereAndBack(codec.GzipFormat(&codec.GzipOptions{Level: 1}, &codec.GunzipOptions{MaxBytes: 1 << 20}))
	// Output: cookies.gz [through the mill] <nil>
}

func ExampleZstdFormat() {
	thereAndBack(codec.ZstdFormat(&codec.ZstdOptions{Parallelism: 2}, &codec.UnzstdOptions{
		Parallelism:      2,
		RequireChecksums: true,
	}))
	// Output: cookies.zst [through the mill] <nil>
}

func ExampleS2Format() {
	thereAndBack(codec.S2Format(nil, nil))
	thereAndBack(codec.S2Format(&codec.S2Options{Snappy: true}, nil))
	// Output:
	// cookies.s2 [through the mill] <nil>
	// cookies.sz [through the mill] <nil>
}

func ExampleZlibFormat() {
	thereAndBack(codec.ZlibFormat(nil, nil))
	// Output: cookies.zz [through the mill] <nil>
}

func ExampleBase64Format() {
	thereAndBack(codec.ZstdFormat(nil, nil).Then(codec.Base64Format(nil)))
	// Output: cookies.zst.b64 [through the mill] <nil>
}

func ExampleJSONLinesFormat() {
	type cookie struct{ Name string }
	p := codec.JSONLinesFormat[cookie](nil, nil)
	file, err := stream.Run(context.Background(), stream.Via(source.Of(cookie{"Lebkuchen"}, cookie{"Zimtstern"}),
		p.Encode()), sink.Slice[[]byte]())
	fmt.Printf("cookies%s %v\n%s", p.Suffix(), err, file[0])
	// Output:
	// cookies.jsonl <nil>
	// {"Name":"Lebkuchen"}
	// {"Name":"Zimtstern"}
}

func ExampleCSVFormat() {
	p := codec.CSVFormat(nil, nil).Then(codec.GzipFormat(nil, nil))
	file := stream.Via(source.Of([]string{"Lebkuchen", "1.20"}), p.Encode())
	records, err := stream.Run(context.Background(), stream.Via(file, p.Decode()), sink.Slice[[]string]())
	fmt.Println("cookies"+p.Suffix(), records, err)
	// Output: cookies.csv.gz [[Lebkuchen 1.20]] <nil>
}

func ExampleJSONArrayFormat() {
	type cookie struct{ Name string }
	p := codec.JSONArrayFormat[cookie](nil, nil)
	file := stream.Via(source.Of(cookie{"Lebkuchen"}, cookie{"Zimtstern"}), p.Encode())
	cookies, err := stream.Run(context.Background(), stream.Via(file, p.Decode()), sink.Slice[cookie]())
	fmt.Println("cookies"+p.Suffix(), cookies, err)
	// Output: cookies.json [{Lebkuchen} {Zimtstern}] <nil>
}
