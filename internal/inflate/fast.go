package inflate

import "encoding/binary"

const (
	// bytes of input that a turn of the fast loop may load: two times eight, the second at most seven further
	fastIn = 16
	// bytes of room that it may write to: four times two, a match of 258, and what a copy writes beyond it
	fastOut = 320
)

// fast decodes codes as long as there are fastIn bytes of input and fastOut bytes of room, and up
// to a code that it leaves to codes: the end of the block, or one that is not valid.
//
// It keeps its state in variables of its own, and looks at the bounds of src and dst once a turn.
// Every turn begins with at least 56 bits: enough for four entries of literals, or for the 48 of
// the longest match.
func (d *Decoder) fast() {
	dst, src := d.dst, d.src
	op, ip := d.op, d.ip
	in, n := d.bits, d.nbits
	lit, dist := d.lit, d.dist
	for ip <= len(src)-fastIn && op <= len(dst)-fastOut {
		// The bits above the n-th are those of src[ip], and come again.
		in |= binary.LittleEndian.Uint64(src[ip:]) << (n & 63)
		ip += int((63 - n) >> 3)
		n |= 56

		e := lit[in&(1<<litRoot-1)]
		if e&literal != 0 {
			for range 4 {
				// of one literal too: what follows overwrites the second
				binary.LittleEndian.PutUint16(dst[op:], uint16(e>>10))
				op += int(e >> 26 & 3)
				in >>= e & 63
				n -= e.total()
				e = lit[in&(1<<litRoot-1)]
				if e&literal == 0 {
					break
				}
			}
			if e&literal != 0 {
				continue
			}
			in |= binary.LittleEndian.Uint64(src[ip:]) << (n & 63)
			ip += int((63 - n) >> 3)
			n |= 56
		}
		if e&special != 0 {
			if e&link == 0 {
				break
			}
			e = lit[e.index(in>>litRoot)&(uint(len(lit))-1)]
			if e&special != 0 {
				break
			}
			if e&literal != 0 {
				dst[op] = byte(e >> 10)
				op++
				in >>= e & 63
				n -= e.total()
				continue
			}
		}

		length := e.base() + e.extra(in)
		rest := in >> (e & 63)
		f := dist[rest&(1<<distRoot-1)]
		if f&link != 0 {
			f = dist[f.index(rest>>distRoot)&(uint(len(dist))-1)]
		}
		distance := f.base() + f.extra(rest)
		from := op - distance
		if f&special != 0 || from < 0 {
			break
		}
		in = rest >> (f & 63)
		n -= e.total() + f.total()
		end := op + length
		if distance < 16 {
			repeat(dst[:end], op, distance)
		} else {
			for op < end { // 16 bytes at once are copied in registers, also beyond the end
				*(*[16]byte)(dst[op:]) = *(*[16]byte)(dst[from:])
				op += 16
				from += 16
			}
		}
		op = end
	}
	// Bytes that were taken in this call and not used go back.
	back := min(n>>3, uint(ip-d.ip))
	n -= back * 8
	d.op, d.ip = op, ip-int(back)
	d.bits, d.nbits = in&(1<<(n&63)-1), n
}
