package mongosink

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"strconv"

	"github.com/millweir/millweir/internal/bsonwire"
)

// fields reads the keys of a document that does not have the expected ones.
type fields struct {
	src   []byte
	shape *shape

	set      keySet // of the first keys
	count    int    // of the keys so far
	many     manyKeys
	repeated bool // a key occurred before, or there are more than allKeys
}

// manyKeys has the hashes of the keys of a document with more than fewKeys keys. A search of the
// document for each key would take hours if the document has 16 MiB.
type manyKeys map[uint64]struct{}

const (
	fewKeys = 128
	allKeys = 1 << 16 // a document with more counts as odd
)

var keySeed = maphash.MakeSeed()

// key returns the offset after the key of the field at src[i], or -1 if it has no end.
func (f *fields) key(i int) int {
	value := bsonwire.KeyEnd(f.src, i+1, len(f.src))
	if value > 0 && !f.repeated {
		f.repeated = f.occurred(i, value)
	}
	return value
}

// occurred reports whether the key src[i+1:value] of the field at src[i] occurred before, and adds
// the key.
func (f *fields) occurred(i, value int) bool {
	f.count++
	key := f.src[i+1 : value]
	switch {
	case f.count <= fewKeys:
		return f.set.add(f.src, i+1, value-1) && f.before(i, key)
	case f.count > allKeys:
		return true
	case f.many == nil:
		f.many = manyKeys{}
		f.each(i, func(at, end int) { f.many[maphash.Bytes(keySeed, f.src[at:end])] = struct{}{} })
	}
	before := len(f.many)
	f.many[maphash.Bytes(keySeed, key)] = struct{}{}
	return len(f.many) == before
}

// addAll adds the keys of the fields before at, which are BSON and have different keys.
func (f *fields) addAll(at int) {
	f.each(at, func(key, end int) {
		f.count++
		f.set.add(f.src, key, end-1)
	})
}

// each calls do with the begin and the end of each key before at, with its terminator.
func (f *fields) each(at int, do func(key, end int)) {
	for i := 0; i < at; {
		value := bsonwire.KeyEnd(f.src, i+1, at)
		do(i+1, value)
		i, _ = bsonwire.ValueEnd(f.src, f.src[i], value, at)
	}
}

// before reports whether a field before at has the key, which ends with 0.
func (f *fields) before(at int, key []byte) bool {
	for i := 0; i < at; {
		value := bsonwire.KeyEnd(f.src, i+1, at)
		if bytes.Equal(f.src[i+1:value], key) {
			return true
		}
		i, _ = bsonwire.ValueEnd(f.src, f.src[i], value, at)
	}
	return false
}

// keySet has the hashes of the keys of one document.
type keySet [4]uint64

// add reports whether a key with the same hash was added before. The hash covers the length and the
// first 8 bytes, so it costs little. src[key:end] is the key.
func (s *keySet) add(src []byte, key, end int) (before bool) {
	var word uint64
	if n := end - key; len(src)-key >= wordSize {
		word = binary.LittleEndian.Uint64(src[key:])
		word &= 1<<(8*n) - 1 // all bits if n is 8 or more
	} else {
		for i, c := range src[key:end] {
			word |= uint64(c) << (8 * i)
		}
	}
	h := (word ^ uint64(end-key)<<56) * 0x9E3779B97F4A7C15 >> 56
	bit := uint64(1) << (h & 63)
	before = s[h>>6]&bit != 0
	s[h>>6] |= bit
	return before
}

// arrayIndex is the key of an element of an array.
type arrayIndex struct {
	number     int    // without the last digit
	digit      int    // the last one
	size       int    // with the terminator
	word, bits uint64 // the key after a byte for the type; never equal if it is longer
	step       uint64 // added to the word for the next digit
}

func firstIndex() arrayIndex {
	return arrayIndex{word: '0' << 8, bits: 0xffff00, step: 1 << 8, size: 2}
}

// text returns the index with the terminator.
func (a *arrayIndex) text(buf []byte) []byte {
	return append(strconv.AppendInt(buf, int64(10*a.number+a.digit), 10), 0)
}

// begins reports whether the field at the begin of src has the index.
func (a *arrayIndex) begins(src []byte) bool {
	return len(src) >= wordSize && binary.LittleEndian.Uint64(src)&a.bits == a.word || a.isKeyOf(src)
}

func (a *arrayIndex) isKeyOf(src []byte) bool {
	var buf [24]byte
	return bytes.HasPrefix(src[1:], a.text(buf[:0]))
}

func (a *arrayIndex) increment() {
	a.word += a.step
	if a.digit++; a.digit == 10 {
		a.carry()
	}
}

// carry ends the increment of an index whose last digit was 9.
func (a *arrayIndex) carry() {
	a.number, a.digit = a.number+1, 0
	var buf [24]byte
	text := a.text(buf[:0])
	a.size = len(text)
	if a.size >= wordSize {
		a.word, a.bits, a.step = neverEqual, 0, 0
		return
	}
	a.word, a.bits = wordOf(text)
	a.word, a.bits, a.step = a.word<<8, a.bits<<8, 1<<(8*(a.size-1))
}
