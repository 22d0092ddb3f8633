package deflate

// fastFinder is the match finder of levels 1 and 2. It compares with one earlier position with the
// same six-byte hash, and takes any match that it finds. Without a match, its steps grow.
type fastFinder struct {
	ahead uint32 // added to the unmatched bytes, so that steps grow earlier
	shift uint   // steps grow by one byte for every 1<<shift unmatched bytes
}

const maxStep = 64 // bytes

// find turns the text between start and end into symbols. No match begins before low.
func (f fastFinder) find(w *window, tab *table, y *symbols, low, start, end uint32) {
	const unused = 16 // bits: six bytes are hashed
	done, s := start, start
	for s+matchMargin < end {
		v := w.load64(s)
		at := &tab[hash(v, unused)]
		c := candidate(s, *at)
		*at = uint16(s)
		if w.load32(c) != uint32(v) || c < low {
			s += 1 + min((s-done+f.ahead)>>(f.shift&31), maxStep)
			continue
		}
		n := w.match(s, c, 4, min(end-s, maxMatch))
		back := min(w.before(s, c), s-done, c-low, maxMatch-n)
		s -= back
		c -= back
		n += back
		y.literals(w, done, s)
		y.match(n, s, c)
		s += n
		done = s
		if s+matchMargin < end {
			tab[hash(w.load64(s-2), unused)] = uint16(s - 2)
		}
	}
	y.literals(w, done, end)
}
