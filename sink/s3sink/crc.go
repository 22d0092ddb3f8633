package s3sink

// crcPoly is the NVME polynomial with its bits reversed, as the computation uses it.
const crcPoly = 0x9a6c9329ac4bc9b5

// crcJoin returns the CRC of a followed by b, given their CRCs and the length of b. It saves a
// second pass over the data for the whole object's checksum. The all-ones initial and final values
// of CRC-64/NVME cancel out, so that crc(ab) = crc(a)·x^(8·len b) + crc(b), modulo the polynomial.
func crcJoin(a, b uint64, lenB int64) uint64 {
	return crcMul(a, crcPow(uint64(lenB)*8)) ^ b
}

// crcMul multiplies two polynomials modulo crcPoly. The highest bit of each stands for x^0.
func crcMul(a, b uint64) uint64 {
	var p uint64
	for bit := uint64(1) << 63; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			p ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= crcPoly
		}
	}
	return p
}

// crcPow returns x^n modulo crcPoly.
func crcPow(n uint64) uint64 {
	p, square := uint64(1)<<63, uint64(1)<<62 // x^0, x^1
	for ; n != 0; n >>= 1 {
		if n&1 != 0 {
			p = crcMul(p, square)
		}
		square = crcMul(square, square)
	}
	return p
}
