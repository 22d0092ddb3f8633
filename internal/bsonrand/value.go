package bsonrand

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"github.com/millweir/millweir/internal/bsonwire"
)

func itoa(n int) string { return strconv.Itoa(n) }

// value appends a random value of type t.
func (g *Rand) value(b []byte, t byte, level int) []byte {
	switch t {
	case bsonwire.TypeDouble:
		return binary.LittleEndian.AppendUint64(b, g.double())
	case bsonwire.TypeString, bsonwire.TypeCode, bsonwire.TypeSymbol:
		return appendString(b, g.text())
	case bsonwire.TypeDocument:
		if level == 1 && g.oneIn(200) {
			return g.deep(b, 1+g.r.IntN(maxDeep))
		}
		return g.document(b, level+1)
	case bsonwire.TypeArray:
		return g.array(b, level+1)
	case bsonwire.TypeBinary:
		return g.binary(b)
	case bsonwire.TypeObjectID:
		return append(b, g.bytes(12)...)
	case bsonwire.TypeBoolean:
		if g.Odd && g.oneIn(6) {
			return append(b, byte(2+g.r.IntN(254)))
		}
		return append(b, byte(g.r.IntN(2)))
	case bsonwire.TypeDate:
		return binary.LittleEndian.AppendUint64(b, uint64(g.date()))
	case bsonwire.TypeRegex:
		b = append(append(b, g.cstring()...), 0)
		options := []byte(g.pick([]string{"", "i", "im", "imx", "ilmsux"}))
		if g.Odd && g.oneIn(3) {
			options = []byte(g.pick([]string{"xi", "ix", "zz", "\xff", "é", "éa", "aé", "smi", "\x01"}))
		}
		return append(append(b, options...), 0)
	case bsonwire.TypeDBPointer:
		return append(appendString(b, g.namespace()), g.bytes(12)...)
	case bsonwire.TypeCodeWithScope:
		start := len(b)
		b = append(b, 0, 0, 0, 0)
		b = g.document(appendString(b, g.text()), level+1)
		binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start))
		return b
	case bsonwire.TypeInt32:
		return binary.LittleEndian.AppendUint32(b, uint32(g.integer()))
	case bsonwire.TypeTimestamp:
		return binary.LittleEndian.AppendUint64(b, uint64(g.integer()))
	case bsonwire.TypeInt64:
		return binary.LittleEndian.AppendUint64(b, uint64(g.integer()))
	case bsonwire.TypeDecimal:
		return g.decimal(b)
	}
	return b // undefined, null, minKey, maxKey
}

func appendString(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s)+1))
	return append(append(b, s...), 0)
}

// integer returns an integer of any magnitude, often at an edge.
func (g *Rand) integer() int64 {
	edges := []int64{
		0, 1, -1, 9, 10, 99, 100, 999, 1000, 9999, 10000, math.MaxInt32, math.MinInt32, math.MaxInt32 + 1,
		math.MinInt32 - 1, math.MaxInt64, math.MinInt64, math.MaxUint32, 1e15, 1e18, -1e18,
	}
	if g.oneIn(4) {
		return edges[g.r.IntN(len(edges))]
	}
	v := int64(g.r.Uint64() >> g.r.IntN(64))
	if g.oneIn(2) {
		return -v
	}
	return v
}

func (g *Rand) date() int64 {
	if g.oneIn(3) {
		return g.integer()
	}
	return g.r.Int64N(253402300800000 + 1000)
}

func (g *Rand) double() uint64 {
	odd := []uint64{0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0x7FFFFFFFFFFFFFFF}
	edges := []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1e-4, 0.00001, 1e5, 1e6, 999999.999999, 123456.5, 1e21, 1e22, 1e23,
		math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 9007199254740993,
		5e-7, 1e-6,
	}
	switch g.r.IntN(6) {
	case 0:
		if g.Odd {
			return odd[g.r.IntN(len(odd))]
		}
		return math.Float64bits(edges[g.r.IntN(len(edges))])
	case 1:
		return math.Float64bits(edges[g.r.IntN(len(edges))])
	case 2:
		return math.Float64bits(float64(g.r.IntN(1e9)) / math.Pow10(g.r.IntN(9)))
	case 3:
		return math.Float64bits(float64(g.integer()))
	}
	v := g.r.Uint64()
	if f := math.Float64frombits(v); f != f {
		return 0
	}
	return v
}

// decimal appends a Decimal128: any bits if odd, otherwise a canonical value.
func (g *Rand) decimal(b []byte) []byte {
	if g.Odd && g.oneIn(3) {
		return append(b, g.bytes(16)...)
	}
	high, low := uint64(0), g.r.Uint64()>>g.r.IntN(64)
	switch g.r.IntN(6) {
	case 0:
		high = []uint64{0x78 << 56, 0xF8 << 56, 0x7C << 56}[g.r.IntN(3)]
		low = 0
	case 1:
		high = g.r.Uint64N(0x1ED09BEAD87C0)
		fallthrough
	default:
		exp := g.r.Uint64N(6176 + 6111 + 1)
		if g.oneIn(2) {
			exp = 6176 - 20 + g.r.Uint64N(30)
		}
		high |= exp<<49 | g.r.Uint64N(2)<<63
	}
	b = binary.LittleEndian.AppendUint64(b, low)
	return binary.LittleEndian.AppendUint64(b, high)
}

func (g *Rand) binary(b []byte) []byte {
	data := g.bytes(g.r.IntN(40))
	subtype := []byte{0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80, 0xFF}[g.r.IntN(13)]
	inner := len(data)
	if subtype == bsonwire.SubtypeOld {
		if g.Odd && g.oneIn(3) {
			inner = []int{0, -1, inner + 1, inner - 1, 1 << 30}[g.r.IntN(5)]
		}
		data = slices.Concat(binary.LittleEndian.AppendUint32(nil, uint32(inner)), data)
		if g.Odd && g.oneIn(6) {
			data = data[:g.r.IntN(5)]
		}
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(append(b, subtype), data...)
}
