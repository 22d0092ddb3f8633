package codec

import (
	"context"
	"errors"
	"hash"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// Digest returns a flow that passes its input on and reports its hash. Every run opens a hash of its own with open, as in
// Digest(sha256.New, func(sum []byte) { … }).
//
//   - In, out: the same chunks.
//   - report is called once, when the upstream has completed, before the run goes on downstream; in a run that fails before that or
//     ends early it is not called. What it is given is its own.
//   - Order and goroutines: fused; report is called on the caller's goroutine.
func Digest(open func() hash.Hash, report func(sum []byte)) stream.Flow[[]byte, []byte] {
	if open == nil || report == nil {
		return failing[[]byte, []byte](wrap("codec: digest", errNilFunc))
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		h := open()
		err := guarded.Each(ctx, src, func(p []byte) error {
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
