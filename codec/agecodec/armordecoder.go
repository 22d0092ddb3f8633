package agecodec

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"

	"filippo.io/age/armor"
)

const (
	maxWhitespace = 1024                     // bytes of white space before and after the armor
	maxArmorLine  = maxWhitespace + len("-") // longer than every valid line
)

// armorDecoder decodes an armor line by line. A line may arrive in several chunks.
type armorDecoder struct {
	state      armorState
	partial    []byte // a line without its end so far
	whitespace int    // bytes of white space before the armor, or after it
	lines      int    // complete lines so far
}

type armorState int

const (
	beforeArmor armorState = iota // the first line has not come yet
	inArmor
	afterShortLine // the body has ended with a short line
	afterArmor
)

// push decodes the next bytes of the armor into new memory.
func (d *armorDecoder) push(p []byte) ([]byte, error) {
	var out []byte
	for len(p) > 0 {
		if d.state == afterArmor {
			if err := d.trailingBytes(p); err != nil {
				return nil, err
			}
			break
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			i = len(p)
		}
		if len(d.partial)+i > maxArmorLine {
			if d.state == beforeArmor && !allSpace(d.partial) {
				return nil, notAgeError(d.partial, ErrDamaged)
			}
			return nil, d.lineError("the line is too long")
		}
		line := p[:i]
		if i == len(p) {
			d.partial = append(d.partial, line...)
			break
		}
		if len(d.partial) > 0 {
			line = append(d.partial, line...)
		}
		if out == nil && d.state == inArmor {
			out = make([]byte, 0, (len(line)+len(p)-i)/4*3)
		}
		var err error
		if out, err = d.decodeLine(out, line); err != nil {
			return nil, err
		}
		d.partial = d.partial[:0]
		d.lines++
		p = p[i+1:]
	}
	return out, nil
}

// decodeLine appends the decoded bytes of one line to out.
func (d *armorDecoder) decodeLine(out, line []byte) ([]byte, error) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if d.state == beforeArmor {
		return out, d.leadingLine(line)
	}
	if string(line) == armor.Footer {
		d.state, d.whitespace = afterArmor, 0
		return out, nil
	}
	switch {
	case d.state == afterShortLine:
		return nil, d.lineError("want the last line of the armor")
	case len(line) == 0:
		return nil, d.lineError("the line is empty")
	case len(line) > lineColumns:
		return nil, d.lineError("the line is longer than 64 columns")
	case bytes.IndexByte(line, '\r') >= 0:
		return nil, d.lineError("a carriage return inside the line")
	}
	const full = lineColumns / 4 * 3
	out = slices.Grow(out, full)
	n, err := armorBase64.Decode(out[len(out):len(out)+full], line)
	if err != nil {
		return nil, d.lineError(err.Error())
	}
	if n < full {
		d.state = afterShortLine
	}
	return out[:len(out)+n], nil
}

var armorBase64 = base64.StdEncoding.Strict()

// leadingLine checks a line before the body.
func (d *armorDecoder) leadingLine(line []byte) error {
	switch {
	case string(line) == armor.Header:
		d.state = inArmor
	case !allSpace(line):
		return notAgeError(line, ErrDamaged)
	default:
		if d.whitespace += len(line) + 1; d.whitespace > maxWhitespace {
			return d.lineError("too much white space before the armor")
		}
	}
	return nil
}

// trailingBytes checks bytes after the last line.
func (d *armorDecoder) trailingBytes(p []byte) error {
	if !allSpace(p) {
		return d.lineError("data after the armor")
	}
	if d.whitespace += len(p); d.whitespace >= maxWhitespace {
		return d.lineError("too much white space after the armor")
	}
	return nil
}

// finish returns an error if the armor is incomplete.
func (d *armorDecoder) finish() error {
	last := bytes.TrimSuffix(d.partial, []byte("\r"))
	switch {
	case d.state == afterArmor:
		return nil
	case d.state == beforeArmor && !allSpace(last) && !bytes.HasPrefix([]byte(armor.Header), last):
		return notAgeError(last, ErrDamaged)
	case d.state == beforeArmor && len(last) == 0 && d.whitespace == 0:
		return notAgeError(nil, ErrTruncated)
	case d.state != beforeArmor && string(last) == armor.Footer:
		return nil
	}
	return fmt.Errorf("%w in its armor", ErrTruncated)
}

// lineError returns an error with the number of the current line. It does not show the line,
// because the file may be anything.
func (d *armorDecoder) lineError(what string) error {
	return fmt.Errorf("%w: line %d: %s", ErrDamaged, d.lines+1, what)
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
