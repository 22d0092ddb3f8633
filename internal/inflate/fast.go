package inflate

import "encoding/binary"

const (
	// bytes of input that an iteration of the fast loop may load: eight twice, the second at most 7
	// bytes later
	fastIn = 16
	// bytes of output that it may write: four pairs of literals, a match of 258 bytes, and the
	// excess of the last 16-byte copy
	fastOut = 320
)

// fast decodes codes while fastIn bytes of input and fastOut bytes of space are left. It leaves the
// end of the block and invalid codes to the method codes.
//
// It keeps its state in local variables, and checks the bounds of src and dst once per iteration.
// Every iteration begins with at least 56 bits: enough for four entries of literals, or for the 48
// bits of the longest match.
func (d *Decoder) fast() {
	dst, src := d.dst, d.src
	op, ip := d.op, d.ip
	in, n := d.bits, d.nbits
	lit, dist := d.lit, d.dist
	for ip <= len(src)-fastIn && op <= len(dst)-fastOut {
		// The bits above bit n are the first of src[ip], so loading them again does not change
		// them.
		in |= binary.LittleEndian.Uint64(src[ip:]) << (n & 63)
		ip += int((63 - n) >> 3)
		n |= 56

		e := lit[in&(1<<litRoot-1)]
		if e&literal != 0 {
			for range 4 {
				// Also for a single literal: the next write replaces the second byte.
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
			for op < end { // 16-byte copies use registers, and may write after end
				*(*[16]byte)(dst[op:]) = *(*[16]byte)(dst[from:])
				op += 16
				from += 16
			}
		}
		op = end
	}
	// Return the unused bytes that this call read.
	back := min(n>>3, uint(ip-d.ip))
	n -= back * 8
	d.op, d.ip = op, ip-int(back)
	d.bits, d.nbits = in&(1<<(n&63)-1), n
}
