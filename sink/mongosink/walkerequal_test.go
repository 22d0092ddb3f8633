package mongosink

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/internal/corpus"
)

// A walker that has learned the keys of any documents finds what the plain functions find, in
// ordinary documents, in unusual ones and in damaged ones.
func TestWalkerFindsWhatThePlainFunctionsFind(t *testing.T) {
	n := 40_000
	if testing.Short() {
		n = 10_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	ordinary, c := bsonrand.New(1), corpus.New(1)
	unusual := bsonrand.New(2)
	unusual.Odd = true
	var w walker
	var seen [2][2]int // by ok and odd
	doc := c.Event()
	for i := range n {
		switch i % 100 {
		case 0:
			doc = slices.Clone(c.Event())
		case 20:
			doc = ordinary.Doc()
		case 40:
			doc = unusual.Doc()
		case 60:
			doc = slices.Clone(c.Big())
		case 80:
			doc = nestedDocument(r, 1+r.IntN(110))
		}
		l, ok := sameLayout(t, &w, doc)
		seen[indexOf(ok)][indexOf(l.odd)]++
		if i%1000 == 999 {
			w = walker{}
		}
		doc = changed(r, doc)
	}
	for _, of := range [][2]int{{0, 0}, {1, 0}, {1, 1}} {
		if seen[of[0]][of[1]] < n/200 {
			t.Errorf("too few documents of a kind to compare: %v", seen)
		}
	}
}

// The limits of what a walker learns, and of the hashes: many keys, long keys, and many shapes.
func TestWalkerLearnsWithinItsLimits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var w walker
	keys := func(n int, value any) bson.D {
		d := bson.D{}
		for k := range n {
			key := string(rune('a'+k%26)) + "-of-a-long-key-of-this-document"[:r.IntN(20)] + string(rune('一'+k))
			d = append(d, bson.E{Key: key, Value: value})
		}
		return d
	}
	for range 300 {
		d := keys(r.IntN(2*maxKeys), bson.A{bson.D{{Key: "x", Value: 1}}})
		if len(d) > 0 && r.IntN(4) == 0 {
			d = append(d, d[r.IntN(len(d))])
		}
		sameLayout(t, &w, document(d))
	}
	if w.used > maxLearned/4 {
		t.Errorf("of documents with different keys the walker has learned %d keys and shapes", w.used)
	}
	w = walker{}
	wide := document(keys(maxKeys, keys(maxKeys, keys(3, 1))))
	for range 4 {
		sameLayout(t, &w, wide)
	}
	if w.used > maxLearned || w.used < maxLearned-maxKeys {
		t.Errorf("the walker has learned %d keys and shapes, want almost %d", w.used, maxLearned)
	}
}

// An expected key may begin in a document and end after it.
func TestWalkerStaysInTheDocument(t *testing.T) {
	var w walker
	learned := document(bson.D{{Key: "d", Value: bson.D{{Key: "abc", Value: bson.Regex{Pattern: "r"}}}}})
	for range 3 {
		sameLayout(t, &w, learned)
	}
	sameLayout(t, &w, framed([]byte("size\x03d\x00\x08\x00\x00\x00\x0babc\x00rest")))
	sameLayout(t, &w, framed([]byte("size\x04d\x00\x06\x00\x00\x00\x0b0\x00\x00\x00rest")))
}

// A type that is none in a document with a learned key does not change what is expected of others.
func TestWalkerForgetsWrongTypes(t *testing.T) {
	for _, key := range []string{"k", "eight by", "fifteen bytes l", "a key of more than 15 bytes"} {
		var w walker
		learned := document(bson.D{{Key: key, Value: "text"}, {Key: "n", Value: 1}})
		other := document(bson.D{{Key: "m", Value: 1}, {Key: "m", Value: 1}})
		for wrong := range 256 {
			damaged := slices.Clone(learned)
			damaged[bsonwire.LengthSize] = byte(wrong)
			for _, doc := range []bson.Raw{learned, damaged, other, learned} {
				sameLayout(t, &w, doc)
			}
		}
	}
}

func FuzzWalker(f *testing.F) {
	f.Add([]byte(corpus.New(1).Cookie()), []byte(corpus.New(2).Cookie()), uint64(1))
	f.Fuzz(func(t *testing.T, first, second []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		var w walker
		for _, d := range [][]byte{first, first, second, changed(r, first), changed(r, second), first} {
			sameLayout(t, &w, framed(d))
		}
	})
}

// sameLayout fails the test if w and the plain functions find different layouts of doc.
func sameLayout(t *testing.T, w *walker, doc bson.Raw) (layout, bool) {
	t.Helper()
	l, ok := w.layout(doc)
	want, wantOK := plainLayout(doc)
	if ok != wantOK || ok && l != want {
		t.Fatalf("%x:\nhas the layout %+v, %v; want %+v, %v", []byte(doc), l, ok, want, wantOK)
	}
	if l, ok := layoutOf(doc); ok != wantOK || ok && l != want {
		t.Fatalf("%x:\nhas alone the layout %+v, %v; want %+v, %v", []byte(doc), l, ok, want, wantOK)
	}
	return l, ok
}

// framed returns d with the length and the terminator of a document.
func framed(d []byte) bson.Raw {
	d = slices.Clone(d)
	for len(d) < bsonwire.MinDocumentSize {
		d = append(d, 0)
	}
	binary.LittleEndian.PutUint32(d, uint32(len(d)))
	d[len(d)-1] = 0
	return d
}

// changed returns doc with one change: a byte, a field less, or a field that comes again or from
// elsewhere.
func changed(r *rand.Rand, doc bson.Raw) bson.Raw {
	if len(doc) <= bsonwire.MinDocumentSize {
		return framed(doc)
	}
	if r.IntN(4) > 0 {
		if d, ok := withFields(r, doc); ok {
			return d
		}
	}
	d := slices.Clone(doc)
	at := bsonwire.LengthSize + r.IntN(len(d)-bsonwire.LengthSize)
	d[at] = []byte{0, 1, 2, 3, 4, 0x0b, 0x11, '0', '1', 0xff}[r.IntN(10)]
	return framed(d)
}

// withFields changes the fields of doc, or of a document or array in it. It returns false if they
// are not BSON.
func withFields(r *rand.Rand, doc bson.Raw) (bson.Raw, bool) {
	elements, err := doc.Elements()
	if err != nil || len(elements) == 0 {
		return nil, false
	}
	i := r.IntN(len(elements))
	if v := elements[i].Value(); (v.Type == bson.TypeEmbeddedDocument || v.Type == bson.TypeArray) && r.IntN(4) > 0 {
		inner, ok := withFields(r, bson.Raw(v.Value))
		if !ok {
			return nil, false
		}
		key := elements[i][:len(elements[i])-len(v.Value)]
		elements[i] = append(slices.Clone(key), inner...)
	} else {
		switch r.IntN(4) {
		case 0:
			elements = slices.Delete(elements, i, i+1)
		case 1:
			elements = append(elements, elements[i])
		case 2:
			j := r.IntN(len(elements))
			elements[i], elements[j] = elements[j], elements[i]
		case 3:
			key := []string{"_id", "a", "0", "another", "a long one"}[r.IntN(5)]
			elements = slices.Insert(elements, i, bson.RawElement("\x11"+key+"\x00"+emptyTimestamp))
		}
	}
	d := make([]byte, bsonwire.LengthSize)
	for _, e := range elements {
		d = append(d, e...)
	}
	return framed(append(d, 0)), true
}

// nestedDocument returns a document in documents and arrays, depth deep.
func nestedDocument(r *rand.Rand, depth int) bson.Raw {
	var v any = bson.D{}
	for range depth - 1 {
		if r.IntN(3) == 0 {
			v = bson.A{v}
		} else {
			v = bson.D{{Key: "d", Value: v}, {Key: "e", Value: depth}}
		}
	}
	return document(bson.D{{Key: "d", Value: v}})
}

func indexOf(b bool) int {
	if b {
		return 1
	}
	return 0
}
