package codec_test

import (
	"bytes"
	stdgzip "compress/gzip"
	stdzlib "compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
)

// flipStreams returns small streams of all formats by all available writers.
func flipStreams(t *testing.T) []flipStream {
	var all []flipStream
	all = append(all, ourFlipStreams(t)...)
	all = append(all, fittingFlipStreams(t)...)
	all = append(all, foreignGzipStreams(t)...)
	all = append(all, foreignFlipStreams(t)...)
	return append(all, toolFlipStreams(t)...)
}

// flipTexts returns contents that produce different kinds of blocks.
func flipTexts() map[string][]byte {
	text := jsonText(3000)
	return map[string][]byte{
		"nothing": nil,
		"a byte":  {'x'},
		"text":    text[:1500],
		"noise":   noise(300),
		"zeros":   make([]byte, 5000),
		"both":    append(noise(200), text[:900]...),
		"two MiB": make([]byte, 2<<20), // three members or frames
	}
}

// ourFlipStreams returns streams of our encoders.
func ourFlipStreams(t *testing.T) []flipStream {
	var all []flipStream
	for what, plain := range flipTexts() {
		for _, n := range []int{0, 1} {
			if n == 0 && len(plain) > 1<<20 {
				continue
			}
			for name, pack := range map[string]flow{
				"gzip":   codec.Gzip(&codec.GzipOptions{Parallelism: n}),
				"zlib":   codec.Zlib(&codec.DeflateOptions{Parallelism: n}),
				"zstd":   codec.Zstd(&codec.ZstdOptions{Parallelism: n}),
				"s2":     codec.S2(nil),
				"snappy": codec.S2(&codec.S2Options{Snappy: true}),
			} {
				if n == 1 && len(name) > 4 || name == "s2" && n == 1 || name == "zlib" && len(plain) > 1<<20 ||
					name[0] == 's' && len(plain) > 1<<20 {
					continue // the same bytes as without Parallelism
				}
				s := flipStream{
					name: fmt.Sprintf("our %s by %d of %s", name, n, what), format: name, weak: name == "zlib",
					packed: must(t)(bytesThrough(pack, plain, 0)), plain: plain,
				}
				if name == "snappy" {
					s.format = "s2"
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// fitting returns a stream that pack makes of noise, and the noise. size(stream) is want; size must
// grow with the noise.
func fitting(t *testing.T, want int, pack func(plain []byte) []byte, size func(packed []byte) int) (packed,
	plain []byte,
) {
	t.Helper()
	for n := max(0, want-120); n <= want; n++ {
		plain = noise(n)
		packed = pack(plain)
		if size(packed) == want {
			return packed, plain
		}
	}
	t.Skipf("no stream of %d bytes", want)
	return nil, nil
}

// fittingFlipStreams returns streams with members, frames and files whose lengths differ by a
// single bit of a length field.
func fittingFlipStreams(t *testing.T) []flipStream {
	var all []flipStream
	member := func(z []byte) int { return int(binary.LittleEndian.Uint32(z[16:])) }
	zipped := func(plain []byte) []byte {
		return must(t)(bytesThrough(codec.Gzip(&codec.GzipOptions{Parallelism: 1}), plain, 0))
	}
	framed := func(plain []byte) []byte {
		return must(t)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 1}), plain, 0))
	}
	whole := func(z []byte) int { return len(z) }
	frame := func(z []byte) int { return len(z) - 16 - (8 + 2*12 + 9) }
	other := jsonText(700)
	for k := 6; k <= maxBitLog(); k++ {
		for _, d := range []int{-4, -2, 0} {
			if k == 6 && d == -4 {
				continue // shorter than a member with one byte
			}
			z, plain := fitting(t, 1<<k+d, zipped, member)
			all = append(all, flipStream{
				name: fmt.Sprintf("our gzip, a member of %d", 1<<k+d), format: "gzip",
				packed: z, plain: plain,
			})
			if d == 0 {
				all = append(all, flipStream{
					name: fmt.Sprintf("our gzip, twice, a member of %d", 1<<k), format: "gzip",
					packed: append(bytes.Clone(z), zipped(other)...), plain: append(bytes.Clone(plain), other...),
				})
			}
		}
		if k == 6 {
			continue // shorter than a table
		}
		z, plain := fitting(t, 16+1<<k, framed, whole)
		all = append(all, flipStream{
			name: fmt.Sprintf("our zstd of %d", len(z)), format: "zstd", packed: z,
			plain: plain,
		})
		all = append(all, flipStream{
			name: fmt.Sprintf("our zstd of %d, twice", len(z)), format: "zstd",
			packed: append(bytes.Clone(z), framed(other)...), plain: append(bytes.Clone(plain), other...),
		})
		z, plain = fitting(t, 1<<k, framed, frame)
		all = append(all, flipStream{
			name: fmt.Sprintf("our zstd, a frame of %d", 1<<k), format: "zstd", packed: z,
			plain: plain,
		})
	}
	return all
}

// foreignGzipStreams returns members with every kind of header.
func foreignGzipStreams(t *testing.T) []flipStream {
	text := jsonText(800)
	pack := func(h gzip.Header, plain []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Header = h
		_, _ = w.Write(plain)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	// blocked returns a member in the form of bgzip, which stores its length minus one.
	blocked := func(plain []byte) []byte {
		z := pack(gzip.Header{Extra: []byte("BC\x02\x00\x00\x00"), OS: 255}, plain)
		binary.LittleEndian.PutUint16(z[16:], uint16(len(z)-1))
		return z
	}
	var std bytes.Buffer
	w, _ := stdgzip.NewWriterLevel(&std, 9)
	w.Name, w.Comment, w.Extra = "name", "comment", []byte("XX\x02\x00ab")
	_, _ = w.Write(text)
	_ = w.Close()
	one := func(name string, packed, plain []byte) flipStream {
		return flipStream{name: "gzip, " + name, format: "gzip", packed: packed, plain: plain}
	}
	twice := append(bytes.Clone(text), text...)
	all := []flipStream{
		one("bare", pack(gzip.Header{OS: 3}, text), text),
		one("name", pack(gzip.Header{Name: "shop.jsonl", OS: 3}, text), text),
		one("all fields", std.Bytes(), text),
		one("two members", append(pack(gzip.Header{Name: "a"}, text), pack(gzip.Header{Name: "b"}, text)...), twice),
		one("members of bgzip", bytes.Join([][]byte{blocked(text), blocked(text), blocked(nil)}, nil), twice),
	}
	migz := func(plain []byte) []byte { return migzMember(t, plain) }
	all = append(all, one("members of MiGz", bytes.Join([][]byte{migz(text), migz(text), migz(nil)}, nil), twice))
	for k := 6; k <= min(maxBitLog(), 14); k++ {
		z, plain := fitting(t, 1<<k, migz, func(z []byte) int { return len(z) })
		all = append(all, one(fmt.Sprintf("of MiGz, a member of %d", 1<<k),
			bytes.Join([][]byte{z, migz(text), migz(nil)}, nil), append(bytes.Clone(plain), text...)))
	}
	for k := 6; k <= min(maxBitLog(), 14); k++ {
		z, plain := fitting(t, 1<<k, blocked, func(z []byte) int { return len(z) })
		all = append(all, one(fmt.Sprintf("of bgzip, a member of %d", 1<<k),
			bytes.Join([][]byte{z, blocked(text), blocked(nil)}, nil), append(bytes.Clone(plain), text...)))
	}
	return all
}

// foreignFlipStreams returns streams of other libraries.
func foreignFlipStreams(t *testing.T) []flipStream {
	text := jsonText(1400)
	through := func(w io.WriteCloser, b *bytes.Buffer) []byte {
		_, err := w.Write(text)
		if e := w.Close(); err != nil || e != nil {
			t.Fatal(err, e)
		}
		return b.Bytes()
	}
	var zl, zs, zb, s, sp, sn bytes.Buffer
	zstdWriter := func(b *bytes.Buffer, o ...zstd.EOption) *zstd.Encoder {
		w, err := zstd.NewWriter(b, o...)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	skip := []byte("\x5f\x2a\x4d\x18\x03\x00\x00\x00abc")
	zst := through(zstdWriter(&zs), &zs)
	e := zstdWriter(nil)
	all := []flipStream{
		{name: "zlib, std", format: "zlib", packed: through(stdzlib.NewWriter(&zl), &zl), plain: text, weak: true},
		{name: "zstd, klauspost", format: "zstd", packed: zst, plain: text},
		{name: "zstd, klauspost, skippable", format: "zstd", packed: append(bytes.Clone(skip), zst...), plain: text},
		{
			name: "zstd, klauspost, best, small window", format: "zstd", plain: text,
			packed: through(zstdWriter(&zb, zstd.WithEncoderLevel(zstd.SpeedBestCompression),
				zstd.WithWindowSize(1<<10)), &zb),
		},
		{
			name: "zstd, klauspost, two frames", format: "zstd", packed: append(bytes.Clone(zst),
				e.EncodeAll(text, nil)...),
			plain: append(bytes.Clone(text), text...),
		},
		{
			name: "s2, klauspost, index", format: "s2", packed: through(s2.NewWriter(&s, s2.WriterAddIndex()), &s),
			plain: text,
		},
		{
			name: "s2, klauspost, padding", format: "s2", packed: through(s2.NewWriter(&sp, s2.WriterPadding(1024)),
				&sp),
			plain: text,
		},
		{
			name: "snappy, klauspost", format: "s2", packed: through(s2.NewWriter(&sn, s2.WriterSnappyCompat()), &sn),
			plain: text,
		},
	}
	// announced returns a frame after a frame with its length, as pzstd writes them.
	announced := func(frame []byte) []byte {
		b := binary.LittleEndian.AppendUint32([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00"), uint32(len(frame)))
		return append(b, frame...)
	}
	size := func(z []byte) int { return len(z) }
	for k := 5; k <= maxBitLog(); k++ {
		z, plain := fitting(t, 1<<k, func(p []byte) []byte { return e.EncodeAll(p, nil) }, size)
		all = append(all,
			flipStream{name: fmt.Sprintf("zstd, skippable, %d", 1<<k), format: "zstd", packed: append(bytes.Clone(skip),
				z...), plain: plain},
			flipStream{
				name: fmt.Sprintf("pzstd, a frame of %d", 1<<k), format: "zstd",
				packed: bytes.Join([][]byte{announced(zst), announced(z), announced(zst)}, nil),
				plain:  bytes.Join([][]byte{text, plain, text}, nil),
			})
	}
	blocks := func(p []byte) []byte {
		var b bytes.Buffer
		w := s2.NewWriter(&b)
		_, _ = w.Write(p)
		_ = w.Close()
		return b.Bytes()
	}
	// Padding and an index. Their changed length leads to the end of a stream after them.
	for k := 7; k <= maxBitLog(); k++ {
		z, plain := fitting(t, 1<<k, blocks, size)
		for what, before := range map[string][]byte{"padding": sp.Bytes(), "index": s.Bytes()} {
			all = append(all, flipStream{
				name: fmt.Sprintf("s2, %s, then %d", what, 1<<k), format: "s2", field: lastS2Chunk(before),
				packed: append(bytes.Clone(before), z...), plain: append(bytes.Clone(text), plain...),
			})
		}
		// An index before the blocks. One or both blocks have the length that a flip adds.
		z, plain = fitting(t, 10+1<<k, blocks, size)
		index := s.Bytes()[lastS2Chunk(s.Bytes()):]
		all = append(all, flipStream{
			name: fmt.Sprintf("s2, index before %d", len(z)-10), format: "s2", field: 10,
			packed: bytes.Join([][]byte{z[:10], index, z[10:], z[10:]}, nil), plain: append(bytes.Clone(plain),
				plain...),
		})
	}
	return all
}

// lastS2Chunk returns the offset of the last chunk of a stream.
func lastS2Chunk(z []byte) int {
	last := 0
	for at := 0; at < len(z); at += 4 + int(z[at+1]) + int(z[at+2])<<8 + int(z[at+3])<<16 {
		last = at
	}
	return last
}

// toolFlipStreams returns streams of the programs on the PATH.
func toolFlipStreams(t *testing.T) []flipStream {
	var all []flipStream
	text := jsonText(2500)
	for _, c := range []struct {
		format string
		args   []string
	}{
		{"gzip", []string{"gzip", "-c"}},
		{"gzip", []string{"gzip", "-9c"}},
		{"gzip", []string{"pigz", "-c"}},
		{"gzip", []string{"pigz", "-ic"}},
		{"zlib", []string{"pigz", "-zc"}},
		{"zstd", []string{"zstd", "-c"}},
		{"zstd", []string{"zstd", "-19c"}},
		{"zstd", []string{"zstd", "--no-content-size", "-c"}},
		{"zstd", []string{"pzstd", "-c"}},
	} {
		path, err := exec.LookPath(c.args[0])
		if err != nil {
			continue
		}
		cmd := exec.Command(path, c.args[1:]...)
		cmd.Stdin = bytes.NewReader(text)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v", c.args, err)
		}
		all = append(all, flipStream{
			name: fmt.Sprintf("%s by %q", c.format, c.args), format: c.format, packed: out, plain: text,
			weak: c.format == "zlib",
		})
	}
	return all
}
