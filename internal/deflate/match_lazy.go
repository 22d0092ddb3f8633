package deflate

// lazyFinder is the match finder of levels 3 to 6. It compares with one earlier position by a
// seven-byte hash and with one by a four-byte hash. Before it takes a match, it looks for a longer
// one at the next byte.
type lazyFinder struct {
	enough uint32 // bytes of a match that is taken at once
	step   uint32 // every step-th position inside a match enters the hash tables
	shift  uint   // steps grow by one byte for every 1<<shift unmatched bytes
}

const (
	shortUnused = 32 // bits: four bytes are hashed
	longUnused  = 8  // bits: seven bytes
)

// find turns the text between start and end into symbols. No match begins before low.
func (z lazyFinder) find(w *window, short, long *table, y *symbols, low, start, end uint32) {
	done, s := start, start
	for s+matchMargin < end {
		v := w.load64(s)
		atShort, atLong := &short[hash(v, shortUnused)], &long[hash(v, longUnused)]
		near, far := candidate(s, *atShort), candidate(s, *atLong)
		*atShort, *atLong = uint16(s), uint16(s)
		n, c := uint32(0), far
		if w.load32(far) == uint32(v) && far >= low {
			n = w.match(s, far, 4, min(end-s, maxMatch))
		}
		if n < 8 && w.load32(near) == uint32(v) && near >= low {
			if k := w.match(s, near, 4, min(end-s, maxMatch)); k > n {
				n, c = k, near
			}
		}
		if n == 0 {
			s += 1 + min((s-done)>>(z.shift&31), maxStep)
			continue
		}
		for n < z.enough && s+1+matchMargin < end {
			// A longer match has at least n+1 bytes from next on. So it includes these last four
			// bytes, as well as the first four.
			next := s + 1
			v, tail := w.load64(next), w.load32(next+n-3)
			atShort, atLong := &short[hash(v, shortUnused)], &long[hash(v, longUnused)]
			near, far := candidate(next, *atShort), candidate(next, *atLong)
			*atShort, *atLong = uint16(next), uint16(next)
			if w.load32(far) == uint32(v) && w.load32(far+n-3) == tail && far >= low {
				if k := w.match(next, far, 4, min(end-next, maxMatch)); k > n {
					s, c, n = next, far, k
					continue
				}
			}
			if w.load32(near) == uint32(v) && w.load32(near+n-3) == tail && near >= low {
				if k := w.match(next, near, 4, min(end-next, maxMatch)); k > n {
					s, c, n = next, near, k
					continue
				}
			}
			break
		}
		back := min(w.before(s, c), s-done, c-low, maxMatch-n)
		y.literals(w, done, s-back)
		y.match(n+back, s-back, c-back)
		i := s + 2
		s += n
		done = s
		for ; i < s && i+matchMargin < end; i += z.step {
			v := w.load64(i)
			short[hash(v, shortUnused)], long[hash(v, longUnused)] = uint16(i), uint16(i)
		}
	}
	y.literals(w, done, end)
}
