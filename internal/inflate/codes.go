package inflate

// codes decodes a block of codes: in the fast loop while there is enough input and space, and
// otherwise code by code.
func (d *Decoder) codes() error {
	for {
		if !d.copyMatch() {
			return errRoom
		}
		d.fast()
		e, ok := d.nextCode(d.lit[:], litRoot, 0)
		switch {
		case !ok:
			return errInput
		case e&literal != 0:
			if d.op == len(d.dst) {
				return errRoom
			}
			d.dst[d.op] = byte(e >> 10)
			d.op++
			d.drop(e.code())
		case e&special == 0:
			if err := d.beginMatch(e); err != nil {
				return err
			}
		case e&endOfBlock != 0:
			d.drop(e.total())
			return d.end()
		default:
			return d.corrupt()
		}
	}
}

// nextCode looks up the code that begins after the next skip bits. It reports whether the code and
// its extra bits are complete.
func (d *Decoder) nextCode(table []entry, root, skip uint) (e entry, ok bool) {
	for {
		in := d.bits >> (skip & 63)
		e = table[in&(1<<root-1)]
		if e&link != 0 {
			e = table[e.index(in>>root)]
		}
		n := e.total()
		if e&literal != 0 {
			n = e.code() // only the first of two
		}
		if skip+n <= d.nbits {
			return e, true
		}
		// Missing bits are zero in the index. Entries of longer codes follow those of shorter ones,
		// so the real code is at least as long as this one.
		if !d.fill(d.nbits + 1) {
			return e, false
		}
	}
}

// beginMatch starts a match. e is the entry of its length.
func (d *Decoder) beginMatch(e entry) error {
	f, ok := d.nextCode(d.dist[:], distRoot, e.total())
	if !ok {
		return errInput
	}
	distance := f.base() + f.extra(d.bits>>e.total())
	if f&special != 0 || distance > d.op {
		return d.corrupt()
	}
	d.length, d.distance = e.base()+e.extra(d.bits), distance
	d.drop(e.total() + f.total())
	return nil
}

// copyMatch copies the rest of a match and reports whether all of it fit.
func (d *Decoder) copyMatch() bool {
	n := min(d.length, len(d.dst)-d.op)
	repeat(d.dst[:d.op+n], d.op, d.distance)
	d.op += n
	d.length -= n
	return d.length == 0
}

// repeat fills dst[at:] with the bytes that begin distance bytes earlier.
func repeat(dst []byte, at, distance int) {
	// If the distance is less than the length, the bytes between repeat. Each copy doubles them.
	for from := at - distance; at < len(dst); {
		at += copy(dst[at:], dst[from:at])
	}
}
