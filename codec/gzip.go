package codec

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/millweir/millweir/stream"
)

// GzipOptions tunes [Gzip]. The zero value is ready to use.
type GzipOptions struct {
	Level int // 1 (fastest) to 9 (smallest); 0 means 5

	// Parallelism is how many goroutines compress. 0 means none: one member, on the caller's goroutine. With 1 or more the
	// input becomes independent members of about 1 MiB each, which [Gunzip] can read in parallel.
	Parallelism int
}

// Gzip returns a flow that compresses its input into the gzip format (RFC 1952), which every tool reads. Its mirror is [Gunzip].
//
//   - In, out: byte chunks of any size. An empty input makes an empty gzip member, not an empty output.
//   - The same input and level give the same bytes: the header has no time and no name. With Parallelism the bytes are others,
//     but the same for any number of goroutines and however the chunks are cut.
//   - Level 5, the default, writes about 3 % more of typical documents than the standard library does at its default, at more than
//     three times its speed; level 1 is six times as fast, and writes about a seventh more (docs/performance.md). Levels 7 to 9
//     are those of klauspost/compress.
//   - Text without repetitions, as base64 of random bytes, becomes about three quarters of it, whatever the level. What does not
//     compress is stored.
//   - With Parallelism, members are cut behind the last newline within 1 MiB, or at 1 MiB where there is none, and one without
//     content ends the stream. Each header has a checksum and, in its extra field, the member's length and number; the last one
//     has a checksum of all members. By these [Gunzip] finds members that are missing, swapped or repeated, and single bits that
//     are flipped in a header. Any tool that reads several members reads them, gzip from version 1.5 (2012).
//   - Memory: about 1 MiB; with Parallelism n about 5n MiB.
//   - Order and goroutines: fused; with Parallelism n the order is kept, n goroutines compress and one runs the upstream.
func Gzip(opts *GzipOptions) stream.Flow[[]byte, []byte] {
	var o GzipOptions
	if opts != nil {
		o = *opts
	}
	level, err := deflateLevel(o.Level)
	if err != nil {
		return failing[[]byte, []byte](wrap("codec: gzip", err))
	}
	if err := checkParallelism(o.Parallelism); err != nil {
		return failing[[]byte, []byte](wrap("codec: gzip", err))
	}
	if o.Parallelism > 0 {
		return gzipMembers(level, o.Parallelism)
	}
	return Encoder("codec: gzip", func(w io.Writer) (io.WriteCloser, error) { return newGzipWriter(w, level) })
}

// newGzipWriter returns an encoder whose header has been written.
func newGzipWriter(w io.Writer, level int) (io.WriteCloser, error) {
	header := [10]byte{0x1f, 0x8b, 8, 9: 255} // deflate; no time; system unknown
	switch level {
	case 1:
		header[8] = 4 // the fastest
	case maxLevel:
		header[8] = 2 // the smallest
	}
	return newSummed(w, header[:], level, crc32.NewIEEE(), func(sum, size uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, sum), size)
	})
}
