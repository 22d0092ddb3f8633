package bsoncodec_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec/bsoncodec"
)

// TestDoubles compares the digits of doubles with those of strconv, on both sides of each power of
// ten and at random.
func TestDoubles(t *testing.T) {
	doc := []byte("\x10\x00\x00\x00\x01d\x00........\x00")
	check := func(f float64) {
		t.Helper()
		want := strconv.FormatFloat(f, 'G', -1, 64)
		if !strings.ContainsAny(want, ".E") {
			want += ".0"
		}
		binary.LittleEndian.PutUint64(doc[7:], math.Float64bits(f))
		got, err := bsoncodec.AppendExtJSON(nil, doc, nil)
		if want = `{"d":{"$numberDouble":"` + want + `"}}`; err != nil || string(got) != want {
			t.Fatalf("%s (%v), want %s", got, err, want)
		}
	}
	for e := -8; e < 10; e++ {
		down, up := math.Pow10(e), math.Pow10(e)
		for range 20 {
			check(down)
			check(-up)
			down, up = math.Nextafter(down, 0), math.Nextafter(up, math.Inf(1))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		f := r.NormFloat64() * math.Pow10(r.IntN(14)-7)
		check(f)
		check(float64(float32(f)))
	}
}
