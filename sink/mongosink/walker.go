package mongosink

import (
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
	odd  bool // the document is one of these, or has a nested one that is not BSON
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
	w.odd = false
	ok = w.document(&w.root, doc[bsonwire.LengthSize:len(doc)-1], 0, &l)
	l.odd = w.odd
	return l, ok
}

// document walks the fields of a document. top is nil for a nested one. It returns false if a field
// is not BSON. Most fields cost it no call.
func (w *walker) document(sh *shape, doc []byte, depth int, top *layout) bool {
	keys := sh.keys
	next := 0 // of keys
	for rest := doc; len(rest) > 0; next++ {
		if next >= len(keys) || !keys[next].begins(rest) {
			if next = present(keys, next, rest); next < 0 {
				return w.unexpected(&fields{src: doc, shape: sh}, len(doc)-len(rest), depth, top)
			}
			keys[next].setType(rest[0]) // a field with null in one document may have text in the next ones
		}
		k := &keys[next]
		size := k.size
		switch {
		case size >= k.value:
		case k.t == bsonwire.TypeString:
			size = bsonwire.StringEnd(rest, k.value, len(rest))
		case k.t == bsonwire.TypeDocument, k.t == bsonwire.TypeArray:
			size = w.nested(k.t, rest, k.value, w.shapeOf(k), depth+1)
		default:
			size = w.value(k.t, rest, k.value, &w.none, depth)
		}
		if uint(size) > uint(len(rest)) {
			return false
		}
		if k.ofLayout && top != nil {
			top.field(rest[:size], k.value, len(rest) == len(doc))
		}
		rest = rest[size:]
	}
	return true
}

// unexpected walks the rest of a document, from the field at offset i on, whose key is not the
// expected one.
func (w *walker) unexpected(f *fields, i, depth int, top *layout) bool {
	f.addAll(i)
	for i < len(f.src) {
		value := f.key(i)
		if value < 0 {
			return false
		}
		end := value + bsonwire.FixedSize(f.src[i])
		if end < value {
			end = w.value(f.src[i], f.src, value, &w.none, depth)
		}
		if uint(end) > uint(len(f.src)) {
			return false
		}
		if top != nil {
			top.field(f.src[i:end], value-i, i == 0)
		}
		i = end
	}
	w.odd = w.odd || f.repeated
	if !w.odd {
		w.learn(f)
	}
	return true
}

// array walks the elements of an array. It returns false if one is not BSON, or if an index is not
// the expected one.
func (w *walker) array(sh *shape, rest []byte, depth int) bool {
	index := firstIndex()
	for len(rest) > 0 {
		if !index.begins(rest) {
			return false
		}
		t, value := rest[0], 1+index.size
		size := value + bsonwire.FixedSize(t)
		if t == bsonwire.TypeString {
			size = bsonwire.StringEnd(rest, value, len(rest))
		} else if size < value {
			size = w.value(t, rest, value, sh, depth)
		}
		if uint(size) > uint(len(rest)) {
			return false
		}
		rest = rest[size:]
		index.increment()
	}
	return true
}

// value looks at a value of type t at src[start], which may lie after the end. It returns the
// offset after it, or -1 if there is no such value. sh is the shape of documents in it.
func (w *walker) value(t byte, src []byte, start int, sh *shape, depth int) int {
	if t == bsonwire.TypeDocument || t == bsonwire.TypeArray {
		return w.nested(t, src, start, sh, depth+1)
	}
	if start > len(src) {
		return -1
	}
	end, err := bsonwire.ValueEnd(src, t, start, len(src))
	if err != nil {
		return -1
	}
	switch t {
	case bsonwire.TypeRegex:
		options, _ := bsonwire.RegexEnds(src, start, end)
		w.odd = w.odd || !slices.IsSorted(src[options:end-1])
	case bsonwire.TypeCodeWithScope:
		w.odd = true
	}
	return end
}

// nested is value for a document or array. The whole document is odd if this one is not BSON.
func (w *walker) nested(t byte, src []byte, start int, sh *shape, depth int) int {
	if len(src)-start < bsonwire.MinDocumentSize {
		return -1
	}
	n := bsonwire.Length(src, start)
	if n < bsonwire.MinDocumentSize || n > len(src)-start {
		return -1
	}
	end := start + n
	if w.odd || n == bsonwire.MinDocumentSize {
		return end
	}
	inside := src[start+bsonwire.LengthSize : end-1]
	ok := depth <= maxOddDepth
	switch {
	case !ok:
	case t == bsonwire.TypeArray:
		ok = w.array(sh, inside, depth)
	default:
		ok = w.document(sh, inside, depth, nil)
	}
	w.odd = w.odd || !ok
	return end
}
