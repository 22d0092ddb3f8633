package bsoncodec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// checkFloat compares parseFloat with strconv, bit by bit.
func checkFloat(t *testing.T, text string) {
	t.Helper()
	got, ok := parseFloat([]byte(text))
	want, err := strconv.ParseFloat(text, 64)
	if ok != (err == nil) || ok && math.Float64bits(got) != math.Float64bits(want) {
		t.Errorf("%s: %v %v, want %v %v", text, got, ok, want, err)
	}
}

func TestParseFloat(t *testing.T) {
	for _, text := range []string{
		"0.0", "-0.0", "-0", "+1.5", "5.", ".5", ".", "", "-", "e5", "1e", "1e5x", "1.2.3", "1..2", "12345678x",
		"9007199254740993.0", "9007199254740992.9", "9007199254740993.000", "900719925474099.30", // halfway
		"18014398509481985.0", "18014398509481986.0", "18014398509481987.0",
		"9999999999999999999.0", "0.9999999999999999999", "1844674407370955161.5", "18446744073709551616.0",
		"0.0000000000000000001", "1.0000000000000000001", "1234567890123456789e-19", "1234567890123456789e-20",
		"12345678901234567e3", "0.00000000000000000000000001", "1e22", "1e23", "1e308", "1e309", "5e-324", "1e-400",
	} {
		checkFloat(t, text)
	}
}

// Numbers that lie halfway between two doubles, next to it, and anywhere else.
func TestParseFloatRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		m, places := r.Uint64()>>(1+r.IntN(60)), r.IntN(20)
		checkFloat(t, fmt.Sprintf("%de-%d", m, places))
		checkFloat(t, fmt.Sprintf("-%d.%0*d", m%1000, places+1, r.Uint64()%integerPowers[places]))
		checkFloat(t, strconv.FormatFloat(r.NormFloat64()*1e3, 'g', -1, 64))
		odd := 1<<53 + r.Uint64N(1<<53) | 1 // of 54 bits: halfway between two doubles
		for _, n := range []uint64{odd, odd + 1, odd << 4, odd<<4 + 1, odd<<4 - 1} {
			checkFloat(t, fmt.Sprint(n, ".0"))
			checkFloat(t, fmt.Sprintf("%d5e-1", n/2))
		}
	}
}
