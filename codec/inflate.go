package codec

import (
	"bufio"
	"errors"
	"io"

	"github.com/millweir/millweir/internal/inflate"
	"github.com/millweir/millweir/stream"
)

// InflateOptions tunes [Inflate] and [Unzlib]. The zero value is ready to use.
type InflateOptions struct {
	MaxBytes int64 // decompressed bytes in total; 0 means 16 TiB, -1 no limit
	MaxRatio int64 // decompressed bytes per compressed byte, after 256 MiB; 0 means 200,000, -1 no limit
}

// Inflate returns a flow that decompresses one raw deflate stream (RFC 1951), the mirror of
// [Deflate].
//
//   - In: byte chunks of any size.
//   - Out: chunks of at most 64 KiB.
//   - Memory: about 250 KiB.
//   - Errors: [io.ErrUnexpectedEOF] if the input is empty or ends early; [ErrTrailing];
//     flate.CorruptInputError of compress/flate; [*LimitError].
//   - Limits: the format has no checksum, so most damage passes without an error.
func Inflate(opts *InflateOptions) stream.Flow[[]byte, []byte] {
	return inflateFlow("codec: inflate", opts, func(r *bufio.Reader) (io.Reader, error) {
		d := new(inflate.Reader)
		d.Reset(r)
		return d, nil
	})
}

// inflateFlow returns a flow over a decoder that reads no byte after its end from its bufio.Reader.
func inflateFlow(name string, opts *InflateOptions, open func(*bufio.Reader) (io.Reader, error)) stream.Flow[[]byte,
	[]byte] {
	o := valueOf(opts)
	max, err := newBounds(o.MaxBytes, o.MaxRatio)
	if err != nil {
		return failing[[]byte, []byte](wrap(name, err))
	}
	return lazyDecoder(name, max, func(r io.Reader) (io.Reader, error) {
		src := bufio.NewReaderSize(r, chunkSize)
		d, err := open(src)
		if err != nil {
			return nil, notEOF(err)
		}
		return &singleStream{d, src}, nil
	})
}

// singleStream is a decoder of one stream. Nothing may follow its end.
type singleStream struct {
	d   io.Reader
	src *bufio.Reader
}

// Read implements [io.Reader].
func (s *singleStream) Read(p []byte) (int, error) {
	n, err := s.d.Read(p)
	if err == io.EOF { //nolint:errorlint // the decoder's own end
		switch _, e := s.src.Peek(1); {
		case e == nil:
			err = trailingError(s.src)
		case !errors.Is(e, io.EOF):
			err = e
		}
	}
	return n, err
}
