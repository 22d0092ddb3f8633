package mongosink

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/millweir/millweir/internal/bsonwire"
)

// Most documents of a collection have the same keys in the same order. A comparison with the expected
// key costs less than a search for the end of a key and a comparison with all keys before it.

// shape has the expected keys of the documents at one place, in order. No two are equal. So a document
// with only such keys, in this order, has no two equal keys.
type shape struct {
	keys   []expectedKey
	misses uint32 // documents that had other keys
}

// expectedKey is a key of a shape, and the type of the last value that it had.
type expectedKey struct {
	text []byte // with its terminator

	// The type and the key as two words, and their bits in them. A longer key has no bits, and
	// neverEqual as its head.
	head, headBits uint64
	tail, tailBits uint64

	t        byte   // the type
	ofLayout bool   // a top-level field with this key and type is a part of the layout
	value    int    // where the value begins in a field
	size     int    // of a field, if all values of the type have the same size, and less than value otherwise
	inner    *shape // of the document with this key, or of the documents in the array; nil if there was none
}

const (
	wordSize   = 8
	neverEqual = 1 << 8 // a head that is not 0 whatever its lowest byte is, so no word without bits equals it

	maxKeys    = 64      // in a shape
	maxLearned = 8 << 10 // keys and shapes in a run: some 2 MiB
	maxKeyText = 64      // bytes of a key
	lookAhead  = 4       // expected keys that may be missing before the next one
)

// setType sets the expected type.
func (k *expectedKey) setType(t byte) {
	k.t = t
	k.head = k.head&^0xff | uint64(t)
	k.size = k.value + bsonwire.FixedSize(t)
	k.ofLayout = string(k.text) == idKey || t == bsonwire.TypeTimestamp
}

// begins reports whether src begins with the expected type and key. It may return false for a long
// key, and for a short field at the end of src.
func (k *expectedKey) begins(src []byte) bool {
	if len(src) < wordSize || binary.LittleEndian.Uint64(src)&k.headBits != k.head {
		return false
	}
	return k.tailBits == 0 ||
		len(src) >= 2*wordSize && binary.LittleEndian.Uint64(src[wordSize:])&k.tailBits == k.tail
}

// present returns the index of the first key, from next on, that the field at the begin of src has,
// or -1. Documents may lack some of the keys.
func present(keys []expectedKey, next int, src []byte) int {
	for n := next; n < min(len(keys), next+lookAhead); n++ {
		if bytes.HasPrefix(src[1:], keys[n].text) {
			return n
		}
	}
	return -1
}

// shapeOf returns the shape of documents with the key k, or in an array with this key.
func (w *walker) shapeOf(k *expectedKey) *shape {
	switch {
	case k == nil:
		return &w.none
	case k.inner == nil && w.used >= maxLearned:
		return &w.none
	case k.inner == nil:
		w.used++
		k.inner = new(shape)
	}
	return k.inner
}

// learn replaces the keys of a shape by those of a document, which has no two equal keys. It does so
// after 1, 2, 4, 8 … other documents, so that documents without a common shape cost little.
func (w *walker) learn(f *fields) {
	sh := f.shape
	sh.misses++
	if sh == &w.none || sh.misses&(sh.misses-1) != 0 {
		return
	}
	var keys []expectedKey
	for i := 0; i < len(f.src); {
		value := bsonwire.KeyEnd(f.src, i+1, len(f.src))
		if len(keys) == maxKeys || w.used >= maxLearned || value-i > maxKeyText {
			return
		}
		w.used++
		keys = append(keys, sh.expect(f.src[i:value]))
		i, _ = bsonwire.ValueEnd(f.src, f.src[i], value, len(f.src))
	}
	sh.keys = keys
}

// expect returns the key of a field that begins with the type and key in field. It keeps what is
// known about its documents.
func (sh *shape) expect(field []byte) expectedKey {
	k := expectedKey{text: slices.Clone(field[1:]), value: len(field), head: neverEqual}
	if len(field) <= 2*wordSize {
		k.head, k.headBits = wordOf(field)
		k.tail, k.tailBits = wordOf(field[min(wordSize, len(field)):])
	}
	k.setType(field[0])
	isSame := func(o expectedKey) bool { return string(o.text) == string(k.text) }
	if old := slices.IndexFunc(sh.keys, isSame); old >= 0 {
		k.inner = sh.keys[old].inner
	}
	return k
}

// wordOf returns the first 8 bytes of b as a number, and the bits of these bytes.
func wordOf(b []byte) (word, bits uint64) {
	var buf [wordSize]byte
	n := copy(buf[:], b)
	return binary.LittleEndian.Uint64(buf[:]), ^uint64(0) >> (8 * (wordSize - n))
}
