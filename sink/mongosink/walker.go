package mongosink

import (
	"encoding/binary"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonwire"
)

// MongoDB stores the documents of a command as they are. Some other servers read the body of a
// command into maps, and so change unusual documents: those with two equal keys, with array indexes
// that do not count from 0, or with options of a regular expression that are not sorted. They keep
// all documents that come as a separate section of the message, which only the driver can send.

// walker finds the layout of documents. It learns the keys of a run's documents.
type walker struct {
	src  []byte
	odd  bool // src is one of these documents, or has a nested one that is not BSON
	root shape
	none shape // of documents whose keys are not learned
	used int   // keys and shapes learned
}

// maxOddDepth is the nesting up to which documents are searched.
const maxOddDepth = 100

// layoutOf is layout for a single document.
func layoutOf(doc bson.Raw) (l layout, ok bool) {
	w := walker{used: maxLearned}
	return w.layout(doc)
}

// layout walks doc, whose length and terminator the caller has checked. It returns false if a
// top-level field is not BSON.
func (w *walker) layout(doc bson.Raw) (l layout, ok bool) {
	w.src, w.odd = doc, false
	ok = w.document(&w.root, bsonwire.LengthSize, len(doc)-1, 0, &l)
	w.src = nil
	l.odd = w.odd
	return l, ok
}

// document walks the fields of a document, which are at src[first:limit]. top is nil for a nested
// one. It returns false if a field is not BSON. Most fields cost it no call.
func (w *walker) document(sh *shape, first, limit, depth int, top *layout) bool {
	src, keys := w.src, sh.keys
	next := 0 // of keys
	for i := first; i < limit; next++ {
		if next >= len(keys) || len(src)-i <= wordSize || !keys[next].short ||
			binary.LittleEndian.Uint64(src[i+1:])&keys[next].mask != keys[next].word {
			if next = present(keys, next, src, i+1); next < 0 {
				return w.unexpected(&fields{src: src, shape: sh, first: first, limit: limit}, i, depth, top)
			}
		}
		k := &keys[next]
		t, value := src[i], i+1+len(k.text)
		end := value + bsonwire.FixedSize(t)
		if t == bsonwire.TypeString {
			end = bsonwire.StringEnd(src, value, limit)
		}
		if end < value {
			if end = w.value(t, value, limit, k, depth); end < 0 {
				return false
			}
		}
		if end > limit {
			return false
		}
		if top != nil && (k.isID || t == bsonwire.TypeTimestamp) {
			top.field(src, i, value, end)
		}
		i = end
	}
	return true
}

// unexpected walks the rest of a document, from the field at src[i] on, whose key is not the expected
// one.
func (w *walker) unexpected(f *fields, i, depth int, top *layout) bool {
	f.addAll(i)
	for i < f.limit {
		value := f.key(i)
		if value < 0 {
			return false
		}
		end := value + bsonwire.FixedSize(f.src[i])
		if end < value {
			if end = w.value(f.src[i], value, f.limit, nil, depth); end < 0 {
				return false
			}
		}
		if end > f.limit {
			return false
		}
		if top != nil {
			top.field(f.src, i, value, end)
		}
		i = end
	}
	w.odd = w.odd || f.repeated
	if !w.odd {
		w.learn(f)
	}
	return true
}

// array walks the elements of an array, which are at src[i:limit]. It returns false if one is not
// BSON, or if an index is not the expected one.
func (w *walker) array(sh *shape, i, limit, depth int) bool {
	src := w.src
	elements := expectedKey{inner: sh}
	index := firstIndex()
	for i < limit {
		if len(src)-i <= wordSize || binary.LittleEndian.Uint64(src[i+1:])&index.mask != index.word {
			if !index.at(src, i+1) {
				return false
			}
		}
		t, value := src[i], i+1+index.size
		end := value + bsonwire.FixedSize(t)
		if t == bsonwire.TypeString {
			end = bsonwire.StringEnd(src, value, limit)
		}
		if end < value {
			if end = w.value(t, value, limit, &elements, depth); end < 0 {
				return false
			}
		}
		if end > limit {
			return false
		}
		i = end
		if index.digit++; index.digit < 10 {
			index.word += index.step
		} else {
			index.carry()
		}
	}
	return true
}

// value looks at a value of type t at src[start], which may lie after limit. It returns the offset
// after it, or -1 if there is no such value before limit. k is the key, or nil.
func (w *walker) value(t byte, start, limit int, k *expectedKey, depth int) int {
	if start > limit {
		return -1
	}
	end, err := bsonwire.ValueEnd(w.src, t, start, limit)
	if err != nil {
		return -1
	}
	if w.odd {
		return end
	}
	switch t {
	case bsonwire.TypeDocument, bsonwire.TypeArray:
		w.nested(t, start+bsonwire.LengthSize, end-1, k, depth+1)
	case bsonwire.TypeRegex:
		options, _ := bsonwire.RegexEnds(w.src, start, end)
		w.odd = !slices.IsSorted(w.src[options : end-1])
	case bsonwire.TypeCodeWithScope:
		w.odd = true
	}
	return end
}

// nested walks a document or array. src is odd if this one is not BSON.
func (w *walker) nested(t byte, first, limit int, k *expectedKey, depth int) {
	if first == limit {
		return
	}
	sh := w.shapeOf(k)
	ok := depth <= maxOddDepth
	switch {
	case !ok:
	case t == bsonwire.TypeArray:
		ok = w.array(sh, first, limit, depth)
	default:
		ok = w.document(sh, first, limit, depth, nil)
	}
	w.odd = w.odd || !ok
}
