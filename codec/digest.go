package codec

import (
	"context"
	"errors"
	"hash"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// Digest returns a flow that passes its input on and reports its hash, as in Digest(sha256.New,
// func(sum []byte) { … }). Every run opens one hash with open.
//
//   - In, out: the same chunks.
//   - Result: report is called once, on the caller's goroutine, after the upstream has completed
//     and before the stage does. It is not called in a run that fails before or ends early. It may
//     keep sum.
func Digest(open func() hash.Hash, report func(sum []byte)) stream.Flow[[]byte, []byte] {
	if open == nil || report == nil {
		return failing[[]byte, []byte](wrap("codec: digest", errNilFunc))
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		h := open()
		err := guarded.EachAtOnce(ctx, src, func(p []byte) error {
			if _, err := h.Write(p); err != nil {
				return wrap("codec: digest", err)
			}
			return emit(p)
		})
		if err == nil {
			report(h.Sum(nil))
		}
		return err
	})
}

var errNilFunc = errors.New("a function is nil")
