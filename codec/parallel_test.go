package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// TestParallelBytes compares the outputs of one and of many workers and of differently cut input,
// and decodes them with as many workers.
func TestParallelBytes(t *testing.T) {
	same := func(f flow) func(int) flow { return func(int) flow { return f } }
	data := append(jsonText(3<<19), noise(3<<19)...)
	for name, c := range map[string]struct{ pack, unpack func(n int) flow }{
		"gzip": {
			func(n int) flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) },
			func(n int) flow { return codec.Gunzip(&codec.GunzipOptions{Parallelism: n}) },
		},
		"zlib": {func(n int) flow {
			return codec.Zlib(&codec.DeflateOptions{Parallelism: n})
		}, same(codec.Unzlib(nil))},
		"deflate": {func(n int) flow {
			return codec.Deflate(&codec.DeflateOptions{Parallelism: n})
		}, same(codec.Inflate(nil))},
		"zstd": {
			func(n int) flow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) },
			func(n int) flow { return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n, RequireChecksums: true}) },
		},
		"s2": {
			func(n int) flow { return codec.S2(&codec.S2Options{Parallelism: n}) },
			func(n int) flow { return codec.UnS2(&codec.UnS2Options{Parallelism: n}) },
		},
		"snappy": {
			func(n int) flow { return codec.S2(&codec.S2Options{Parallelism: n, Snappy: true}) },
			func(n int) flow { return codec.UnS2(&codec.UnS2Options{Parallelism: n}) },
		},
	} {
		want := must(t)(bytesThrough(c.pack(1), data, 0))
		for n, cut := range map[int]int{1: 4097, 2: 1 << 20, 3: 0, 8: 4097} {
			if got := must(t)(bytesThrough(c.pack(n), data, cut)); !bytes.Equal(got, want) {
				t.Errorf("%s by %d, cut at %d: other bytes", name, n, cut)
			}
			if got, err := bytesThrough(c.unpack(n), want, 50_000); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s by %d: read back %d bytes, %v", name, n, len(got), err)
			}
		}
	}
}

// TestMembersAreWholeLines checks each member by itself.
func TestMembersAreWholeLines(t *testing.T) {
	data := jsonText(5 << 20)
	members, err := through(codec.Gzip(&codec.GzipOptions{Parallelism: 2}), data, 0)
	if err != nil || len(members) < 5 || len(members) > 7 {
		t.Fatalf("%d members, %v", len(members), err)
	}
	var all []byte
	for i, m := range members {
		p := stdGunzip(t, m)
		if last := i == len(members)-1; last != (len(p) == 0) || !last && p[len(p)-1] != '\n' || len(p) > 1<<20 {
			t.Errorf("member %d: %d bytes", i, len(p))
		}
		if n := int(m[16]) | int(m[17])<<8 | int(m[18])<<16 | int(m[19])<<24; string(m[12:14]) != "MW" || n != len(m) ||
			int(m[20]) != i {
			t.Errorf("member %d of %d bytes: field %q says %d", i, len(m), m[12:14], n)
		}
		all = append(all, p...)
	}
	if !bytes.Equal(all, data) {
		t.Error("not the same data")
	}
}

// TestGunzipMixed reads members whose headers have their length, among members without.
func TestGunzipMixed(t *testing.T) {
	ours := must(t)(bytesThrough(codec.Gzip(&codec.GzipOptions{Parallelism: 1}), jsonText(2<<20), 0))
	theirs := stdGzip([]byte("in between"))
	text := string(jsonText(2 << 20))
	for _, c := range []struct{ in, want string }{
		{string(ours) + string(theirs) + string(ours), text + "in between" + text},
		{string(theirs) + string(ours), "in between" + text},
		{string(ours) + string(ours), text + text},
	} {
		for _, n := range []int{1, 2} {
			got, err := bytesThrough(codec.Gunzip(&codec.GunzipOptions{Parallelism: n}), []byte(c.in), 50_000)
			if err != nil || string(got) != c.want {
				t.Errorf("by %d: %d bytes, want %d, %v", n, len(got), len(c.want), err)
			}
		}
	}
	// A wrong length is an error. It must not change the data.
	for _, d := range []int{-1, 1, 100} {
		bad := bytes.Clone(ours)
		n := int(bad[16]) | int(bad[17])<<8 | int(bad[18])<<16
		n += d
		bad[16], bad[17], bad[18] = byte(n), byte(n>>8), byte(n>>16)
		if _, err := bytesThrough(codec.Gunzip(&codec.GunzipOptions{Parallelism: 2}), bad, 0); err == nil {
			t.Errorf("length wrong by %d: no error", d)
		}
	}
}

// headedMember returns the beginning of a member: a header with our field and its checksum.
func headedMember(field []byte, length int) []byte {
	m := append([]byte("\x1f\x8b\x08\x06\x00\x00\x00\x00\x00\xff"), byte(4+len(field)), 0, 'M', 'W', byte(len(field)),
		0)
	m = append(m, field...)
	binary.LittleEndian.PutUint32(m[16:], uint32(length))
	return binary.LittleEndian.AppendUint16(m, uint16(crc32.ChecksumIEEE(m)))
}

// TestGunzipEnds appends other members to a stream that was written in members.
func TestGunzipEnds(t *testing.T) {
	data := jsonText(3 << 20)
	parts, err := through(codec.Gzip(&codec.GzipOptions{Parallelism: 2}), data, 0)
	if err != nil {
		t.Fatal(err)
	}
	last := len(parts) - 1
	end := parts[last]
	member := func(field []byte, deflated string, trailer ...byte) []byte {
		m := headedMember(field, 18+len(field)+len(deflated)+len(trailer))
		return append(append(m, deflated...), trailer...)
	}
	number, sum := append(make([]byte, 4), end[20:24]...), end[24:28]
	other := bytes.Clone(sum)
	other[0]++
	// The letter a, and its CRC-32 and size.
	const a = "\x4b\x04\x00"
	trailer := []byte("\x43\xbe\xb7\xe8\x01\x00\x00\x00")
	for _, c := range []struct {
		what string
		end  []byte
		ok   bool
	}{
		{"the same", end, true},
		{"made by hand", member(append(bytes.Clone(number), sum...), "\x03\x00", make([]byte, 8)...), true},
		{"without a sum", member(number, "\x03\x00", make([]byte, 8)...), false},
		{"another sum", member(append(bytes.Clone(number), other...), "\x03\x00", make([]byte, 8)...), false},
		{"with content", member(append(bytes.Clone(number), sum...), a, trailer...), false},
	} {
		for n := range 4 {
			got, err := bytesThrough(codec.Gunzip(&codec.GunzipOptions{Parallelism: n}),
				append(bytes.Join(parts[:last], nil), c.end...), 50_000)
			switch {
			case c.ok && (err != nil || !bytes.Equal(got, data)):
				t.Errorf("by %d: %s: %d bytes, %v", n, c.what, len(got), err)
			case !c.ok && !errors.Is(err, codec.ErrSyntax):
				t.Errorf("by %d: %s: %v", n, c.what, err)
			}
		}
	}
}

// TestMergedStreamsAreRefused takes turns between two compressed streams, as a merge does. Each
// chunk is a whole member, frame or block, so another decoder could read the mixture.
func TestMergedStreamsAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ pack, unpack func(n int) flow }{
		"gzip": {func(n int) flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) }, gunzipBy},
		"zstd": {
			func(n int) flow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) },
			func(n int) flow { return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}) },
		},
		"s2": {
			func(n int) flow { return codec.S2(&codec.S2Options{Parallelism: n}) },
			func(n int) flow { return codec.UnS2(&codec.UnS2Options{Parallelism: n}) },
		},
	} {
		a, err := through(c.pack(2), jsonText(5<<19), 0)
		b, berr := through(c.pack(2), noise(5<<19), 0)
		if err != nil || berr != nil || len(a) < 3 || len(a) != len(b) {
			t.Fatalf("%s: %d and %d chunks, %v, %v", name, len(a), len(b), err, berr)
		}
		var merged []byte
		for i := range a {
			merged = append(append(merged, a[i]...), b[i]...)
		}
		for _, n := range []int{1, 2} {
			if _, err := bytesThrough(c.unpack(n), merged, 0); stream.ClassOf(err) != stream.Data {
				t.Errorf("%s by %d: %v, want an error of class Data", name, n, err)
			}
		}
	}
}

// TestUnzstdMixed reads frames without the size of their content and skippable frames, in parallel.
func TestUnzstdMixed(t *testing.T) {
	one := string(must(t)(bytesThrough(codec.Zstd(nil), jsonText(300_000), 1000)))
	many := string(must(t)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), jsonText(3<<20), 0)))
	skip := "\x5f\x2a\x4d\x18\x03\x00\x00\x00abc"
	a, b := string(jsonText(300_000)), string(jsonText(3<<20))
	for _, c := range []struct{ in, want string }{
		{one, a},
		{skip + one + skip, a},
		{many + one + skip + many, b + a + b},
	} {
		for _, n := range []int{1, 2} {
			got, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}), []byte(c.in), 50_000)
			if err != nil || string(got) != c.want {
				t.Errorf("by %d: %d bytes, want %d, %v", n, len(got), len(c.want), err)
			}
		}
	}
}

// TestSeekTable parses the table by the definition of the seekable format.
func TestSeekTable(t *testing.T) {
	data := jsonText(3 << 20)
	z := must(t)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), data, 0))
	le := func(p []byte) int64 { return int64(binary.LittleEndian.Uint32(p)) }
	footer := z[len(z)-9:]
	if le(footer[5:]) != 0x8f92eab1 || footer[4] != 0x80 {
		t.Fatalf("footer %x", footer)
	}
	n := le(footer)
	table := z[int64(len(z))-9-12*n-8:]
	if le(table) != 0x184d2a5e || le(table[4:]) != 12*n+9 {
		t.Fatalf("table begins with %x", table[:8])
	}
	d, _ := zstd.NewReader(nil)
	defer d.Close()
	var at, from int64
	for i := range n {
		e := table[8+12*i:]
		plain, err := d.DecodeAll(z[at:at+le(e)], nil)
		if err != nil || !bytes.Equal(plain, data[from:from+le(e[4:])]) {
			t.Fatalf("frame %d: %v", i, err)
		}
		at, from = at+le(e), from+le(e[4:])
	}
	if from != int64(len(data)) || at != int64(len(z)-len(table)) {
		t.Errorf("the table has %d and %d bytes", at, from)
	}
}

// TestParallelMemory has many small members or blocks before large ones, so that the workers hold
// dozens of them. It checks the memory while the downstream takes nothing.
func TestParallelMemory(t *testing.T) {
	const n, small, large, size = 2, 20_000, 300, 4 << 20
	zeros := make([]byte, size)
	// member returns a member without its header.
	member := func(text []byte) []byte {
		m := must(t)(bytesThrough(codec.Deflate(nil), text, 0))
		m = binary.LittleEndian.AppendUint32(m, crc32.ChecksumIEEE(text))
		return binary.LittleEndian.AppendUint32(m, uint32(len(text)))
	}
	tiny, huge := member([]byte("x")), member(zeros)
	var gz []byte
	for i := range small + large {
		m := tiny
		if i >= small {
			m = huge
		}
		field := binary.LittleEndian.AppendUint32(make([]byte, 4), uint32(i))
		gz = append(append(gz, headedMember(field, 26+len(m))...), m...)
	}
	block := func(text []byte) []byte {
		var b bytes.Buffer
		w := s2.NewWriter(&b, s2.WriterBlockSize(size))
		_, _ = w.Write(text)
		_ = w.Close()
		return b.Bytes()[10:]
	}
	s2s := slices.Concat([]byte("\xff\x06\x00\x00S2sTwO"), bytes.Repeat(block([]byte("x")), small),
		bytes.Repeat(block(zeros), large))
	e, _ := zstd.NewWriter(nil, zstd.WithWindowSize(size))
	zst := slices.Concat(bytes.Repeat(e.EncodeAll([]byte("x"), nil), small), bytes.Repeat(e.EncodeAll(zeros, nil),
		large))
	for name, c := range map[string]struct {
		z      []byte
		unpack flow
	}{
		"gzip": {gz, codec.Gunzip(&codec.GunzipOptions{Parallelism: n})},
		"s2":   {s2s, codec.UnS2(&codec.UnS2Options{Parallelism: n})},
		"zstd": {zst, codec.Unzstd(&codec.UnzstdOptions{Parallelism: n})},
	} {
		synctest.Test(t, func(t *testing.T) {
			before, stalled, count := memory(), uint64(0), 0
			boom := errors.New("boom")
			err := stream.Via(pieces(c.z, 4<<10), c.unpack).Each(t.Context(), func([]byte) error {
				if count++; count < small-100 {
					return nil
				}
				synctest.Wait() // until all goroutines are blocked
				stalled = memory()
				return boom
			})
			if !errors.Is(err, boom) {
				t.Fatalf("%s: %v after %d chunks", name, err, count)
			}
			if most := uint64((2*n + 2) * size); stalled > before+most {
				t.Errorf("%s: %d MiB, want at most %d", name, (stalled-before)>>20, most>>20)
			}
		})
	}
}

// memory returns the number of bytes in use.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestUnzstdWithoutContent reads streams of only skippable frames.
func TestUnzstdWithoutContent(t *testing.T) {
	skip := []byte("\x5f\x2a\x4d\x18\x03\x00\x00\x00abc")
	for _, n := range []int{0, 2} {
		for _, z := range [][]byte{skip, append(bytes.Clone(skip), skip...)} {
			_, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}), z, 0)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("by %d: %v", n, err)
			}
			got, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{Parallelism: n, AllowEmpty: true}), z, 0)
			if err != nil || len(got) > 0 {
				t.Errorf("by %d, allowed: %d bytes, %v", n, len(got), err)
			}
		}
		if _, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{Parallelism: n, AllowEmpty: true}), nil,
			0); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("by %d, no bytes: %v", n, err)
		}
	}
}
