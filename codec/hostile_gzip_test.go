package codec_test

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/stream"
)

// emptyMember is a gzip member without content.
const emptyMember = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// hostileGzip are gzip, zlib and deflate streams.
var hostileGzip = []hostile.Row{
	{
		Name: "gzip: 1 GiB of zeros, limit 1 MiB",
		Run:  bomb(codec.Gzip(nil), codec.Gunzip(&codec.GunzipOptions{MaxBytes: 1 << 20}), 1<<30),
		Want: hostile.As[*codec.LimitError](),
	},
	{
		Name: "gzip: 1 GiB of zeros, ratio of 500",
		Run:  bomb(codec.Gzip(nil), codec.Gunzip(&codec.GunzipOptions{MaxRatio: 500}), 1<<30),
		Want: hostile.As[*codec.LimitError](),
	},
	{
		Name: "gzip: 1 GiB of zeros, no limit that it meets", Run: bomb(codec.Gzip(nil), codec.Gunzip(nil), 1<<30),
		Want: hostile.Success, MaxMemory: 96 << 20, // 58 to 64 MiB, most of it the compressor's
	},
	{Name: "gzip: 1 GiB of zeros in gzip in gzip, limit 1 MiB", Run: nested(3), Want: hostile.As[*codec.LimitError]()},
	{
		Name: "gzip: 16 MiB of empty members", Run: sent(codec.Gunzip(nil), filled("", emptyMember, 16<<20, "")),
		Want: hostile.Success,
	},
	{Name: "gzip: 16 MiB of empty members, in parallel", Run: sent(codec.Gunzip(&codec.GunzipOptions{Parallelism: 4}),
		filled("", emptyMember, 16<<20, "")), Want: hostile.Success},
	{
		Name: "gzip: 64 MiB of empty stored blocks",
		Run:  sent(codec.Gunzip(nil), filled(emptyMember[:10], "\x00\x00\x00\xff\xff", 64<<20, "")),
		Want: hostile.Is(io.ErrUnexpectedEOF),
	},
	{Name: "gzip: a name of 256 MiB", Run: sent(codec.Gunzip(nil), filled("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff",
		"n", 256<<20, ""))},
	{Name: "gzip: a comment of 256 MiB", Run: sent(codec.Gunzip(nil), filled("\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\xff",
		"c", 256<<20, ""))},
	{Name: "gzip: an extra field that is cut", Run: decoded(codec.Gunzip(nil),
		[]byte("\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\xff\xffabc")), Want: hostile.Is(io.ErrUnexpectedEOF)},
	{
		Name: "gzip: a reserved block", Run: decoded(codec.Gunzip(nil), []byte(emptyMember[:10]+"\x07")),
		Want: hostile.As[flate.CorruptInputError](),
	},
	{Name: "gzip: a reserved method", Run: decoded(codec.Gunzip(nil),
		[]byte("\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\xff")), Want: hostile.Is(gzip.ErrHeader)},
	{Name: "gzip: a wrong length at the end", Run: decoded(codec.Gunzip(nil),
		[]byte(emptyMember[:16]+"\x01\x00\x00\x00")), Want: hostile.Is(gzip.ErrChecksum)},
	{Name: "gzip: 256 MiB of padding", Run: sent(codec.Gunzip(&codec.GunzipOptions{AllowPadding: true}),
		filled(emptyMember, "\x00", 256<<20, "")), Want: hostile.Success},
	{
		Name: "gzip: something after the end", Run: decoded(codec.Gunzip(nil), []byte(emptyMember+"x")),
		Want: hostile.Is(codec.ErrTrailing),
	},
	{
		Name: "gzip: members that say they have 16 MiB, in parallel",
		Run:  sent(codec.Gunzip(&codec.GunzipOptions{Parallelism: 4}), lyingMember), Want: hostile.Class(stream.Data),
	},
	{
		Name: "gzip: members of bgzip that say they have 16 MiB, in parallel",
		Run: func(t *testing.T, ctx context.Context) error {
			m := bgzipMember(t, []byte("a"))
			copy(m[len(m)-4:], "\x00\x00\x00\x01")
			return sent(codec.Gunzip(&codec.GunzipOptions{Parallelism: 8}), filled("", string(m), 16<<20, ""))(t, ctx)
		},
		Want: hostile.Is(gzip.ErrChecksum), MaxMemory: 32 << 20,
	},
	{
		Name: "gzip: a member of MiGz that says it has 16 MiB, cut",
		Run: func(t *testing.T, ctx context.Context) error {
			m := migzMember(t, []byte("a"))
			copy(m[16:], "\x00\x00\xff\x00")
			return decoded(codec.Gunzip(&codec.GunzipOptions{Parallelism: 8}), m)(t, ctx)
		},
		Want: hostile.Is(io.ErrUnexpectedEOF), MaxMemory: 40 << 20,
	},
	{
		Name: "gzip: a member of MiGz that says it has 4 GiB",
		Run: func(t *testing.T, ctx context.Context) error {
			m := migzMember(t, []byte("a"))
			copy(m[16:], "\xff\xff\xff\xff")
			return decoded(codec.Gunzip(&codec.GunzipOptions{Parallelism: 8}), m)(t, ctx)
		},
		Want: hostile.Is(codec.ErrSyntax), MaxMemory: 32 << 20,
	},
	{Name: "gzip: nothing at all", Run: decoded(codec.Gunzip(nil)), Want: hostile.As[*codec.FormatError]()},
	{
		Name: "zlib: 1 GiB of zeros, limit 1 MiB",
		Run:  bomb(codec.Zlib(nil), codec.Unzlib(&codec.InflateOptions{MaxBytes: 1 << 20}), 1<<30),
		Want: hostile.As[*codec.LimitError](),
	},
	{
		Name: "zlib: a dictionary", Run: decoded(codec.Unzlib(nil), []byte("\x78\x20\x00\x00\x00\x00")),
		Want: hostile.Is(zlib.ErrDictionary),
	},
	{
		Name: "zlib: a window of 64 KiB", Run: decoded(codec.Unzlib(nil), []byte("\x88\x1c")),
		Want: hostile.Is(zlib.ErrHeader),
	},
	{
		Name: "deflate: 1 GiB of zeros, ratio of 500",
		Run:  bomb(codec.Deflate(nil), codec.Inflate(&codec.InflateOptions{MaxRatio: 500}), 1<<30),
		Want: hostile.As[*codec.LimitError](),
	},
	{
		Name: "deflate: a match before the beginning", Run: decoded(codec.Inflate(nil), []byte("\x03\x02\x00")),
		Want: hostile.As[flate.CorruptInputError](),
	},
	{Name: "deflate: cut", Run: decoded(codec.Inflate(nil), []byte("\x00\xff")), Want: hostile.Is(io.ErrUnexpectedEOF)},
}

// bomb returns a run that packs n zeros and unpacks them, without holding the packed bytes.
func bomb(pack, unpack flow, n int) run {
	return func(t *testing.T, ctx context.Context) error {
		return sent(unpack, func() stream.Source[[]byte] { return pack.Apply(filled("", "\x00", n, "")()) })(t, ctx)
	}
}

// nested returns a run that packs levels times and unpacks as often, with a limit after each level.
func nested(levels int) run {
	src := func() stream.Source[[]byte] {
		s := filled("", "\x00", 1<<30, "")()
		for range levels {
			s = codec.Gzip(nil).Apply(s)
		}
		return s
	}
	unpack := codec.Gunzip(&codec.GunzipOptions{MaxBytes: 1 << 20})
	return sent(stream.Then(stream.Then(unpack, unpack), unpack), src)
}

// lyingMember is a source of the same member again and again. Gzip wrote it with Parallelism, and
// its size was changed to 16 MiB.
func lyingMember() stream.Source[[]byte] {
	data := packed(codec.Gzip(&codec.GzipOptions{Parallelism: 2}), 4<<20)
	copy(data[len(data)-4:], "\x00\x00\x00\x01")
	return inChunks(func(yield func([]byte) bool) {
		for range 64 {
			if !yield(data) {
				return
			}
		}
	})
}
