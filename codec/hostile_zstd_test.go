package codec_test

import (
	"io"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/stream"
)

const (
	zstdFrame = "\x28\xb5\x2f\xfd"
	// The upper five bits of a window descriptor are the exponent of a power of two, in KiB.
	window27  = "\x88"
	window31  = "\xa8"
	emptyZstd = zstdFrame + "\x20\x00\x01\x00\x00" // a single segment of 0 bytes
	rleBlock  = "\x02\x00\x10x"                    // 128 KiB of one byte, and not the last block
)

// windowMemory is the limit for a window of 128 MiB, with the garbage that is not collected yet.
const windowMemory = 320 << 20

// hostileZstd are zstd frames.
var hostileZstd = []hostile.Row{
	{
		Name: "zstd: 1 GiB of zeros, limit 1 MiB",
		Run:  bomb(codec.Zstd(nil), codec.Unzstd(&codec.UnzstdOptions{MaxBytes: 1 << 20}), 1<<30),
		Want: hostile.As[*codec.LimitError](),
	},
	{
		Name: "zstd: 1 GiB of zeros, ratio of 500",
		Run:  bomb(codec.Zstd(nil), codec.Unzstd(&codec.UnzstdOptions{MaxRatio: 500}), 1<<30),
		Want: hostile.As[*codec.LimitError](),
	},
	{Name: "zstd: a window of 2^27, filled", Run: sent(codec.Unzstd(nil), filled(zstdFrame+"\x00"+window27, rleBlock,
		4*8192, "\x01\x00\x00")), Want: hostile.Success, MaxMemory: windowMemory},
	{Name: "zstd: a window of 2^27, filled, lent", Run: lentTo(codec.Unzstd(nil), filled(zstdFrame+"\x00"+window27,
		rleBlock, 4*8192, "\x01\x00\x00")), Want: hostile.Success, MaxMemory: 192 << 20},
	{
		Name: "zstd: a window of 2^27 and no block", Run: decoded(codec.Unzstd(nil), []byte(zstdFrame+"\x00"+window27)),
		Want: hostile.Is(io.ErrUnexpectedEOF), MaxMemory: 64 << 20,
	},
	{
		Name: "zstd: windows that grow to 2^27, each filled", Run: sent(codec.Unzstd(nil), growingWindows),
		Want: hostile.Success, MaxMemory: 2 * windowMemory,
	},
	{Name: "zstd: a window of 2^31", Run: sent(codec.Unzstd(nil), filled(zstdFrame+"\x00"+window31, rleBlock, 4*8192,
		"")), Want: hostile.Is(zstd.ErrWindowSizeExceeded), MaxMemory: 64 << 20},
	{
		Name: "zstd: a window of 2^31, in parallel", Run: sent(codec.Unzstd(&codec.UnzstdOptions{Parallelism: 4}),
			filled(zstdFrame+"\x00"+window31, rleBlock, 4*8192, "")), Want: hostile.Is(zstd.ErrWindowSizeExceeded),
		MaxMemory: 64 << 20,
	},
	{
		Name: "zstd: a frame of one segment that says 2^62 bytes", Run: decoded(codec.Unzstd(nil),
			[]byte(zstdFrame+"\xe0\x00\x00\x00\x00\x00\x00\x00\x40"+rleBlock)),
		Want: hostile.Is(zstd.ErrWindowSizeExceeded), MaxMemory: 64 << 20,
	},
	{
		Name: "zstd: frames that say 16 MiB and hold nothing, in parallel",
		Run: sent(codec.Unzstd(&codec.UnzstdOptions{Parallelism: 4}),
			filled("", zstdFrame+"\xa0\x00\x00\x00\x01\x01\x00\x00", 1<<20, "")), Want: hostile.Class(stream.Data),
		MaxMemory: windowMemory,
	},
	{
		Name: "zstd: frames of 16 MiB in 500 bytes, in parallel",
		Run:  sent(codec.Unzstd(&codec.UnzstdOptions{Parallelism: 4}), filledFrames), Want: hostile.Success,
		MaxMemory: 448 << 20,
	},
	{
		Name: "zstd: a dictionary", Run: decoded(codec.Unzstd(nil), []byte(zstdFrame+"\x21\x07\x00\x01\x00\x00")),
		Want: hostile.Class(stream.Data),
	},
	{
		Name: "zstd: 16 MiB of empty frames", Run: sent(codec.Unzstd(nil), filled("", emptyZstd, 16<<20, "")),
		Want: hostile.Success,
	},
	{Name: "zstd: 16 MiB of empty frames, in parallel", Run: sent(codec.Unzstd(&codec.UnzstdOptions{Parallelism: 4}),
		filled("", emptyZstd, 16<<20, "")), Want: hostile.Success},
	{Name: "zstd: 16 MiB of empty blocks", Run: sent(codec.Unzstd(nil), filled(zstdFrame+"\x00\x00", "\x00\x00\x00",
		16<<20, "")), Want: hostile.Is(io.ErrUnexpectedEOF)},
	{
		Name: "zstd: a reserved block", Run: decoded(codec.Unzstd(nil), []byte(zstdFrame+"\x00\x00\x07\x00\x00")),
		Want: hostile.Is(zstd.ErrReservedBlockType),
	},
	{
		Name: "zstd: a block of 2 MiB", Run: decoded(codec.Unzstd(nil), []byte(zstdFrame+"\x00\x00\xfd\xff\xff")),
		Want: hostile.Is(zstd.ErrReservedBlockType),
	},
	{
		Name: "zstd: a skippable frame of 4 GiB that is cut after 256 MiB",
		Run:  sent(codec.Unzstd(nil), filled("\x50\x2a\x4d\x18\xff\xff\xff\xff", "s", 256<<20, "")),
		Want: hostile.Is(io.ErrUnexpectedEOF), MaxMemory: 64 << 20,
	},
	{
		Name: "zstd: nothing but skippable frames",
		Run:  sent(codec.Unzstd(nil), filled("", "\x50\x2a\x4d\x18\x00\x00\x00\x00", 8<<20, "")),
		Want: hostile.Is(io.ErrUnexpectedEOF),
	},
	{
		Name: "zstd: no checksum where one is wanted",
		Run:  decoded(codec.Unzstd(&codec.UnzstdOptions{RequireChecksums: true}), []byte(emptyZstd)),
		Want: hostile.Class(stream.Data),
	},
	{
		Name: "zstd: something after the end", Run: decoded(codec.Unzstd(nil), []byte(emptyZstd+"x")),
		Want: hostile.Is(codec.ErrTrailing),
	},
}

// growingWindows is a source of frames. Each fills a larger window than the one before.
func growingWindows() stream.Source[[]byte] {
	return inChunks(func(yield func([]byte) bool) {
		for exponent := range 18 {
			for mantissa := range 8 {
				if exponent == 17 && mantissa > 0 {
					return
				}
				frame := []byte(zstdFrame + "\x00" + string([]byte{byte(exponent<<3 | mantissa)}))
				for range max(1, (1<<(10+exponent))*(8+mantissa)/8>>17) {
					size := min(1<<17, (1<<(10+exponent))*(8+mantissa)/8)
					head := uint32(size)<<3 | 2
					frame = append(frame, byte(head), byte(head>>8), byte(head>>16), 'x')
				}
				if !yield(append(frame, 1, 0, 0)) {
					return
				}
			}
		}
	})
}

// filledFrames is a source of frames of a single segment of 16 MiB of one repeated byte.
func filledFrames() stream.Source[[]byte] {
	frame := []byte(zstdFrame + "\xa0\x00\x00\x00\x01")
	for range 127 {
		frame = append(frame, rleBlock...)
	}
	frame = append(frame, 3, 0, 0x10, 'x')
	return inChunks(func(yield func([]byte) bool) {
		for range 64 {
			if !yield(frame) {
				return
			}
		}
	})
}

const snappyHead = "\xff\x06\x00\x00sNaPpY"

// hostileS2 are streams of S2 and Snappy.
var hostileS2 = []hostile.Row{
	{
		Name: "S2: 1 GiB of zeros, limit 1 MiB",
		Run:  bomb(codec.S2(nil), codec.UnS2(&codec.UnS2Options{MaxBytes: 1 << 20}), 1<<30),
		Want: hostile.As[*codec.LimitError](),
	},
	{Name: "S2: 1 GiB of zeros, ratio of 500", Run: bomb(codec.S2(nil), codec.UnS2(&codec.UnS2Options{MaxRatio: 500}),
		1<<30), Want: hostile.As[*codec.LimitError]()},
	{
		Name: "Snappy: a block that says it has 4 GiB",
		Run:  decoded(codec.UnS2(nil), []byte(snappyHead+"\x00\x09\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x0f")),
	},
	{
		Name: "Snappy: a chunk of 16 MiB that is cut",
		Run:  decoded(codec.UnS2(nil), []byte(snappyHead+"\x00\xff\xff\xff")), Want: hostile.Class(stream.Data),
	},
	{Name: "Snappy: 32 MiB of padding", Run: sent(codec.UnS2(nil), filled(snappyHead, "\xfe\x04\x00\x00abcd", 32<<20,
		"")), Want: hostile.Is(io.ErrUnexpectedEOF)},
	{
		Name: "Snappy: 16 MiB of its beginning", Run: sent(codec.UnS2(nil), filled("", snappyHead, 16<<20, "")),
		Want: hostile.Is(io.ErrUnexpectedEOF),
	},
	{
		Name: "Snappy: a chunk that must not be passed over",
		Run:  decoded(codec.UnS2(nil), []byte(snappyHead+"\x02\x01\x00\x00x")), Want: hostile.Is(s2.ErrUnsupported),
	},
	{
		Name: "Snappy: a wrong checksum",
		Run:  decoded(codec.UnS2(nil), []byte(snappyHead+"\x01\x05\x00\x00\x00\x00\x00\x00x")),
		Want: hostile.Is(s2.ErrCRC),
	},
}
