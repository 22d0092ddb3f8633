package s3sink

import "encoding/binary"

// crc64NVME is the NVME polynomial with its bits reversed, as the computation uses it.
const crc64NVME = 0x9a6c9329ac4bc9b5

// crcField computes with the CRCs of one polynomial. It joins the CRCs of parts, which saves a
// second pass over the data for the checksum of the whole object.
type crcField struct {
	poly uint64 // with its bits reversed
	bits int    // 32 or 64
}

// read returns a CRC in big-endian order as a number.
func (f *crcField) read(sum []byte) uint64 {
	if f.bits == 32 {
		return uint64(binary.BigEndian.Uint32(sum))
	}
	return binary.BigEndian.Uint64(sum)
}

// write returns a CRC in big-endian order.
func (f *crcField) write(crc uint64) []byte {
	if f.bits == 32 {
		return binary.BigEndian.AppendUint32(nil, uint32(crc))
	}
	return binary.BigEndian.AppendUint64(nil, crc)
}

// join returns the CRC of a followed by b, given their CRCs and the length of b. The all-ones
// initial and final values cancel out, so that crc(ab) = crc(a)·x^(8·len b) + crc(b), modulo the
// polynomial.
func (f *crcField) join(a, b uint64, lenB int64) uint64 {
	return f.mul(a, f.pow(uint64(lenB)*8)) ^ b
}

// mul multiplies two polynomials modulo poly. The highest bit of each stands for x^0.
func (f *crcField) mul(a, b uint64) uint64 {
	var p uint64
	for bit := uint64(1) << (f.bits - 1); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			p ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= f.poly
		}
	}
	return p
}

// pow returns x^n modulo poly.
func (f *crcField) pow(n uint64) uint64 {
	p, square := uint64(1)<<(f.bits-1), uint64(1)<<(f.bits-2) // x^0, x^1
	for ; n != 0; n >>= 1 {
		if n&1 != 0 {
			p = f.mul(p, square)
		}
		square = f.mul(square, square)
	}
	return p
}
