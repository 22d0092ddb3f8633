package codec

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/s2"

	"github.com/millweir/millweir/stream"
)

// UnS2Options tunes [UnS2]. The zero value is ready to use.
type UnS2Options struct {
	MaxBytes int64 // decompressed bytes in all; 0 means no limit
	MaxRatio int64 // decompressed bytes for each compressed one, looked at beyond 256 MiB of them; 0 means 500, -1 no limit
}

// UnS2 returns a flow that decompresses the S2 format and the Snappy framing format, the mirror of [S2].
//
//   - In: byte chunks of any size. Out: chunks of at most 64 KiB.
//   - Errors: [io.ErrUnexpectedEOF] when the input ends inside a block or is empty; s2.ErrCorrupt; s2.ErrCRC; s2.ErrUnsupported, also
//     for chunks that the format would have skipped, but for padding and an index; [*LimitError]. The format has no end mark: an input that was cut exactly between two blocks, which lie at most 4 MiB apart,
//     cannot be told from a whole one. What must be whole needs an end record inside or a layer such as age outside.
//   - Memory: about 9 MiB at most.
//   - Order and goroutines: fused.
func UnS2(opts *UnS2Options) stream.Flow[[]byte, []byte] {
	var o UnS2Options
	if opts != nil {
		o = *opts
	}
	max, err := newBounds(o.MaxBytes, o.MaxRatio)
	if err != nil {
		return failing[[]byte, []byte](wrap("codec: uns2", err))
	}
	return reading("codec: uns2", max, func(r io.Reader) (io.Reader, error) {
		src := bufio.NewReaderSize(r, chunkSize)
		if _, err := src.Peek(1); err != nil {
			return nil, notEOF(err)
		}
		chunks := &s2Chunks{src: src}
		return &s2Reader{s2.NewReader(chunks), chunks}, nil
	})
}
