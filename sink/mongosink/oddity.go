package mongosink

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/millweir/millweir/internal/bsonwire"
)

// MongoDB stores the documents of a command as they are. Some other servers read the body of a
// command into maps, and so change unusual documents: those with two equal keys, with array indexes
// that do not count from 0, or with options of a regular expression that are not sorted. They keep
// all documents that come as a separate section of the message, which only the driver can send.

// oddity finds out whether a document is one of these.
type oddity struct {
	src   []byte
	found bool
}

// maxOddDepth is the nesting up to which documents are searched.
const maxOddDepth = 100

// keySet has the hashes of the keys of one document.
type keySet [4]uint64

// add reports whether a key with the same hash was added before. The hash covers the length and the
// first 8 bytes, so it costs little. src[key:end] is the key.
func (s *keySet) add(src []byte, key, end int) (before bool) {
	var word uint64
	if n := end - key; len(src)-key >= 8 {
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

// key looks at the key at src[key:end-1] of the field at src[at], in a document whose fields begin
// at src[first].
func (o *oddity) key(keys *keySet, first, at, key, end int) {
	if keys.add(o.src, key, end-1) && o.repeated(first, at, o.src[key:end]) {
		o.found = true
	}
}

// repeated reports whether a field from first to at has the key, which ends with 0.
func (o *oddity) repeated(first, at int, key []byte) bool {
	for i := first; i < at; {
		value := bsonwire.KeyEnd(o.src, i+1, at)
		if value < 0 || bytes.Equal(o.src[i+1:value], key) {
			return true
		}
		end, err := bsonwire.ValueEnd(o.src, o.src[i], value, at)
		if err != nil {
			return true
		}
		i = end
	}
	return false
}

// value looks at a value of type t.
func (o *oddity) value(t byte, start, end, depth int) {
	switch t {
	case bsonwire.TypeDocument:
		o.document(start, end, depth)
	case bsonwire.TypeArray:
		o.array(start, end, depth)
	case bsonwire.TypeRegex:
		options, _ := bsonwire.RegexEnds(o.src, start, end)
		o.found = o.found || !slices.IsSorted(o.src[options:end-1])
	case bsonwire.TypeCodeWithScope:
		o.found = true
	}
}

func (o *oddity) document(start, end, depth int) {
	var keys keySet
	first := start + bsonwire.LengthSize
	for i := first; i < end-1 && !o.found; {
		value, next := o.field(i, end-1, depth)
		if next > 0 {
			o.key(&keys, first, i, i+1, value)
		}
		i = next
	}
}

func (o *oddity) array(start, end, depth int) {
	i := start + bsonwire.LengthSize
	for index := 0; i < end-1 && !o.found; index++ {
		value, next := o.field(i, end-1, depth)
		if next > 0 {
			o.index(o.src[i+1:value-1], index)
		}
		i = next
	}
}

// index looks at a key of an array.
func (o *oddity) index(key []byte, index int) {
	if index < 10 && len(key) == 1 && key[0] == byte('0'+index) {
		return
	}
	var digits [20]byte
	o.found = o.found || !bytes.Equal(key, strconv.AppendInt(digits[:0], int64(index), 10))
}

// field looks at the value of the field at src[i], and returns where it begins and ends. What is no
// BSON counts as odd.
func (o *oddity) field(i, limit, depth int) (value, end int) {
	t := o.src[i]
	value = bsonwire.KeyEnd(o.src, i+1, limit)
	if value < 0 || depth > maxOddDepth {
		o.found = true
		return 0, 0
	}
	if n := bsonwire.FixedSize(t); n >= 0 && n <= limit-value { // most values, without a call
		return value, value + n
	}
	if t == bsonwire.TypeString {
		if end = bsonwire.StringEnd(o.src, value, limit); end >= 0 {
			return value, end
		}
	}
	end, err := bsonwire.ValueEnd(o.src, t, value, limit)
	if err != nil {
		o.found = true
		return 0, 0
	}
	o.value(t, value, end, depth+1)
	return value, end
}
