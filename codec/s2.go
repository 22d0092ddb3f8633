package codec

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"

	"github.com/millweir/millweir/stream"
)

// S2Options tunes [S2]. The zero value is ready to use.
type S2Options struct {
	Level  int  // 1 (fastest) to 3 (smallest); 0 means 1
	Snappy bool // write what readers of the Snappy framing format understand; a little larger
}

// S2 returns a flow that compresses its input into the S2 format, an extension of the Snappy framing format
// (https://github.com/google/snappy/blob/main/framing_format.txt), or into that. It is very fast and compresses little. Its mirror is [UnS2].
//
//   - In, out: byte chunks of any size. An empty input makes a stream of no blocks, not an empty output.
//   - Every block carries its checksum. The same input and options give the same bytes.
//   - Memory: about 3 MiB.
//   - Order and goroutines: fused.
func S2(opts *S2Options) stream.Flow[[]byte, []byte] {
	var o S2Options
	if opts != nil {
		o = *opts
	}
	options := []s2.WriterOption{s2.WriterConcurrency(1)}
	switch o.Level {
	case 0, 1:
	case 2:
		options = append(options, s2.WriterBetterCompression())
	case 3:
		options = append(options, s2.WriterBestCompression())
	default:
		return failing[[]byte, []byte](wrap("codec: s2", fmt.Errorf("%w: %d is not 1 to 3", errLevel, o.Level)))
	}
	magic := s2Magic
	if o.Snappy {
		options = append(options, s2.WriterSnappyCompat())
		magic = snappyMagic
	}
	return Writer("codec: s2", func(w io.Writer) (io.WriteCloser, error) {
		return &s2Writer{Writer: s2.NewWriter(w, options...), w: w, magic: magic}, nil
	})
}

// The chunks that begin a stream.
const (
	s2Magic     = "\xff\x06\x00\x00S2sTwO"
	snappyMagic = "\xff\x06\x00\x00sNaPpY"
)

// s2Writer begins a stream also when nothing was written.
type s2Writer struct {
	*s2.Writer
	w     io.Writer
	magic string
	wrote bool
}

// Write implements [io.Writer].
func (z *s2Writer) Write(p []byte) (int, error) {
	z.wrote = z.wrote || len(p) > 0
	return z.Writer.Write(p)
}

// Close implements [io.Closer].
func (z *s2Writer) Close() error {
	err := z.Writer.Close()
	if err == nil && !z.wrote {
		_, err = io.WriteString(z.w, z.magic)
	}
	return err
}
