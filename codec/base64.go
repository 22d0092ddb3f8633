package codec

import (
	"encoding/base64"
	"io"

	"github.com/millweir/millweir/stream"
)

// Base64Options tunes [Base64] and [Unbase64]. The zero value is ready to use.
type Base64Options struct {
	URL       bool // the alphabet for URLs and file names (RFC 4648 section 5)
	NoPadding bool // no = at the end
}

// Base64 returns a flow that writes its input as base64 (RFC 4648), without newlines. Its mirror is [Unbase64].
//
// In, out: byte chunks of any size. Fused; it holds one chunk.
func Base64(opts *Base64Options) stream.Flow[[]byte, []byte] {
	enc := opts.encoding()
	return Writer("codec: base64", func(w io.Writer) (io.WriteCloser, error) { return base64.NewEncoder(enc, w), nil })
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
