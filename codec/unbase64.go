package codec

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Unbase64 returns a flow that decodes base64 (RFC 4648), the mirror of [Base64]. It skips newlines
// (CR, LF).
//
//   - In, out: byte chunks of any size. Ownership is as in [Base64].
//   - Memory: the current chunk and its decoded bytes.
//   - Errors: an [*InputError] with the offset: [ErrSyntax] for an invalid character, for
//     characters after the padding, and if the unused bits of the last character are not zero;
//     [io.ErrUnexpectedEOF] if the input ends inside a group of four characters.
func Unbase64(opts *Base64Options) stream.Flow[[]byte, []byte] {
	enc := opts.encoding().Strict()
	raw := opts != nil && opts.NoPadding
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		d := base64Reader{memory: memory{lent: lent}, enc: enc, emit: emit}
		err := guarded.EachLent(ctx, src, d.chunk)
		switch {
		case err != nil || len(d.held) == 0:
		case !raw || len(d.held) == 1:
			err = d.fail(d.chunkOffset, io.ErrUnexpectedEOF)
		default:
			plain, n := d.get(3), 0
			if n, err = d.decode(plain, base64Text{d.held, d.heldOffsets, 0}); err == nil {
				err = emit(plain[:n:n])
			}
		}
		return err
	})
}

// base64Reader is one run of Unbase64. The stream decoder of encoding/base64 is no alternative: its
// errors depend on how the input is cut.
type base64Reader struct {
	memory
	enc         *base64.Encoding
	emit        func([]byte) error
	held        []byte  // characters of a group that continues in the next chunk
	heldOffsets []int64 // their offsets
	chunkOffset int64   // offset of the current chunk
	padded      bool    // by padding
}

// base64Text is a part of the text without newlines.
type base64Text struct {
	text    []byte
	offsets []int64 // offsets of the characters; nil if they are contiguous
	start   int64   // offset of the first one
}

func (l base64Text) offset(i int) int64 {
	if l.offsets == nil {
		return l.start + int64(i)
	}
	return l.offsets[i]
}

// skip returns the text without the first n characters. The characters must be contiguous.
func (l base64Text) skip(n int) base64Text { return base64Text{l.text[n:], nil, l.start + int64(n)} }

// chunk decodes the groups that end in p.
func (d *base64Reader) chunk(p []byte) error {
	plain, n := d.get((len(d.held)+len(p))/4*3), 0
	lf, cr := indexByteFrom(p, '\n', 0), indexByteFrom(p, '\r', 0)
	for at := 0; at < len(p); {
		end := min(lf, cr)
		k, err := d.line(plain[n:], base64Text{p[at:end], nil, d.chunkOffset + int64(at)})
		if err != nil {
			return err
		}
		n, at = n+k, end+1
		if end == lf {
			lf = indexByteFrom(p, '\n', at)
		} else {
			cr = indexByteFrom(p, '\r', at)
		}
	}
	d.chunkOffset += int64(len(p))
	if n == 0 {
		return nil
	}
	return d.emit(plain[:n:n])
}

// indexByteFrom returns the index of the first c in p at or after from, or len(p).
func indexByteFrom(p []byte, c byte, from int) int {
	if from < len(p) {
		if i := bytes.IndexByte(p[from:], c); i >= 0 {
			return from + i
		}
	}
	return len(p)
}

// line decodes the groups that end in a part of a chunk, and keeps the rest.
func (d *base64Reader) line(plain []byte, in base64Text) (n int, err error) {
	if len(d.held) > 0 {
		k := min(4-len(d.held), len(in.text))
		d.hold(in, k)
		if len(d.held) < 4 {
			return 0, nil
		}
		if n, err = d.decode(plain, base64Text{d.held, d.heldOffsets, 0}); err != nil {
			return 0, err
		}
		in = in.skip(k)
		d.held, d.heldOffsets = d.held[:0], d.heldOffsets[:0]
	}
	whole := len(in.text) / 4 * 4
	rest := in.skip(whole)
	in.text = in.text[:whole]
	k, err := d.decode(plain[n:], in)
	if err == nil && d.padded && len(rest.text) > 0 {
		err = d.fail(rest.offset(0), ErrSyntax)
	}
	if err != nil {
		return 0, err
	}
	d.hold(rest, len(rest.text))
	return n + k, nil
}

// hold keeps the first n characters.
func (d *base64Reader) hold(in base64Text, n int) {
	for i, c := range in.text[:n] {
		d.held, d.heldOffsets = append(d.held, c), append(d.heldOffsets, in.offset(i))
	}
}

// decode decodes whole groups, or the last one, into plain.
func (d *base64Reader) decode(plain []byte, in base64Text) (int, error) {
	if len(in.text) == 0 {
		return 0, nil
	}
	if d.padded {
		return 0, d.fail(in.offset(0), ErrSyntax)
	}
	n, err := d.enc.Decode(plain, in.text)
	if err != nil {
		var corrupt base64.CorruptInputError
		if !errors.As(err, &corrupt) {
			return 0, d.fail(in.offset(0), err)
		}
		return 0, d.fail(in.offset(min(int(corrupt), len(in.text)-1)), ErrSyntax)
	}
	d.padded = in.text[len(in.text)-1] == '='
	return n, nil
}

func (d *base64Reader) fail(offset int64, err error) error {
	return wrap("codec: unbase64", &InputError{Offset: offset, Err: err})
}
