package codec

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"

	"github.com/millweir/millweir/stream"
)

// UnS2Options tunes [UnS2]. The zero value is ready to use.
type UnS2Options struct {
	MaxBytes int64 // decompressed bytes in total; 0 means 16 TiB, -1 no limit
	MaxRatio int64 // decompressed bytes per compressed byte, after 256 MiB; 0 means 200,000, -1 no limit

	// Parallelism is the number of goroutines that decompress. 0 means the number of
	// [stream.WithParallelism], by default none; -1 and 1 mean none.
	Parallelism int
}

// UnS2 returns a flow that decompresses the S2 format and the Snappy framing format, the mirror of
// [S2].
//
//   - In: byte chunks of any size.
//   - Out: one chunk for each block, of at most 4 MiB.
//   - Memory: twice the block, at most 8 MiB; with Parallelism n about 6n MiB for the output of S2,
//     and at most 24n MiB.
//   - Goroutines: with Parallelism n, n goroutines decompress and one runs the upstream. The order
//     is kept.
//   - Errors: [io.ErrUnexpectedEOF] if the input is empty, has no block, ends inside a chunk, or
//     lacks the end mark that S2 writes; [ErrSyntax] if blocks of S2 are missing, swapped or
//     repeated; s2.ErrCorrupt and s2.ErrCRC for damage; s2.ErrUnsupported for an unknown chunk
//     type, even one that the format allows to skip; a [*FormatError] for another format;
//     [ErrTrailing] if other data follows the end; [*LimitError].
//   - Limits: streams of other writers have no end mark, so one that was cut between two blocks
//     looks complete. To detect that, put an end record inside or a layer such as age outside.
func UnS2(opts *UnS2Options) stream.Flow[[]byte, []byte] {
	const name = "codec: uns2"
	o := valueOf(opts)
	max, err := newBounds(o.MaxBytes, o.MaxRatio)
	if err != nil {
		return failing[[]byte, []byte](wrap(name, err))
	}
	return byParallelism(name, o.Parallelism, func(w workers) bytesFlow {
		return unpackFlow(name, max, w, splitS2, unpackS2)
	})
}

// splitS2 emits the blocks of a stream, each with its header.
func splitS2(in *input, emit func(*unit) error) error {
	c := s2BlockReader{src: bufio.NewReaderSize(in, chunkSize)}
	for {
		u, err := c.next()
		switch {
		case err == io.EOF: //nolint:errorlint // the cutter's own end
			return in.expectEnd()
		case err != nil:
			return in.fail(err)
		}
		if err := emit(u); err != nil {
			return err
		}
	}
}

// s2BlockReader reads the chunks of a stream.
type s2BlockReader struct {
	src      *bufio.Reader
	maxBlock int  // bytes in a block; 0 before the stream has begun
	nonEmpty bool // a block or a mark has followed the beginning of the stream
	seq      s2Sequence
}

// next returns the next block, or io.EOF.
func (c *s2BlockReader) next() (*unit, error) {
	for {
		head, err := c.src.Peek(4)
		switch {
		case len(head) == 0 && errors.Is(err, io.EOF) && c.nonEmpty && !c.seq.open:
			return nil, io.EOF
		case len(head) == 0 && errors.Is(err, io.EOF) && c.maxBlock == 0:
			return nil, newFormatError(TypeS2, nil, io.ErrUnexpectedEOF)
		case len(head) > 0 && c.maxBlock == 0 && string(head) != s2Magic[:len(head)]:
			head, _ = c.src.Peek(SniffSize)
			return nil, newFormatError(TypeS2, head, s2.ErrCorrupt)
		case len(head) > 0 && c.seq.ended && !isS2ChunkType(head[0]):
			return nil, trailingError(c.src)
		case err != nil:
			return nil, notEOF(err)
		}
		kind, size := head[0], int(head[1])|int(head[2])<<8|int(head[3])<<16
		if err := c.check(kind, size); err != nil {
			return nil, err
		}
		if kind == s2Padding || kind == s2Index {
			if err := skipS2(c.src, kind, size); err != nil {
				return nil, notEOF(err)
			}
			continue
		}
		chunk, err := appendN(make([]byte, 0, min(4+size, 2*blockSize)), c.src, 4+size)
		if err != nil {
			return nil, notEOF(err)
		}
		switch body := chunk[4:]; kind {
		case s2Identifier:
			err = c.begin(string(chunk))
		case s2Mark:
			c.nonEmpty = true
			err = c.seq.mark(body)
		default:
			c.nonEmpty = true
			c.seq.add(binary.LittleEndian.Uint32(body))
			n, err := c.length(kind, body[4:])
			return &unit{packed: chunk, size: n}, err
		}
		if err != nil {
			return nil, err
		}
	}
}

// isS2ChunkType reports whether UnS2 reads chunks of this type.
func isS2ChunkType(kind byte) bool {
	switch kind {
	case s2Compressed, s2Uncompressed, s2Mark, s2Index, s2Padding, s2Identifier:
		return true
	}
	return false
}

// check returns an error if a chunk of this type and size may not come next.
func (c *s2BlockReader) check(kind byte, size int) error {
	switch {
	case c.maxBlock == 0 && kind != s2Identifier:
		return s2.ErrCorrupt
	case c.seq.ended && (kind <= s2Uncompressed || kind == s2Mark):
		return fmt.Errorf("%w: blocks behind the end of a stream", ErrSyntax)
	case kind <= s2Uncompressed:
		// If a block is incompressible, an encoder may make it larger by a sixth.
		if size < 4 || size > 4+32+c.maxBlock+c.maxBlock/6 {
			return s2.ErrCorrupt
		}
		return nil
	case kind == s2Identifier, kind == s2Mark:
		if size > s2EndSize {
			return s2.ErrCorrupt
		}
		return nil
	case kind == s2Padding, kind == s2Index:
		return nil
	}
	return fmt.Errorf("%w: a chunk of type %#x", s2.ErrUnsupported, kind)
}

// begin processes the chunk that begins a stream: the first stream or a later one.
func (c *s2BlockReader) begin(chunk string) error {
	switch chunk {
	case s2Magic:
		c.maxBlock = maxS2Block
	case snappyMagic:
		c.maxBlock = snappyBlock
	default:
		return s2.ErrCorrupt
	}
	if c.seq.open {
		return fmt.Errorf("%w: a stream within another", ErrSyntax)
	}
	c.nonEmpty, c.seq.ended = false, false
	return nil
}

// length returns the unpacked length of a block.
func (c *s2BlockReader) length(kind byte, body []byte) (int, error) {
	n := len(body)
	if kind == s2Compressed {
		var err error
		if n, err = s2.DecodedLen(body); err != nil {
			return 0, err
		}
	}
	if n > c.maxBlock {
		return 0, s2.ErrCorrupt
	}
	return n, nil
}

// unpackS2 returns the content of a block.
func unpackS2(u *unit) ([]byte, error) {
	body := u.packed[8:]
	plain := body[:len(body):len(body)]
	if u.packed[0] == s2Compressed {
		var err error
		if plain, err = s2.Decode(make([]byte, u.size), body); err != nil {
			return nil, err
		}
	}
	if s2Sum(plain) != binary.LittleEndian.Uint32(u.packed[4:]) {
		return nil, s2.ErrCRC
	}
	return plain, nil
}
