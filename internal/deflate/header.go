package deflate

// The code length symbols that repeat a length, RFC 1951 section 3.2.7.
const (
	repeat     = 16 // the previous length, 3 to 6 times
	fewZeros   = 17 // 3 to 10 times
	manyZeros  = 18 // 11 to 138 times
	headCodes  = 19
	headLimit  = 7 // most bits of a code for lengths
	headExtras = 5 // in a run: position of the extra bits
)

var (
	headOrder = [headCodes]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	headExtra = [headCodes]uint8{repeat: 2, fewZeros: 3, manyZeros: 7}
)

// header describes the code lengths of a block.
type header struct {
	literals, distances int // how many lengths there are

	runs    [literalCodes + distanceCodes]uint16 // a symbol, and its extra bits above headExtras
	n       int
	freq    [headCodes]uint32
	lengths [headCodes]uint8
	codes   int // how many of lengths are written
}

// describe builds the header for lens and returns its size in bits.
func (h *header) describe(lens *[codes]uint8) int {
	*h = header{literals: literalCodes, distances: distanceCodes}
	for h.literals > endOfBlock+1 && lens[h.literals-1] == 0 {
		h.literals--
	}
	for h.distances > 1 && lens[distances+h.distances-1] == 0 {
		h.distances--
	}
	var all [literalCodes + distanceCodes]uint8
	copy(all[:], lens[:h.literals])
	copy(all[h.literals:], lens[distances:distances+h.distances])
	if rest := all[:h.literals+h.distances]; rest[len(rest)-1] == 0 {
		rest[len(rest)-1] = 1 // no distances: old decoders require one code, which is unused
	}
	for rest := all[:h.literals+h.distances]; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n] == rest[0] {
			n++
		}
		h.run(uint16(rest[0]), n)
		rest = rest[n:]
	}
	codeLengths(h.freq[:], h.lengths[:], headLimit)
	h.codes = headCodes
	for h.codes > 4 && h.lengths[headOrder[h.codes-1]] == 0 {
		h.codes--
	}
	size := 5 + 5 + 4 + 3*h.codes
	for i, f := range h.freq {
		size += int(f) * int(h.lengths[i]+headExtra[i])
	}
	return size
}

// run adds n equal lengths.
func (h *header) run(length uint16, n int) {
	if length == 0 {
		for ; n >= 11; n -= min(n, 138) {
			h.add(manyZeros, min(n, 138)-11)
		}
		if n >= 3 {
			h.add(fewZeros, n-3)
			n = 0
		}
	} else if n > 3 {
		h.add(length, 0)
		for n--; n >= 3; n -= min(n, 6) {
			h.add(repeat, min(n, 6)-3)
		}
	}
	for range n {
		h.add(length, 0)
	}
}

func (h *header) add(code uint16, extra int) {
	h.runs[h.n] = code | uint16(extra)<<headExtras
	h.n++
	h.freq[code]++
}

// write writes the header.
func (h *header) write(b *bitWriter) {
	var entries [headCodes]entry
	assign(h.lengths[:], headExtra[:], entries[:])
	b.put(uint32(h.literals-257), 5)
	b.put(uint32(h.distances-1), 5)
	b.put(uint32(h.codes-4), 4)
	for _, i := range headOrder[:h.codes] {
		b.put(uint32(h.lengths[i]), 3)
	}
	for _, r := range h.runs[:h.n] {
		e := entries[r%(1<<headExtras)]
		b.put(e&0xffff|uint32(r>>headExtras)<<(e>>16&31), uint(e>>24))
	}
}
