package codec

import (
	"bytes"
	"context"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// JoinDelimited returns a flow that writes the delimiter after every element, the mirror of
// [SplitDelimited].
//
//   - In: records without the delimiter. A record may be empty.
//   - Out: chunks of whole records, of 64 KiB or a little more.
//   - Memory: one chunk, or the longest record if it is longer.
//   - Errors: an [*InputError] with [ErrSyntax] if the delimiter occurs in a record, or across the
//     end of a record and the delimiter after it: the mirror would return another record.
func JoinDelimited(delimiter []byte) stream.Flow[[]byte, []byte] {
	const name = "codec: join delimited"
	if len(delimiter) == 0 {
		return failing[[]byte, []byte](wrap(name, errNoDelimiter))
	}
	sep := bytes.Clone(delimiter)
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		g := gatherer{emit: emit}
		var records, offset int64
		err := guarded.Each(ctx, src, func(p []byte) error {
			records++
			n := len(p) + len(sep)
			if err := g.reserve(n); err != nil {
				return err
			}
			at := len(g.buf)
			g.buf = append(append(g.buf, p...), sep...)
			if i := bytes.Index(g.buf[at:], sep); i < len(p) {
				g.buf = g.buf[:at]
				return wrap(name, &InputError{Record: records, Offset: offset + int64(i), Err: ErrSyntax})
			}
			offset += int64(n)
			return nil
		})
		if err == nil {
			err = g.flush()
		}
		return err
	})
}
