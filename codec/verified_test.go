package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestVerifiedContract(t *testing.T) {
	p := codec.Verified(codec.GzipFormat(nil, nil))
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New: p.Encode,
		Want: func(t *testing.T, in, out [][]byte) {
			sameBytes(t, in, [][]byte{stdGunzip(t, bytes.Join(out, nil))})
		},
		Bad: []flow{
			codec.Verified(codec.Format[[]byte]{}).Encode(),
			codec.Verified(codec.GzipFormat(&codec.GzipOptions{Level: 99}, nil)).Encode(),
		},
	})
}

// TestVerified has faulty encoders. The run must fail, whatever the decoder returns.
func TestVerified(t *testing.T) {
	data := jsonText(3 << 20)
	pass := stream.Map(func(p []byte) []byte { return p })
	flip := stream.Map(func(p []byte) []byte { p[len(p)/2] ^= 1; return p })
	drop := stream.Filter(func(p []byte) bool { return len(p) > 100 })
	for name, c := range map[string]struct {
		encode, decode flow
		ok             bool
	}{
		"gzip": {codec.Gzip(nil), codec.Gunzip(nil), true},
		"zstd by 2": {
			codec.Zstd(&codec.ZstdOptions{Parallelism: 2}),
			codec.Unzstd(&codec.UnzstdOptions{Parallelism: 2}), true,
		},
		"flipped before":     {stream.Then(flip, codec.Gzip(nil)), codec.Gunzip(nil), false},
		"flipped after":      {stream.Then(codec.Gzip(nil), flip), codec.Gunzip(nil), false},
		"without a checksum": {stream.Then(codec.Base64(nil), flip), codec.Unbase64(nil), false},
		"bytes lost":         {codec.LimitRatio(drop, 1, 0), pass, false},
		"bytes added":        {stream.Map(func(p []byte) []byte { return append(p, 0) }), pass, false},
		"not a pair":         {codec.Gzip(nil), codec.Unzstd(nil), false},
		"nothing comes out":  {stream.Filter(func([]byte) bool { return false }), pass, false},
	} {
		src := pieces(data, 9_999)
		if name == "bytes lost" {
			src = source.Of([]byte("short"), bytes.Repeat([]byte("long "), 100))
		}
		_, err := stream.Run(context.Background(),
			stream.Via(src, codec.Verified(codec.FormatOf(c.encode, c.decode, "")).Encode()), sink.Discard[[]byte]())
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, codec.ErrMiscoded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBehindTheEnd makes the upstream of each decoder fail after its last byte: the run must report
// an error that an outer layer finds last.
func TestBehindTheEnd(t *testing.T) {
	boom := errors.New("boom")
	check := func(name string, z []byte, f flow) {
		for _, cut := range []int{0, 1} {
			src := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
				if err := pieces(z, cut).Each(ctx, emit); err != nil {
					return err
				}
				return boom
			})
			if err := drain(stream.Via(src, f)); err != boom { //nolint:errorlint // unchanged
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, c := range pairs() {
		z := must(t)(bytesThrough(c.pack(), jsonText(500), 0))
		check(c.name, z, c.unpack())
		if c.sum {
			check("detect "+c.name, z, codec.Detect(nil))
		}
	}
	check("objects", []byte("[{}]"), codec.SplitJSONObjects(nil))
	check("base64", []byte("YQ=="), codec.Unbase64(nil))
	check("hex", []byte("00"), codec.Unhex())
	check("array", []byte("[1]"), stream.Then(codec.ParseJSONArray[int](nil), codec.JSONLines[int](nil)))
}

func ExampleVerified() {
	format := codec.Verified(codec.GzipFormat(nil, nil))
	n, err := stream.Run(context.Background(), stream.Via2(source.Of([]byte("through the mill")), format.Encode(),
		format.Decode()), sink.Writer(io.Discard))
	fmt.Println(n, err)

	// The encoder loses a byte, and the decoder cannot notice.
	broken := codec.FormatOf(stream.Map(func(p []byte) []byte {
		return p[1:]
	}), stream.Map(func(p []byte) []byte { return p }), "")
	_, err = stream.Run(context.Background(), stream.Via(source.Of([]byte("through the mill")),
		codec.Verified(broken).Encode()), sink.Discard[[]byte]())
	fmt.Println(err)
	// Output:
	// 16 <nil>
	// codec: verified: the encoded data does not decode to the input: 16 bytes became 15
}
