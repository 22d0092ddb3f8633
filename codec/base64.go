package codec

import (
	"context"
	"encoding/base64"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Base64Options tunes [Base64] and [Unbase64]. The zero value is ready to use.
type Base64Options struct {
	URL       bool // the alphabet for URLs and file names (RFC 4648 section 5)
	NoPadding bool // omit the = at the end
}

// Base64 returns a flow that encodes its input as base64 (RFC 4648), without newlines. Its mirror
// is [Unbase64].
//
//   - In: byte chunks of any size.
//   - Out: chunks of 64 KiB; the last one is shorter.
//   - Ownership: the receiver owns a chunk. A receiver that uses [stream.EachLent] gets all of them
//     in the same memory.
//   - Memory: one chunk.
func Base64(opts *Base64Options) stream.Flow[[]byte, []byte] {
	enc := opts.encoding()
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		w := base64Writer{chunkFiller: chunkFiller{memory: memory{lent: lent}, ctx: ctx, emit: emit}, enc: enc}
		err := guarded.EachLent(ctx, src, w.chunk)
		if err == nil {
			err = w.encode(w.held)
		}
		if err == nil {
			err = w.flush()
		}
		return err
	})
}

// base64Writer is one run of Base64.
type base64Writer struct {
	chunkFiller
	enc  *base64.Encoding
	held []byte // at most two bytes of a group of three
}

// chunk encodes the groups that end in p.
func (w *base64Writer) chunk(p []byte) error {
	if len(w.held) > 0 {
		n := min(3-len(w.held), len(p))
		w.held, p = append(w.held, p[:n]...), p[n:]
		if len(w.held) < 3 {
			return nil
		}
		if err := w.encode(w.held); err != nil {
			return err
		}
	}
	whole := len(p) / 3 * 3
	w.held = append(w.held[:0], p[whole:]...)
	return w.encode(p[:whole])
}

// encode writes p: whole groups, or the last one.
func (w *base64Writer) encode(p []byte) error {
	for len(p) > 0 {
		space, err := w.reserve(4)
		if err != nil {
			return err
		}
		k := min(len(p), len(space)/4*3)
		w.enc.Encode(space, p[:k])
		w.commit(w.enc.EncodedLen(k))
		p = p[k:]
	}
	return nil
}

func (o *Base64Options) encoding() *base64.Encoding {
	enc := base64.StdEncoding
	if o == nil {
		return enc
	}
	if o.URL {
		enc = base64.URLEncoding
	}
	if o.NoPadding {
		enc = enc.WithPadding(base64.NoPadding)
	}
	return enc
}
