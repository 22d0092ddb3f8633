package codec_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// mill is a text that compresses well.
func mill() stream.Source[[]byte] {
	return source.Of([]byte(strings.Repeat("through the mill\n", 1000)))
}

// lengths prints the size of mill after pack, and after unpack.
func lengths(pack, unpack stream.Flow[[]byte, []byte]) {
	packed, err := stream.Run(context.Background(), stream.Via(mill(), pack), sink.Writer(io.Discard))
	if err != nil {
		fmt.Println(err)
	}
	back, err := stream.Run(context.Background(), stream.Via2(mill(), pack, unpack), sink.Writer(io.Discard))
	fmt.Println(packed < 1000, back, err)
}

func ExampleGunzip() {
	lengths(codec.Gzip(&codec.GzipOptions{Level: 9}), codec.Gunzip(&codec.GunzipOptions{MaxBytes: 1 << 20}))
	// Output: true 17000 <nil>
}

func ExampleGzip_parallel() {
	lengths(codec.Gzip(&codec.GzipOptions{Parallelism: 4}), codec.Gunzip(&codec.GunzipOptions{Parallelism: 4}))
	// Output: true 17000 <nil>
}

func ExampleZlib() {
	lengths(codec.Zlib(nil), codec.Unzlib(nil))
	// Output: true 17000 <nil>
}

func ExampleUnzlib() {
	text := source.Of([]byte("no zlib"))
	_, err := stream.Run(context.Background(), stream.Via(text, codec.Unzlib(nil)), sink.Discard[[]byte]())
	fmt.Println(err)
	// Output: codec: unzlib: the input is text, not zlib: it is not compressed, so leave the decompression out
}

func ExampleDeflate() {
	lengths(codec.Deflate(&codec.DeflateOptions{Parallelism: 2}), codec.Inflate(nil))
	// Output: true 17000 <nil>
}

func ExampleInflate() {
	lengths(codec.Deflate(nil), codec.Inflate(&codec.InflateOptions{MaxBytes: 1000}))
	// Output: true 0 codec: inflate: limit exceeded: MaxBytes is 1000
}

func ExampleZstd() {
	lengths(codec.Zstd(&codec.ZstdOptions{Parallelism: 4}), codec.Unzstd(nil))
	// Output: true 17000 <nil>
}

func ExampleUnzstd() {
	lengths(codec.Zstd(&codec.ZstdOptions{Level: 19}),
		codec.Unzstd(&codec.UnzstdOptions{MaxWindow: 8 << 20, RequireChecksums: true}))
	// Output: true 17000 <nil>
}

func ExampleS2() {
	lengths(codec.S2(nil), codec.UnS2(nil))
	// Output: true 17000 <nil>
}

func ExampleUnS2() {
	lengths(codec.S2(&codec.S2Options{Snappy: true, Level: 3}), codec.UnS2(&codec.UnS2Options{Parallelism: 2}))
	// Output: true 17000 <nil>
}

func ExampleDecoder() {
	seven := codec.Decoder("demo: section", func(r io.Reader) (io.Reader, error) { return io.LimitReader(r, 7), nil })
	// It is an error if the decoder does not read all bytes.
	show(stream.Via(source.Of([]byte("through")), seven))
	show(stream.Via(source.Of([]byte("through the mill")), seven))
	// Output:
	// through <nil>
	// through demo: section: data after the end
}
