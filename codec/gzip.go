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

	// Parallelism is the number of goroutines that compress. 0 means the number of
	// [stream.WithParallelism], by default none; -1 means none. Without one there is one member.
	// With 1 or more, the input becomes independent members of about 1 MiB, which [Gunzip] can read
	// in parallel.
	Parallelism int
}

// Gzip returns a flow that compresses its input into the gzip format (RFC 1952), which every tool
// reads. Its mirror is [Gunzip].
//
//   - In: byte chunks of any size. An empty input becomes an empty member.
//   - Out: byte chunks of any size. Equal input and level give equal output: the header has no time
//     and no name. Parallelism changes the output, but the number of goroutines and the chunks make
//     no difference.
//   - Levels: 5, the default, writes about 3 % more than the standard library does at its default,
//     for typical documents, at more than three times its speed. Level 1 is six times as fast, and
//     writes about a seventh more (docs/performance.md). Levels 7 to 9 are those of
//     klauspost/compress. Base64 of random bytes shrinks to about three quarters at every level.
//     Incompressible data is stored.
//   - Members: with Parallelism a member ends after the last newline within 1 MiB, or at 1 MiB if
//     there is none, and an empty member ends the stream. The extra field of each header has the
//     member's length and number, and the last header has a checksum of all members, so that
//     [Gunzip] finds members that are missing, swapped or repeated. Each header has a checksum. Any
//     tool that supports several members can read them, such as gzip since version 1.5 (2012).
//   - Memory: about 1 MiB; with Parallelism n about 5n MiB.
//   - Goroutines: with Parallelism n, n goroutines compress and one runs the upstream. The order is
//     kept.
func Gzip(opts *GzipOptions) stream.Flow[[]byte, []byte] {
	o := valueOf(opts)
	return packer{
		name: gzipStage, levels: deflateLevels,
		fused: func(level int) bytesFlow {
			open := func(w io.Writer) (io.WriteCloser, error) { return newGzipWriter(w, level) }
			return lazyEncoder(gzipStage, deflateState, open)
		},
		parallel: gzipMembers,
	}.flow(o.Level, o.Parallelism)
}

const gzipStage = "codec: gzip"

// newGzipWriter returns an encoder whose header has been written.
func newGzipWriter(w io.Writer, level int) (io.WriteCloser, error) {
	header := [10]byte{0x1f, 0x8b, 8, 9: 255} // deflate; no time; system unknown
	switch level {
	case 1:
		header[8] = 4 // the fastest
	case maxDeflateLevel:
		header[8] = 2 // the smallest
	}
	return newChecksummed(w, header[:], level, crc32.NewIEEE(), func(sum, size uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, sum), size)
	})
}
