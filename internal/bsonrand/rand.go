// Package bsonrand generates random raw BSON for tests: documents with every type, ordinary or odd.
//
// The same seed gives the same documents.
package bsonrand

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonwire"
)

// Rand generates documents. It must not be used by two goroutines at once.
type Rand struct {
	// Odd adds input that is legal, or at least found in the wild, and hard to convert: keys that
	// look like type wrappers, text that is not UTF-8, array keys out of order, NaN payloads,
	// decimals that are not canonical, unsorted regular expression options, odd booleans and binary
	// lengths, escape forms.
	Odd bool

	r *rand.Rand
}

// New returns a generator for seed.
func New(seed uint64) *Rand {
	return &Rand{r: rand.New(rand.NewPCG(seed, 0x6d696c6c77656972))}
}

// maxLevel is the deepest nesting of most random documents.
const maxLevel = 6

// Doc returns a random document with elements of every type.
func (g *Rand) Doc() bson.Raw {
	return g.document(nil, 1)
}

// document appends a random document.
func (g *Rand) document(b []byte, level int) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	n := g.r.IntN(8)
	if level > 2 {
		n = g.r.IntN(4)
	}
	for k := range n {
		b = g.element(b, g.key(k), level)
	}
	return finish(b, start)
}

// array appends a random array.
func (g *Rand) array(b []byte, level int) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	n := g.r.IntN(5)
	if g.oneIn(20) {
		n = g.r.IntN(130)
	}
	odd := g.Odd && g.oneIn(8)
	for k := range n {
		key := itoa(k)
		if odd && g.oneIn(3) {
			key = g.pick([]string{"", "a", "00", "01", "-1", "1", "2", "999", "\xff", "$oid"})
		}
		b = g.element(b, key, level)
	}
	return finish(b, start)
}

// maxDeep is the most levels that deep adds in a few documents. With the levels around them, a
// document stays within the 200 levels that a server allows.
const maxDeep = 190

// deep appends a document that nests n levels of documents and arrays.
func (g *Rand) deep(b []byte, n int) []byte {
	var starts []int
	inArray := false
	for k := range n {
		starts = append(starts, len(b))
		b = append(b, 0, 0, 0, 0)
		t, key := byte(bsonwire.TypeDocument), "0"
		if !inArray {
			key = g.key(k)
		}
		if inArray = k < n-1 && g.oneIn(2); inArray {
			t = bsonwire.TypeArray
		}
		b = append(append(append(b, t), key...), 0)
	}
	b = g.document(b, maxLevel)
	for _, start := range slices.Backward(starts) {
		b = finish(b, start)
	}
	return b
}

func finish(b []byte, start int) []byte {
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// types holds the types of BSON. Containers occur more than once, so that they are picked more
// often.
var types = []byte{
	bsonwire.TypeDouble, bsonwire.TypeString, bsonwire.TypeString, bsonwire.TypeDocument,
	bsonwire.TypeDocument, bsonwire.TypeDocument, bsonwire.TypeArray, bsonwire.TypeArray, bsonwire.TypeBinary,
	bsonwire.TypeUndefined, bsonwire.TypeObjectID, bsonwire.TypeBoolean, bsonwire.TypeDate, bsonwire.TypeNull,
	bsonwire.TypeRegex, bsonwire.TypeDBPointer, bsonwire.TypeCode, bsonwire.TypeSymbol,
	bsonwire.TypeCodeWithScope, bsonwire.TypeInt32, bsonwire.TypeTimestamp, bsonwire.TypeInt64,
	bsonwire.TypeDecimal, bsonwire.TypeMaxKey, bsonwire.TypeMinKey,
}

// element appends a random element with the given key.
func (g *Rand) element(b []byte, key string, level int) []byte {
	t := types[g.r.IntN(len(types))]
	if level >= maxLevel && (t == bsonwire.TypeDocument || t == bsonwire.TypeArray || t == bsonwire.TypeCodeWithScope) {
		t = bsonwire.TypeInt32
	}
	b = append(append(append(b, t), key...), 0)
	return g.value(b, t, level)
}

func (g *Rand) oneIn(n int) bool { return g.r.IntN(n) == 0 }

func (g *Rand) pick(s []string) string { return s[g.r.IntN(len(s))] }

func (g *Rand) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.r.Uint32())
	}
	return b
}
