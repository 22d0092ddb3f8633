package codec

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// Rechunk returns a flow that cuts its input into chunks of exactly n bytes; the last one may be
// shorter.
//
//   - In: byte chunks of any size.
//   - Ownership: chunks that lie within one input chunk share its memory.
//   - Memory: the current chunk and up to 2n bytes.
func Rechunk(n int) stream.Flow[[]byte, []byte] {
	if n < 1 {
		return failing[[]byte, []byte](wrap("codec: rechunk", errors.New("the size is not positive")))
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		var rec recordBuffer
		err := guarded.Each(ctx, src, func(p []byte) error {
			for len(p) > 0 {
				k := n - rec.len()
				if len(p) < k {
					rec.add(p)
					return nil
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				chunk := rec.complete(p[:k])
				p = p[k:]
				if err := emit(chunk[:n:n]); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && rec.len() > 0 {
			err = emit(rec.complete(nil))
		}
		return err
	})
}
