package codec

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"

	"github.com/millweir/millweir/stream"
)

// Unbase64 returns a flow that reads base64 (RFC 4648), the mirror of [Base64]. Newlines (CR, LF) are passed over.
//
//   - In, out: byte chunks of any size.
//   - Memory: the chunk in hand.
//   - Order and goroutines: fused.
//   - Errors: an [*InputError] with the offset: [ErrSyntax], also for letters behind the padding and for bits that the last letters
//     leave over and are not zero; [io.ErrUnexpectedEOF] when the input ends within a group of letters.
func Unbase64(opts *Base64Options) stream.Flow[[]byte, []byte] {
	enc := opts.encoding().Strict()
	raw := opts != nil && opts.NoPadding
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			d := base64Reader{enc: enc, emit: emit}
			err := guard(ctx, src, d.chunk)
			switch {
			case err != nil || len(d.held) == 0:
			case !raw || len(d.held) == 1:
				err = d.fail(d.base, io.ErrUnexpectedEOF)
			default:
				err = d.decode(d.held, d.at)
			}
			return err
		})
	})
}

// base64Reader is one run of Unbase64. The decoder of the standard library's streams finds other errors when chunks are cut otherwise.
type base64Reader struct {
	enc   *base64.Encoding
	emit  func([]byte) error
	held  []byte  // the letters of a group that goes on in the next chunk
	at    []int64 // where they stood
	base  int64   // offset of the chunk in hand
	ended bool    // by padding
}

// chunk decodes the groups that end in p.
func (d *base64Reader) chunk(p []byte) error {
	letters, at := d.held, d.at
	if len(letters) == 0 && bytes.IndexByte(p, '\n') < 0 && bytes.IndexByte(p, '\r') < 0 {
		letters, at = p, nil // as it is: a letter's offset is its index
	} else {
		for i, c := range p {
			if c != '\n' && c != '\r' {
				letters, at = append(letters, c), append(at, d.base+int64(i))
			}
		}
	}
	whole := len(letters) / 4 * 4
	rest := letters[whole:]
	if err := d.decode(letters[:whole], at); err != nil {
		return err
	}
	if d.ended && len(rest) > 0 {
		return d.fail(d.offset(at, whole), ErrSyntax)
	}
	var restAt []int64
	for i := range rest {
		restAt = append(restAt, d.offset(at, whole+i))
	}
	d.held, d.at = append([]byte(nil), rest...), restAt
	d.base += int64(len(p))
	return nil
}

// offset returns the place in the stream of the i-th letter in hand.
func (d *base64Reader) offset(at []int64, i int) int64 {
	if at == nil {
		return d.base + int64(i)
	}
	return at[i]
}

// decode emits what whole groups mean.
func (d *base64Reader) decode(letters []byte, at []int64) error {
	if len(letters) == 0 {
		return nil
	}
	if d.ended {
		return d.fail(d.offset(at, 0), ErrSyntax)
	}
	plain := make([]byte, d.enc.DecodedLen(len(letters)))
	n, err := d.enc.Decode(plain, letters)
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		return d.fail(d.offset(at, min(int(corrupt), len(letters)-1)), ErrSyntax)
	}
	d.ended = letters[len(letters)-1] == '='
	return d.emit(plain[:n:n])
}

func (d *base64Reader) fail(offset int64, err error) error {
	return wrap("codec: unbase64", &InputError{Offset: offset, Err: err})
}
