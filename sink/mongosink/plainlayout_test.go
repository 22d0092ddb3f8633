package mongosink

import (
	"bytes"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/millweir/millweir/internal/bsonwire"
)

// The functions of this file find the layout of a document in the plainest way. Those of walker must
// agree with them.

// plainLayout walks the fields of doc, whose length and terminator the caller has checked. It returns
// false if a top-level field is not BSON.
func plainLayout(doc bson.Raw) (l layout, ok bool) {
	o := oddity{src: doc}
	limit := len(doc) - 1
	for i := len("size"); i < limit; {
		t, key := doc[i], i+1
		value := bsonwire.KeyEnd(doc, key, limit)
		if value < 0 {
			return l, false
		}
		end := value + bsonwire.FixedSize(t) // of most values, without a call
		if end < value || end > limit {
			var err error
			if end, err = bsonwire.ValueEnd(doc, t, value, limit); err != nil {
				return l, false
			}
		}
		switch {
		case string(doc[key:value]) == idKey:
			l.ids++
			l.idFirst = l.idFirst || i == len("size")
			l.badID = l.badID || invalidID(bsoncore.Value{Type: bsoncore.Type(t), Data: doc[value:end]})
		case bson.Type(t) == bson.TypeTimestamp:
			l.emptyTimestamp = l.emptyTimestamp || string(doc[value:end]) == emptyTimestamp
		}
		if !o.found {
			o.key(len("size"), i, key, value)
			o.value(t, value, end, 1)
		}
		i = end
	}
	l.odd = o.found
	return l, true
}

// oddity finds out whether a document is one of these.
type oddity struct {
	src   []byte
	found bool
}

// key looks at the key at src[key:end-1] of the field at src[at], in a document whose fields begin
// at src[first].
func (o *oddity) key(first, at, key, end int) {
	if o.repeated(first, at, o.src[key:end]) {
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
	first := start + bsonwire.LengthSize
	for i := first; i < end-1 && !o.found; {
		value, next := o.field(i, end-1, depth)
		if next > 0 {
			o.key(first, i, i+1, value)
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
