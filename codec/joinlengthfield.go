package codec

import (
	"context"
	"encoding/binary"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// JoinLengthField returns a flow that writes every element with its length before it, the mirror of
// [SplitLengthField].
//
//   - In: frames. A frame may be empty.
//   - Out: chunks of whole frames, of 64 KiB or a little more.
//   - Memory: one chunk, or the longest frame if it is longer.
//   - Errors: an [*InputError] with [ErrTooLong] for a frame that is longer than MaxLength or than
//     its length field can express.
func JoinLengthField(opts *LengthFieldOptions) stream.Flow[[]byte, []byte] {
	const name = "codec: join length field"
	o, err := opts.fill()
	if err != nil {
		return failing[[]byte, []byte](wrap(name, err))
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		g := gatherer{emit: emit}
		var frames, offset int64
		err := guarded.Each(ctx, src, func(p []byte) error {
			frames++
			if uint64(len(p)) > o.max() {
				return wrap(name, &InputError{Record: frames, Offset: offset, Err: ErrTooLong})
			}
			n := o.Size + len(p)
			offset += int64(n)
			if err := g.reserve(n); err != nil {
				return err
			}
			var b [8]byte
			if o.LittleEndian {
				binary.LittleEndian.PutUint64(b[:], uint64(len(p)))
				g.buf = append(g.buf, b[:o.Size]...)
			} else {
				binary.BigEndian.PutUint64(b[:], uint64(len(p)))
				g.buf = append(g.buf, b[8-o.Size:]...)
			}
			g.buf = append(g.buf, p...)
			return nil
		})
		if err == nil {
			err = g.flush()
		}
		return err
	})
}
