package codec

import (
	"context"
	"encoding/hex"
	"io"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Unhex returns a flow that decodes hexadecimal digits, in upper or lower case, the mirror of
// [Hex].
//
//   - In, out: byte chunks of any size. Ownership is as in [Base64].
//   - Memory: the current chunk.
//   - Errors: an [*InputError] with the offset: hex.InvalidByteError for a character that is not a
//     digit, [io.ErrUnexpectedEOF] for an odd number of digits.
func Unhex() stream.Flow[[]byte, []byte] {
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		d := hexReader{memory: memory{lent: lent}, emit: emit}
		err := guarded.EachLent(ctx, src, d.chunk)
		if err == nil && len(d.held) > 0 {
			err = d.fail(0, io.ErrUnexpectedEOF)
		}
		return err
	})
}

// hexReader is one run of Unhex.
type hexReader struct {
	memory
	emit   func([]byte) error
	held   []byte // the first digit of a pair that continues in the next chunk
	offset int64  // offset of held, or of the current chunk if held is empty
}

// chunk decodes the pairs that end in p.
func (d *hexReader) chunk(p []byte) error {
	pairs := (len(d.held) + len(p)) / 2
	if pairs == 0 {
		return d.hold(p)
	}
	plain := d.get(pairs)
	n := 0
	if len(d.held) > 0 {
		d.held, p = append(d.held, p[0]), p[1:]
		if err := d.decode(plain[:1], d.held); err != nil {
			return err
		}
		d.held, n = d.held[:0], 1
	}
	digits := len(p) / 2 * 2
	if err := d.decode(plain[n:], p[:digits]); err != nil {
		return err
	}
	if err := d.hold(p[digits:]); err != nil {
		return err
	}
	return d.emit(plain)
}

// decode reads pairs of digits into plain.
func (d *hexReader) decode(plain, digits []byte) error {
	n, err := hex.Decode(plain, digits)
	if err != nil {
		at := 2 * n
		if isHex(digits[at]) {
			at++
		}
		return d.fail(at, hex.InvalidByteError(digits[at]))
	}
	d.offset += int64(len(digits))
	return nil
}

// hold keeps a single digit, if there is one.
func (d *hexReader) hold(p []byte) error {
	if len(p) > 0 && !isHex(p[0]) {
		return d.fail(0, hex.InvalidByteError(p[0]))
	}
	d.held = append(d.held, p...)
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// fail returns err with the position of the i-th byte after the decoded ones.
func (d *hexReader) fail(i int, err error) error {
	return wrap("codec: unhex", &InputError{Offset: d.offset + int64(i), Err: err})
}
