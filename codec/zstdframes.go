package codec

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/millweir/millweir/stream"
)

// The seek table's words, https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md.
const (
	seekTableMagic  = 0x184d2a5e // of the skippable frame
	seekableMagic   = 0x8f92eab1 // of its footer
	seekFooter      = 9          // bytes
	maxSeekableSize = 1 << 27    // frames in a table
)

// frame is a packed frame.
type frame struct {
	packed []byte
	size   int // of its content
}

// zstdFrames returns the flow of Zstd with Parallelism n.
func zstdFrames(level, n int) stream.Flow[[]byte, []byte] {
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			enc, err := newZstdEncoder(nil, level, n)
			if err != nil {
				return wrap("codec: zstd", err)
			}
			pack := stream.MapN(n, func(_ context.Context, block []byte) (frame, error) {
				f := frame{enc.EncodeAll(block, make([]byte, 0, 64+len(block)/2)), len(block)}
				freeBlock(block)
				return f, nil
			})
			t := seekTable{}
			if err := guard(ctx, stream.Via2(src, lineBlocks(), pack), func(f frame) error {
				t.add(f)
				return emit(f.packed)
			}); err != nil {
				return err
			}
			if table := t.bytes(); table != nil {
				return emit(table)
			}
			return nil
		})
	})
}

// seekTable is the list of the frames' sizes.
type seekTable struct{ entries []byte }

func (t *seekTable) add(f frame) {
	t.entries = binary.LittleEndian.AppendUint32(t.entries, uint32(len(f.packed)))
	t.entries = binary.LittleEndian.AppendUint32(t.entries, uint32(f.size))
}

// bytes returns the table as a skippable frame, or nil when the format has no room for so many frames.
func (t *seekTable) bytes() []byte {
	n, size := len(t.entries)/8, len(t.entries)+seekFooter
	if n > maxSeekableSize || size > math.MaxUint32 {
		return nil
	}
	b := make([]byte, 0, 8+size)
	b = binary.LittleEndian.AppendUint32(b, seekTableMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = append(b, t.entries...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	b = append(b, 0) // no checksums in the entries: the frames have theirs
	return binary.LittleEndian.AppendUint32(b, seekableMagic)
}
