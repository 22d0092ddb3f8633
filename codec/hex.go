package codec

import (
	"context"
	"encoding/hex"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Hex returns a flow that encodes each byte as two hexadecimal digits, in lower case. Its mirror is
// [Unhex].
//
//   - In: byte chunks of any size.
//   - Out: chunks of 64 KiB; the last one is shorter. Ownership is as in [Base64].
//   - Memory: one chunk.
func Hex() stream.Flow[[]byte, []byte] {
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		f := chunkFiller{memory: memory{lent: lent}, ctx: ctx, emit: emit}
		err := guarded.EachLent(ctx, src, func(p []byte) error {
			for len(p) > 0 {
				space, err := f.reserve(2)
				if err != nil {
					return err
				}
				k := min(len(p), len(space)/2)
				f.commit(hex.Encode(space, p[:k]))
				p = p[k:]
			}
			return nil
		})
		if err == nil {
			err = f.flush()
		}
		return err
	})
}
