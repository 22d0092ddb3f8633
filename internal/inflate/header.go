package inflate

const (
	maxLit  = 286 // literal and length symbols that a block may define
	maxDist = 30  // distance symbols
)

// header is the state of reading the code lengths of a block.
type header struct {
	lits, dists, sizes int // how many the block has
	n                  int // how many of the current kind are read
	size               [19]uint8
	lengths            [maxLit + maxDist]uint8
	table              [1 << lengthRoot]entry
}

// codeLengthOrder is the order in which the lengths of the code length codes are stored (RFC 1951
// section 3.2.7).
var codeLengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// counts reads the numbers of code lengths.
func (d *Decoder) counts() error {
	if !d.fill(14) {
		return errInput
	}
	h := &d.head
	h.lits, h.dists, h.sizes = 257+int(d.bits&31), 1+int(d.bits>>5&31), 4+int(d.bits>>10&15)
	if h.lits > maxLit || h.dists > maxDist {
		return d.corrupt()
	}
	d.drop(14)
	h.n, h.size = 0, [19]uint8{}
	d.step = (*Decoder).sizes
	return nil
}

// sizes reads the lengths of the code length codes.
func (d *Decoder) sizes() error {
	h := &d.head
	for ; h.n < h.sizes; h.n++ {
		if !d.fill(3) {
			return errInput
		}
		h.size[codeLengthOrder[h.n]] = uint8(d.bits & 7)
		d.drop(3)
	}
	if !build(h.table[:], lengthRoot, h.size[:], lengthSymbols[:]) {
		return d.corrupt()
	}
	h.n = 0
	d.step = (*Decoder).lengths
	return nil
}

// lengths reads the code lengths and builds the tables.
func (d *Decoder) lengths() error {
	h := &d.head
	total := h.lits + h.dists
	for h.n < total {
		e, ok := d.nextCode(h.table[:], lengthRoot, 0)
		if !ok {
			return errInput
		}
		length, times := uint8(e.base()), 1
		if e&(repeatZero|repeatLast) != 0 {
			length, times = 0, e.base()+e.extra(d.bits)
		}
		if e&special != 0 || e&repeatLast != 0 && h.n == 0 || h.n+times > total {
			return d.corrupt()
		}
		if e&repeatLast != 0 {
			length = h.lengths[h.n-1]
		}
		d.drop(e.total())
		for range times {
			h.lengths[h.n] = length
			h.n++
		}
	}
	d.lit, d.dist = &d.dynamic.lit, &d.dynamic.dist
	if !build(d.lit[:], litRoot, h.lengths[:h.lits], litSymbols[:]) ||
		!build(d.dist[:], distRoot, h.lengths[h.lits:total], distSymbols[:]) {
		return d.corrupt()
	}
	pairLiterals(d.lit)
	d.step = (*Decoder).codes
	return nil
}
