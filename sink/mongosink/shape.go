package mongosink

import (
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

// expectedKey is a key of a shape.
type expectedKey struct {
	text       []byte // with its terminator
	short      bool   // no longer than a word
	word, mask uint64 // a short key, and its bits in a word
	isID       bool
	inner      *shape // of the document with this key, or of the documents in the array; nil if there was none
}

const (
	wordSize = 8

	maxKeys    = 64      // in a shape
	maxLearned = 8 << 10 // keys and shapes in a run: some 1.5 MiB
	maxKeyText = 64      // bytes of a key
	lookAhead  = 4       // expected keys that may be missing before the next one
)

// at reports whether the key is at src[i].
func (k *expectedKey) at(src []byte, i int) bool {
	return len(src)-i >= len(k.text) && string(src[i:i+len(k.text)]) == string(k.text)
}

// present returns the index of the first key, from next on, that is at src[i], or -1. Documents may
// lack some of the keys.
func present(keys []expectedKey, next int, src []byte, i int) int {
	for n := next; n < min(len(keys), next+lookAhead); n++ {
		if keys[n].at(src, i) {
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
	for i := f.first; i < f.limit; {
		value := bsonwire.KeyEnd(f.src, i+1, f.limit)
		if len(keys) == maxKeys || w.used >= maxLearned || value-i > maxKeyText {
			return
		}
		w.used++
		keys = append(keys, sh.expect(f.src, i+1, value))
		i, _ = bsonwire.ValueEnd(f.src, f.src[i], value, f.limit)
	}
	sh.keys = keys
}

// expect returns the key src[key:end]. It keeps what is known about its documents.
func (sh *shape) expect(src []byte, key, end int) expectedKey {
	k := expectedKey{text: slices.Clone(src[key:end])}
	k.isID, k.short = string(k.text) == idKey, len(k.text) <= wordSize
	if k.short {
		k.word, k.mask = wordOf(k.text)
	}
	isSame := func(o expectedKey) bool { return string(o.text) == string(k.text) }
	if old := slices.IndexFunc(sh.keys, isSame); old >= 0 {
		k.inner = sh.keys[old].inner
	}
	return k
}

// wordOf returns a key of at most 8 bytes as a number, and the bits of its bytes.
func wordOf(key []byte) (word, mask uint64) {
	var b [wordSize]byte
	n := copy(b[:], key)
	return binary.LittleEndian.Uint64(b[:]), ^uint64(0) >> (8 * (wordSize - n))
}
