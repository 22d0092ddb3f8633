package inflate

import "io"

// block reads the three bits that begin a block.
func (d *Decoder) block() error {
	if !d.fill(3) {
		return errInput
	}
	kind := d.bits >> 1 & 3
	d.last = d.bits&1 == 1
	d.drop(3)
	switch kind {
	case 0:
		d.drop(d.nbits & 7) // a stored block begins on a byte
		d.step = (*Decoder).storedLength
	case 1:
		f := fixed()
		d.lit, d.dist = &f.lit, &f.dist
		d.step = (*Decoder).codes
	case 2:
		d.step = (*Decoder).counts
	default:
		return d.corrupt()
	}
	return nil
}

// end ends a block.
func (d *Decoder) end() error {
	if d.last {
		return io.EOF
	}
	d.step = (*Decoder).block
	return nil
}

// storedLength reads the length of a stored block.
func (d *Decoder) storedLength() error {
	if !d.fill(32) {
		return errInput
	}
	n, inverse := uint16(d.bits), uint16(d.bits>>16)
	d.drop(32)
	if n != ^inverse {
		return d.corrupt()
	}
	d.length = int(n)
	d.step = (*Decoder).stored
	return nil
}

// stored copies the rest of a stored block.
func (d *Decoder) stored() error {
	n := copy(d.dst[d.op:], d.src[d.ip:min(len(d.src), d.ip+d.length)])
	d.op += n
	d.ip += n
	d.length -= n
	switch {
	case d.length == 0:
		return d.end()
	case d.ip == len(d.src):
		return errInput
	}
	return errRoom
}
