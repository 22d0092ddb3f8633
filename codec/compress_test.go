package codec_test

import (
	"bytes"
	"compress/flate"
	stdzlib "compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// pair is one way to compress, with its mirror, and someone else's decoder where there is one.
type pair struct {
	name     string
	pack     func() flow
	unpack   func() flow
	other    func([]byte) ([]byte, error)
	sum      bool // damage is found
	cutsPass bool // a cut between blocks passes
	tailPass bool // a tail that looks like a chunk to skip passes
}

func pairs() []pair {
	readZstd := func(p []byte) ([]byte, error) {
		d, err := zstd.NewReader(bytes.NewReader(p))
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return io.ReadAll(d)
	}
	all := []pair{
		{name: "gzip", sum: true, other: kgunzip, pack: func() flow { return codec.Gzip(nil) }, unpack: func() flow { return codec.Gunzip(nil) }},
		{name: "zlib", sum: true, pack: func() flow { return codec.Zlib(nil) }, unpack: func() flow { return codec.Unzlib(nil) }, other: func(p []byte) ([]byte, error) {
			r, err := stdzlib.NewReader(bytes.NewReader(p))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		}},
		{name: "deflate", pack: func() flow { return codec.Deflate(nil) }, unpack: func() flow { return codec.Inflate(nil) }, other: func(p []byte) ([]byte, error) {
			return io.ReadAll(flate.NewReader(bytes.NewReader(p)))
		}},
		{name: "zstd", sum: true, other: readZstd, pack: func() flow { return codec.Zstd(nil) }, unpack: func() flow { return codec.Unzstd(nil) }},
		{name: "s2", sum: true, cutsPass: true, tailPass: true, pack: func() flow { return codec.S2(nil) }, unpack: func() flow { return codec.UnS2(nil) }, other: func(p []byte) ([]byte, error) {
			return io.ReadAll(s2.NewReader(bytes.NewReader(p)))
		}},
		{name: "snappy", sum: true, cutsPass: true, tailPass: true, pack: func() flow { return codec.S2(&codec.S2Options{Snappy: true}) }, unpack: func() flow { return codec.UnS2(nil) }, other: func(p []byte) ([]byte, error) {
			return io.ReadAll(snappy.NewReader(bytes.NewReader(p)))
		}},
	}
	for _, n := range []int{1, 3} {
		all = append(all,
			pair{name: fmt.Sprintf("gzip by %d", n), sum: true, cutsPass: true, other: kgunzip,
				pack:   func() flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) },
				unpack: func() flow { return codec.Gunzip(&codec.GunzipOptions{Parallelism: n}) }},
			pair{name: fmt.Sprintf("zstd by %d", n), sum: true, cutsPass: true, other: readZstd,
				pack:   func() flow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) },
				unpack: func() flow { return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}) }})
	}
	return all
}

func TestCompressionContract(t *testing.T) {
	for _, c := range pairs() {
		if c.name == "gzip" {
			continue // has its own tests
		}
		t.Run(c.name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
				New:   c.pack,
				Steps: 2,
				Many:  20,
				Want: func(t *testing.T, in, out [][]byte) {
					if got, err := c.other(bytes.Join(out, nil)); err != nil || !bytes.Equal(got, bytes.Join(in, nil)) {
						t.Errorf("got %d bytes, %v", len(got), err)
					}
				},
			})
		})
		t.Run("un"+c.name, func(t *testing.T) {
			streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
				New:   c.unpack,
				Steps: 2,
				Many:  10,
				Input: func(n int) [][]byte {
					z := must(t)(bytesThrough(c.pack(), noise(n*3000), 0))
					if n == 0 {
						return [][]byte{z}
					}
					return chunksOf(z, len(z)/n+1)
				},
				Want: func(t *testing.T, in, out [][]byte) {
					if want, err := c.other(bytes.Join(in, nil)); err != nil || !bytes.Equal(bytes.Join(out, nil), want) {
						t.Errorf("not the same, %v", err)
					}
				},
			})
		})
	}
}

func chunksOf(p []byte, size int) [][]byte {
	var all [][]byte
	for len(p) > 0 {
		n := min(size, len(p))
		all = append(all, bytes.Clone(p[:n]))
		p = p[n:]
	}
	return all
}

func TestCompressionEdges(t *testing.T) {
	const mib = 1 << 20
	for _, c := range pairs() {
		for _, size := range []int{0, 1, 2, 1000, 100_000, mib - 1, mib, mib + 1, 2*mib + 5} {
			if strings.Contains(c.name, " by ") == (size == 100_000) && size > 1000 {
				continue
			}
			for kind, data := range map[string][]byte{"text": jsonText(size)[:size], "noise": noise(size), "zeros": make([]byte, size)} {
				z := must(t)(bytesThrough(c.pack(), data, 100_000))
				if got, err := c.other(z); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%s: %s of %d: another decoder reads %d bytes, %v", c.name, kind, size, len(got), err)
				}
				for _, cut := range []int{1, 70_000} {
					if cut == 1 && len(z) > 10_000 {
						continue
					}
					if got, err := bytesThrough(c.unpack(), z, cut); err != nil || !bytes.Equal(got, data) {
						t.Fatalf("%s: %s of %d cut at %d: %d bytes, %v", c.name, kind, size, cut, len(got), err)
					}
				}
				if again := must(t)(bytesThrough(c.pack(), data, 99_991)); !bytes.Equal(again, z) {
					t.Errorf("%s: %s of %d: other bytes in a second run", c.name, kind, size)
				}
			}
		}
	}
}

func TestCompressionTruncated(t *testing.T) {
	for _, c := range pairs() {
		z := must(t)(bytesThrough(c.pack(), jsonText(600), 0))
		passed := 0
		for n := range z {
			for _, cut := range []int{0, 1} {
				_, err := bytesThrough(c.unpack(), z[:n], cut)
				switch {
				case err == nil && c.cutsPass && n > 0:
					passed++
				case !errors.Is(err, io.ErrUnexpectedEOF):
					t.Errorf("%s: %d of %d bytes cut at %d: %v", c.name, n, len(z), cut, err)
				}
			}
		}
		// S2 begins with a chunk of its own, and zstd by n goroutines ends with its table: one place each, tried twice.
		if want := map[string]int{"s2": 2, "snappy": 2, "zstd by 1": 2, "zstd by 3": 2}[c.name]; passed != want {
			t.Errorf("%s: %d cuts passed, want %d", c.name, passed, want)
		}
	}
}

func TestCompressionTrailing(t *testing.T) {
	for _, c := range pairs() {
		z := must(t)(bytesThrough(c.pack(), jsonText(600), 0))
		for _, tail := range []string{"\x00", "\x01\x02\x03\x04\x05\x06\x07\x08", "garbage, and more of it", strings.Repeat("\x00", 512)} {
			for _, cut := range []int{0, 1} {
				if _, err := bytesThrough(c.unpack(), append(bytes.Clone(z), tail...), cut); err == nil {
					t.Errorf("%s: tail %.10q cut at %d: no error", c.name, tail, cut)
				}
			}
		}
	}
}

func TestCompressionDamage(t *testing.T) {
	for _, c := range pairs() {
		data := jsonText(400)
		z := must(t)(bytesThrough(c.pack(), data, 0))
		for i := range z {
			for _, bit := range []byte{1, 0x10, 0x80} {
				bad := bytes.Clone(z)
				bad[i] ^= bit
				got, err := bytesThrough(c.unpack(), bad, 0)
				if err == nil && c.sum && !bytes.Equal(got, data) {
					t.Errorf("%s: byte %d ^ %#x: wrong data without an error", c.name, i, bit)
				}
			}
		}
	}
}

func TestCompressionLimits(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name   string
		pack   flow
		unpack func(bytes, ratio int64) flow
	}{
		{"gzip", codec.Gzip(nil), func(b, r int64) flow { return codec.Gunzip(&codec.GunzipOptions{MaxBytes: b, MaxRatio: r}) }},
		{"gzip by 2", codec.Gzip(&codec.GzipOptions{Parallelism: 2}), func(b, r int64) flow {
			return codec.Gunzip(&codec.GunzipOptions{MaxBytes: b, MaxRatio: r, Parallelism: 2})
		}},
		{"zlib", codec.Zlib(nil), func(b, r int64) flow { return codec.Unzlib(&codec.InflateOptions{MaxBytes: b, MaxRatio: r}) }},
		{"deflate", codec.Deflate(nil), func(b, r int64) flow { return codec.Inflate(&codec.InflateOptions{MaxBytes: b, MaxRatio: r}) }},
		{"zstd", codec.Zstd(nil), func(b, r int64) flow { return codec.Unzstd(&codec.UnzstdOptions{MaxBytes: b, MaxRatio: r}) }},
		{"zstd by 2", codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), func(b, r int64) flow {
			return codec.Unzstd(&codec.UnzstdOptions{MaxBytes: b, MaxRatio: r, Parallelism: 2})
		}},
		{"s2", codec.S2(nil), func(b, r int64) flow { return codec.UnS2(&codec.UnS2Options{MaxBytes: b, MaxRatio: r}) }},
	} {
		z := must(t)(bytesThrough(c.pack, make([]byte, 3*mib), 0))
		for _, l := range []struct {
			bytes int64
			ok    bool
		}{{3*mib - 1, false}, {3 * mib, true}, {0, true}} {
			_, err := bytesThrough(c.unpack(l.bytes, 0), z, 0)
			if (err == nil) != l.ok || !l.ok && !errors.Is(err, codec.ErrLimit) {
				t.Errorf("%s: MaxBytes %d: %v", c.name, l.bytes, err)
			}
		}
		for _, bad := range []flow{c.unpack(-1, 0), c.unpack(0, -2)} {
			if _, err := bytesThrough(bad, z, 0); err == nil {
				t.Errorf("%s: bad limits: no error", c.name)
			}
		}
	}
	// 300 MiB of zeros are a bomb to every format whose ratio can pass 500.
	zeros := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for range 300 {
			if err := emit(make([]byte, mib)); err != nil {
				return err
			}
		}
		return nil
	})
	for name, f := range map[string]flow{
		"zstd":      stream.Join(codec.Zstd(nil), codec.Unzstd(nil)),
		"gzip by 2": stream.Join(codec.Gzip(&codec.GzipOptions{Parallelism: 2}), codec.Gunzip(&codec.GunzipOptions{Parallelism: 2})),
	} {
		if err := drain(stream.Via(zeros, f)); !errors.Is(err, codec.ErrLimit) {
			t.Errorf("%s: bomb: %v", name, err)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for name, f := range map[string]flow{
		"gzip level":         codec.Gzip(&codec.GzipOptions{Level: 10}),
		"gzip parallelism":   codec.Gzip(&codec.GzipOptions{Parallelism: -1}),
		"gunzip parallelism": codec.Gunzip(&codec.GunzipOptions{Parallelism: -1}),
		"zlib level":         codec.Zlib(&codec.DeflateOptions{Level: -1}),
		"deflate level":      codec.Deflate(&codec.DeflateOptions{Level: 10}),
		"zstd level":         codec.Zstd(&codec.ZstdOptions{Level: 23}),
		"zstd parallelism":   codec.Zstd(&codec.ZstdOptions{Parallelism: -1}),
		"unzstd parallelism": codec.Unzstd(&codec.UnzstdOptions{Parallelism: -1}),
		"unzstd window":      codec.Unzstd(&codec.UnzstdOptions{MaxWindow: 1}),
		"unzstd window, big": codec.Unzstd(&codec.UnzstdOptions{MaxWindow: 4 << 30}),
		"s2 level":           codec.S2(&codec.S2Options{Level: 4}),
	} {
		up := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
			t.Errorf("%s: the upstream was started", name)
			return nil
		})
		if err := drain(stream.Via(up, f)); err == nil || !strings.HasPrefix(err.Error(), "codec: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestZstdWindow(t *testing.T) {
	// The header of a frame that wants a window of 256 MiB, and an empty last block.
	bomb := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 0x01, 0x00, 0x00}
	if _, err := bytesThrough(codec.Unzstd(nil), bomb, 0); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("256 MiB: %v", err)
	}
	if _, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{Parallelism: 2}), bomb, 0); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("256 MiB in parallel: %v", err)
	}
	if _, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{MaxWindow: 256 << 20}), bomb, 0); err != nil {
		t.Errorf("256 MiB, allowed: %v", err)
	}
}

func TestZstdChecksums(t *testing.T) {
	for _, o := range []*codec.ZstdOptions{nil, {Parallelism: 2}, {Level: 19}} {
		z := must(t)(bytesThrough(codec.Zstd(o), jsonText(3000), 0))
		var h zstd.Header
		if err := h.Decode(z); err != nil || !h.HasCheckSum {
			t.Errorf("%+v: %+v, %v", o, h, err)
		}
	}
}

// TestParallelBytes compares the output of one worker and of many, and of chunks cut otherwise.
func TestParallelBytes(t *testing.T) {
	for name, f := range map[string]func(n int) flow{
		"gzip": func(n int) flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) },
		"zstd": func(n int) flow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) },
	} {
		data := append(jsonText(5<<20), noise(3<<20)...)
		want := must(t)(bytesThrough(f(1), data, 0))
		for _, n := range []int{1, 2, 7} {
			for _, cut := range []int{0, 4097, 1 << 20} {
				if got := must(t)(bytesThrough(f(n), data, cut)); !bytes.Equal(got, want) {
					t.Errorf("%s by %d, cut at %d: other bytes", name, n, cut)
				}
			}
		}
	}
}

// TestMembersAreWholeLines looks at each member by itself.
func TestMembersAreWholeLines(t *testing.T) {
	data := jsonText(5 << 20)
	members, err := through(codec.Gzip(&codec.GzipOptions{Parallelism: 2}), data, 0)
	if err != nil || len(members) < 5 || len(members) > 7 {
		t.Fatalf("%d members, %v", len(members), err)
	}
	var all []byte
	for i, m := range members {
		p := stdGunzip(t, m)
		if p[len(p)-1] != '\n' || len(p) > 1<<20 {
			t.Errorf("member %d: %d bytes, ends in %q", i, len(p), p[len(p)-1])
		}
		if n := int(m[16]) | int(m[17])<<8 | int(m[18])<<16 | int(m[19])<<24; string(m[12:14]) != "MW" || n != len(m) {
			t.Errorf("member %d of %d bytes: field %q says %d", i, len(m), m[12:14], n)
		}
		all = append(all, p...)
	}
	if !bytes.Equal(all, data) {
		t.Error("not the same data")
	}
}

// TestGunzipMixed reads members that tell their length, among others that do not.
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
	// A length that is wrong is an error, not other data.
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

// TestUnzstdMixed reads frames that do not tell their size, and skippable ones, in parallel.
func TestUnzstdMixed(t *testing.T) {
	one := string(must(t)(bytesThrough(codec.Zstd(nil), jsonText(300_000), 1000)))
	many := string(must(t)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), jsonText(3<<20), 0)))
	skip := "\x5f\x2a\x4d\x18\x03\x00\x00\x00abc"
	a, b := string(jsonText(300_000)), string(jsonText(3<<20))
	for _, c := range []struct{ in, want string }{
		{one, a},
		{skip + one + skip, a},
		{many + one + skip + many, b + a + b},
		{skip, ""},
	} {
		for _, n := range []int{1, 2} {
			got, err := bytesThrough(codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}), []byte(c.in), 50_000)
			if err != nil || string(got) != c.want {
				t.Errorf("by %d: %d bytes, want %d, %v", n, len(got), len(c.want), err)
			}
		}
	}
}

// TestSeekTable reads the table as the seekable format defines it.
func TestSeekTable(t *testing.T) {
	data := jsonText(3 << 20)
	z := must(t)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 2}), data, 0))
	le := func(p []byte) int { return int(p[0]) | int(p[1])<<8 | int(p[2])<<16 | int(p[3])<<24 }
	footer := z[len(z)-9:]
	if le(footer[5:]) != 0x8f92eab1 || footer[4] != 0 {
		t.Fatalf("footer %x", footer)
	}
	n := le(footer)
	table := z[len(z)-9-8*n-8:]
	if le(table) != 0x184d2a5e || le(table[4:]) != 8*n+9 {
		t.Fatalf("table begins with %x", table[:8])
	}
	d, _ := zstd.NewReader(nil)
	defer d.Close()
	at, from := 0, 0
	for i := range n {
		e := table[8+8*i:]
		plain, err := d.DecodeAll(z[at:at+le(e)], nil)
		if err != nil || !bytes.Equal(plain, data[from:from+le(e[4:])]) {
			t.Fatalf("frame %d: %v", i, err)
		}
		at, from = at+le(e), from+le(e[4:])
	}
	if from != len(data) || at != len(z)-len(table) {
		t.Errorf("the table has %d and %d bytes", at, from)
	}
}

// TestCommands has the system's own tools read what we write.
func TestCommands(t *testing.T) {
	data := jsonText(3 << 20)
	for _, c := range []struct {
		tool string
		f    flow
	}{
		{"gzip", codec.Gzip(nil)},
		{"gzip", codec.Gzip(&codec.GzipOptions{Parallelism: 2})},
		{"zstd", codec.Zstd(nil)},
		{"zstd", codec.Zstd(&codec.ZstdOptions{Parallelism: 2})},
	} {
		path, err := exec.LookPath(c.tool)
		if err != nil && os.Getenv("CI") == "true" {
			t.Fatalf("%s is not on the PATH: install the package of that name", c.tool)
		}
		if err != nil {
			t.Skipf("%s is not on the PATH: install the package of that name", c.tool)
		}
		cmd := exec.Command(path, "-dc")
		cmd.Stdin = bytes.NewReader(must(t)(bytesThrough(c.f, data, 0)))
		if got, err := cmd.Output(); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s reads %d bytes, %v", c.tool, len(got), err)
		}
	}
}

func FuzzUnzstd(f *testing.F) {
	f.Add(must(f)(bytesThrough(codec.Zstd(nil), []byte("hello hello hello"), 0)), 1)
	f.Add(must(f)(bytesThrough(codec.Zstd(&codec.ZstdOptions{Parallelism: 1}), jsonText(200), 0)), 0)
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		max := &codec.UnzstdOptions{MaxBytes: 32 << 20, MaxWindow: 8 << 20}
		got, err := bytesThrough(codec.Unzstd(max), z, maxOf(cut, 0))
		max.Parallelism = 2
		par, perr := bytesThrough(codec.Unzstd(max), z, maxOf(cut, 0))
		if (err == nil) != (perr == nil) || err == nil && !bytes.Equal(got, par) {
			t.Fatalf("%d bytes, %v; in parallel %d bytes, %v", len(got), err, len(par), perr)
		}
	})
}

func FuzzGunzipParallel(f *testing.F) {
	f.Add(must(f)(bytesThrough(codec.Gzip(&codec.GzipOptions{Parallelism: 1}), jsonText(200), 0)), 0)
	f.Fuzz(func(t *testing.T, z []byte, cut int) {
		got, err := bytesThrough(codec.Gunzip(nil), z, maxOf(cut, 0))
		par, perr := bytesThrough(codec.Gunzip(&codec.GunzipOptions{Parallelism: 2}), z, maxOf(cut, 0))
		// In parallel the length in the header has to be right too.
		if perr == nil && (err != nil || !bytes.Equal(got, par)) {
			t.Fatalf("%d bytes, %v; in parallel %d bytes, %v", len(got), err, len(par), perr)
		}
	})
}

func maxOf(a, b int) int { return max(a, b) }
