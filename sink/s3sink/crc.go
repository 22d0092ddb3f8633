package s3sink

import (
	"encoding/base64"
	"encoding/binary"
)

// crcText returns crc as S3 writes a CRC64NVME: base64 of its eight bytes, the highest first.
func crcText(crc uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc))
}

// crcPoly is the NVME polynomial, its bits reversed, as the CRC is computed.
const crcPoly = 0x9a6c9329ac4bc9b5

// crcJoin returns the CRC of a followed by b, of their CRCs and the length of b: it spares the second pass over the data that the
// whole object's checksum would take beside the parts'. With the all-ones start and end of CRC-64/NVME those of a and b cancel out, so
// that crc(ab) = crc(a)·x^(8·len b) + crc(b), modulo the polynomial.
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
