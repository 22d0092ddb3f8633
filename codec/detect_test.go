package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestDetectContract(t *testing.T) {
	for _, n := range []int{0, 2} {
		for name, pack := range map[string]flow{
			"gzip": codec.Gzip(&codec.GzipOptions{Parallelism: n}),
			"plain": stream.Map(func(p []byte) []byte {
				return p
			}),
		} {
			t.Run(fmt.Sprintf("%s by %d", name, n), func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
					New:   func() flow { return codec.Detect(&codec.DetectOptions{Plain: true, Parallelism: n}) },
					Steps: 2,
					Many:  10,
					Input: func(n int) [][]byte {
						z := must(t)(bytesThrough(pack, jsonText(n*3000), 0))
						return chunksOf(z, len(z)/max(n, 1)+1)
					},
					Bad: []flow{
						codec.Detect(&codec.DetectOptions{MaxBytes: -2}),
						codec.Detect(&codec.DetectOptions{MaxRatio: -2}),
						codec.Detect(&codec.DetectOptions{Parallelism: -2}),
					},
				})
			})
		}
	}
}

func TestDetect(t *testing.T) {
	data := jsonText(300_000)
	for _, c := range pairs() {
		if strings.HasPrefix(c.name, "deflate") {
			continue // has no signature
		}
		for _, size := range []int{0, 1, 300_000} {
			z := must(t)(bytesThrough(c.pack(), data[:size], 0))
			for _, n := range []int{0, 2} {
				for _, cut := range []int{0, 1, 3} {
					if cut > 0 && size > 1 {
						continue
					}
					got, err := bytesThrough(codec.Detect(&codec.DetectOptions{Parallelism: n}), z, cut)
					if err != nil || !bytes.Equal(got, data[:size]) {
						t.Errorf("%s of %d by %d cut at %d: %d bytes, %v", c.name, size, n, cut, len(got), err)
					}
				}
			}
			for _, n := range []int{1, 2, 3, 4, len(z) - 1} {
				if _, err := bytesThrough(codec.Detect(nil), z[:n], 0); !errors.Is(err, io.ErrUnexpectedEOF) &&
					!errors.Is(err, codec.ErrUnknownFormat) {
					t.Errorf("%s: %d of %d bytes: %v", c.name, n, len(z), err)
				}
			}
			if _, err := bytesThrough(codec.Detect(nil), append(z, "garbage"...), 0); err == nil {
				t.Errorf("%s: a tail: no error", c.name)
			}
		}
		z := must(t)(bytesThrough(c.pack(), data, 0))
		if _, err := bytesThrough(codec.Detect(&codec.DetectOptions{MaxBytes: 299_999}), z, 0); !errors.Is(err,
			codec.ErrLimit) {
			t.Errorf("%s: MaxBytes: %v", c.name, err)
		}
	}
}

func TestDetectPlain(t *testing.T) {
	for _, text := range []string{"", "x", "{}", "{\"a\":1}\n", "xy plain", "\x1f", "\x78", "x\x9d"} {
		if got, err := bytesThrough(codec.Detect(&codec.DetectOptions{Plain: true}), []byte(text), 1); err != nil ||
			string(got) != text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		want := codec.ErrUnknownFormat
		if text == "" {
			want = io.ErrUnexpectedEOF
		}
		if _, err := bytesThrough(codec.Detect(nil), []byte(text), 0); !errors.Is(err, want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	boom := errors.New("boom")
	for _, text := range []string{"", "x", "\x1f\x8b\x08", "long enough"} {
		if err := drain(stream.Via(failsAfter([]byte(text), boom),
			codec.Detect(&codec.DetectOptions{Plain: true}))); err != boom { //nolint:errorlint // unchanged
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestDetectZlib checks every possible zlib header, before a stream, a BSON document and text.
func TestDetectZlib(t *testing.T) {
	const bson = "\x00\x00\x07_id\x00 and more"
	for first := 0x08; first <= 0x78; first += 0x10 {
		for second := range 0x100 {
			if (first<<8|second)%31 != 0 || second&0x20 != 0 {
				continue
			}
			header := string([]byte{byte(first), byte(second)})
			for _, plain := range []bool{false, true} {
				f := codec.Detect(&codec.DetectOptions{Plain: plain})
				for _, text := range []string{"", "some text", string(noise(1000)), string(jsonText(3000))} {
					z := header + string(must(t)(bytesThrough(codec.Zlib(nil), []byte(text), 0))[2:])
					if got, err := bytesThrough(f, []byte(z), 0); err != nil || string(got) != text {
						t.Errorf("%x, plain %v: %q, %v", header, plain, got, err)
					}
					if _, err := bytesThrough(f, []byte(z[:5]), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("%x, plain %v, cut: %v", header, plain, err)
					}
				}
				got, err := bytesThrough(f, []byte(header+bson), 0)
				if plain && (err != nil || string(got) != header+bson) || !plain &&
					!errors.Is(err, codec.ErrUnknownFormat) {
					t.Errorf("%x and BSON, plain %v: %q, %v", header, plain, got, err)
				}
			}
		}
	}
	for _, text := range []string{
		"HK", "HKD,EUR\n", "XG-1000", "hC", "(S)ome text", "8O", "X\xc3\xa9 text",
		"hC text\xc3\xa9",
	} {
		if got, err := bytesThrough(codec.Detect(&codec.DetectOptions{Plain: true}), []byte(text), 0); err != nil ||
			string(got) != text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestDetectRequiresChecksums(t *testing.T) {
	var b bytes.Buffer
	enc, _ := zstd.NewWriter(&b, zstd.WithEncoderCRC(false))
	_, _ = enc.Write(jsonText(3000))
	_ = enc.Close()
	for _, n := range []int{0, 2} {
		for _, want := range []bool{false, true} {
			_, err := bytesThrough(codec.Detect(&codec.DetectOptions{Parallelism: n, RequireChecksums: want}),
				b.Bytes(), 0)
			if want != (err != nil) {
				t.Errorf("by %d, required %v: %v", n, want, err)
			}
		}
	}
}

func FuzzDetect(f *testing.F) {
	for _, c := range pairs() {
		f.Add(must(f)(bytesThrough(c.pack(), []byte("hello"), 0)), 0)
	}
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		one, err := bytesThrough(codec.Detect(&codec.DetectOptions{MaxBytes: 16 << 20}), z, max(cut, 0))
		whole, werr := bytesThrough(codec.Detect(&codec.DetectOptions{MaxBytes: 16 << 20}), z, 0)
		if (err == nil) != (werr == nil) || err == nil && !bytes.Equal(one, whole) {
			t.Fatalf("cut at %d: %d bytes, %v; uncut %d, %v", cut, len(one), err, len(whole), werr)
		}
	})
}

func TestFormat(t *testing.T) {
	in := make([]cookie, 500)
	for i := range in {
		in[i] = cookieAt(i)
	}
	lines := codec.JSONLinesFormat[cookie](nil, nil)
	for _, c := range []struct {
		p      codec.Format[cookie]
		suffix string
	}{
		{lines, ".jsonl"},
		{codec.JSONArrayFormat[cookie](nil, nil), ".json"},
		{lines.Then(codec.GzipFormat(nil, nil)), ".jsonl.gz"},
		{lines.Then(codec.ZstdFormat(nil, nil)), ".jsonl.zst"},
		{lines.Then(codec.S2Format(nil, nil)), ".jsonl.s2"},
		{lines.Then(codec.S2Format(&codec.S2Options{Snappy: true}, nil)), ".jsonl.sz"},
		{lines.Then(codec.ZlibFormat(nil, nil)), ".jsonl.zz"},
		{lines.Then(codec.GzipFormat(nil, nil)).Then(codec.Base64Format(nil)), ".jsonl.gz.b64"},
		{
			lines.Then(codec.GzipFormat(nil, nil).Then(codec.FormatOf(codec.Hex(), codec.Unhex(), ".hex"))),
			".jsonl.gz.hex",
		},
	} {
		if got := c.p.Suffix(); got != c.suffix {
			t.Errorf("suffix %s, want %s", got, c.suffix)
		}
		for range 2 {
			back, err := stream.Run(context.Background(), stream.Via2(source.Slice(in), c.p.Encode(), c.p.Decode()),
				sink.Slice[cookie]())
			if err != nil || !reflect.DeepEqual(back, in) {
				t.Errorf("%s: %d elements, %v", c.suffix, len(back), err)
			}
		}
	}
	// The bytes are those of the flows, in the order of the names.
	out, err := stream.Run(context.Background(),
		stream.Via(source.Slice(in), lines.Then(codec.GzipFormat(nil, nil)).Encode()), sink.Slice[[]byte]())
	if err != nil || !bytes.HasPrefix(stdGunzip(t, bytes.Join(out, nil)), []byte(`{"name":"<cookie> 0"`)) {
		t.Errorf("%v", err)
	}
}

func TestFormatWithoutFlows(t *testing.T) {
	var none codec.Format[[]byte]
	half := codec.FormatOf(codec.Hex(), nil, ".hex")
	for name, f := range map[string]flow{
		"encode": none.Encode(), "decode": none.Decode(), "half": half.Decode(),
		"then": codec.GzipFormat(nil, nil).Then(none).Encode(), "then decode": codec.GzipFormat(nil,
			nil).Then(none).Decode(),
	} {
		up := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
			t.Errorf("%s: the upstream was started", name)
			return nil
		})
		if err := drain(stream.Via(up, f)); err == nil || !strings.HasPrefix(err.Error(), "codec: format: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ExampleDetect() {
	for _, pack := range []stream.Flow[[]byte, []byte]{
		codec.Gzip(nil), codec.Zstd(nil), codec.Zlib(nil),
		codec.S2(nil),
	} {
		show(stream.Via2(source.Of([]byte("through the mill")), pack, codec.Detect(nil)))
	}
	show(stream.Via(source.Of([]byte("through the mill")), codec.Detect(nil)))
	// Output:
	// through the mill <nil>
	// through the mill <nil>
	// through the mill <nil>
	// through the mill <nil>
	//  codec: detect: the input is text, not a compressed format that is known here: it is not compressed, so leave the decompression out
}

func ExampleFileType() {
	type cookie struct{ Name string }
	format := codec.JSONLinesFormat[cookie](nil, nil).Then(codec.GzipFormat(nil, nil))
	fmt.Println("cookies" + format.Suffix())
	stored := stream.Via(source.Of(cookie{"Lebkuchen"}, cookie{"Zimtstern"}), format.Encode())
	cookies, err := stream.Run(context.Background(), stream.Via(stored, format.Decode()), sink.Slice[cookie]())
	fmt.Println(cookies, err)
	// Output:
	// cookies.jsonl.gz
	// [{Lebkuchen} {Zimtstern}] <nil>
}
