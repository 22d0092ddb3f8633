package agecodec

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"filippo.io/age/armor"

	"github.com/millweir/millweir/stream"
)

// Dearmor returns a flow that reads an armored age file and emits it in its binary form, the mirror of [Armor]. [Decrypt], [Rewrap]
// and [Inspect] do without it: they see for themselves whether a file is armored.
//
//   - In, out: byte chunks of any size.
//   - The form is strict, as in age: lines of 64 columns, the last one shorter or not; a line ends with LF or CRLF; at most a KiB
//     of white space before and behind. The end of the last line may be missing.
//   - Memory: one chunk, and a KiB.
//   - Order and goroutines: fused.
//   - Errors: [ErrDamaged] with the number of the line, or a codec.FormatError; [ErrTruncated] when the last line is not there. Nothing is authenticated.
func Dearmor() stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		return (&unarmored{name: "agecodec: dearmor", src: src, armored: true}).Each(ctx, emit)
	})
}

// unarmored is one run of src as a binary file, whether src is armored or not.
type unarmored struct {
	name    string // of the stage, for its errors
	src     stream.Source[[]byte]
	armored bool // it must be; or, once the first byte was there, it is
	begun   bool
	armor   dearmorer
}

// Each implements [stream.Source].
func (b *unarmored) Each(ctx context.Context, emit func([]byte) error) error {
	var failed error
	err := b.src.Each(ctx, func(p []byte) error {
		if failed == nil {
			failed = b.push(p, emit)
		}
		return failed
	})
	if err == nil {
		err = failed
	}
	if err == nil && b.armored {
		if err = b.armor.end(); err != nil {
			err = fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return err
}

// push emits what the next bytes of the file are in its binary form. A binary file does not begin with a hyphen or white space.
func (b *unarmored) push(p []byte, emit func([]byte) error) error {
	if !b.begun && len(p) > 0 {
		b.begun = true
		b.armored = b.armored || p[0] == '-' || isSpace(p[0])
	}
	if !b.armored {
		return emit(p)
	}
	p, err := b.armor.push(p)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", b.name, err)
	case len(p) == 0:
		return nil
	}
	return emit(p)
}

const (
	maxSpace = 1024                // bytes of white space before and behind the armor
	maxLine  = maxSpace + len("-") // more than any line that is allowed
)

// dearmorer reads the lines of an armor that arrives in pieces.
type dearmorer struct {
	at    armorPart
	piece []byte // of a line whose end has not come
	space int    // bytes of white space, before or behind
	line  int    // the number of the last whole line
}

type armorPart int

const (
	armorBefore armorPart = iota // the first line is yet to come
	armorBody
	armorShort // the body has ended with a short line
	armorBehind
)

// push takes the next bytes and returns what they decode to, in memory of its own.
func (d *dearmorer) push(p []byte) ([]byte, error) {
	var out []byte
	for len(p) > 0 {
		if d.at == armorBehind {
			if err := d.behind(p); err != nil {
				return nil, err
			}
			break
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			i = len(p)
		}
		if len(d.piece)+i > maxLine {
			if d.at == armorBefore && !allSpace(d.piece) {
				return nil, notAge(d.piece, ErrDamaged)
			}
			return nil, d.damaged("the line is too long")
		}
		line := p[:i]
		if i == len(p) {
			d.piece = append(d.piece, line...)
			break
		}
		if len(d.piece) > 0 {
			line = append(d.piece, line...)
		}
		if out == nil && d.at == armorBody {
			out = make([]byte, 0, (len(line)+len(p)-i)/4*3)
		}
		var err error
		if out, err = d.take(out, line); err != nil {
			return nil, err
		}
		d.piece = d.piece[:0]
		d.line++
		p = p[i+1:]
	}
	return out, nil
}

// take appends what one line decodes to.
func (d *dearmorer) take(out, line []byte) ([]byte, error) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if d.at == armorBefore {
		return out, d.before(line)
	}
	if string(line) == armor.Footer {
		d.at, d.space = armorBehind, 0
		return out, nil
	}
	switch {
	case d.at == armorShort:
		return nil, d.damaged("this should be the last line of the armor")
	case len(line) == 0:
		return nil, d.damaged("the line is empty")
	case len(line) > columns:
		return nil, d.damaged("the line is longer than 64 columns")
	case bytes.IndexByte(line, '\r') >= 0:
		return nil, d.damaged("a carriage return stands within the line")
	}
	const full = columns / 4 * 3
	out = slices.Grow(out, full)
	n, err := armorBase64.Decode(out[len(out):len(out)+full], line)
	if err != nil {
		return nil, d.damaged(err.Error())
	}
	if n < full {
		d.at = armorShort
	}
	return out[:len(out)+n], nil
}

var armorBase64 = base64.StdEncoding.Strict()

// before looks at a line before the body.
func (d *dearmorer) before(line []byte) error {
	switch {
	case string(line) == armor.Header:
		d.at = armorBody
	case !allSpace(line):
		return notAge(line, ErrDamaged)
	default:
		if d.space += len(line) + 1; d.space > maxSpace {
			return d.damaged("too much white space before the armor")
		}
	}
	return nil
}

// behind looks at what follows the last line.
func (d *dearmorer) behind(p []byte) error {
	if !allSpace(p) {
		return d.damaged("more follows behind the armor")
	}
	if d.space += len(p); d.space >= maxSpace {
		return d.damaged("too much white space behind the armor")
	}
	return nil
}

// end reports an armor that is not complete.
func (d *dearmorer) end() error {
	last := bytes.TrimSuffix(d.piece, []byte("\r"))
	switch {
	case d.at == armorBehind:
		return nil
	case d.at == armorBefore && !allSpace(last) && !bytes.HasPrefix([]byte(armor.Header), last):
		return notAge(last, ErrDamaged)
	case d.at == armorBefore && len(last) == 0 && d.space == 0:
		return notAge(nil, ErrTruncated)
	case d.at != armorBefore && string(last) == armor.Footer:
		return nil
	}
	return fmt.Errorf("%w in its armor", ErrTruncated)
}

// damaged names the line that is being read. The line itself is not shown: who knows what the file is.
func (d *dearmorer) damaged(what string) error {
	return fmt.Errorf("%w: line %d: %s", ErrDamaged, d.line+1, what)
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func allSpace(p []byte) bool {
	for _, c := range p {
		if !isSpace(c) {
			return false
		}
	}
	return true
}
