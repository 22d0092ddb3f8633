package bsoncodec

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/internal/bsonwire"
)

// TestLineLength compares the length that is computed in advance with the line.
func TestLineLength(t *testing.T) {
	g := bsonrand.New(14)
	g.Odd = true
	whole, partly, exact := 0, 0, 0
	for i := range 20_000 {
		doc := g.Doc()
		o := ExtJSONOptions{Relaxed: i%2 == 1, Strict: i%5 == 0}
		if err := o.check(); err != nil {
			t.Fatal(err)
		}
		w := o.writer()
		line, err := w.document(nil, doc)
		m := lineMeter{src: doc, relaxed: o.Relaxed, strict: o.Strict, maxDepth: o.MaxDepth}
		n, end := m.document()
		switch {
		case err != nil:
			if end != failed {
				t.Fatalf("%x: measured as %d, %d; the writer fails: %v", []byte(doc), n, end, err)
			}
		case end == inexact:
			whole++
			if len(line) != escapeFormLen(len(doc)) {
				t.Fatalf("%x: not escaped as a whole: %s", []byte(doc), line)
			}
		case n != len(line):
			t.Fatalf("%x: measured as %d bytes, but %d were written: %s", []byte(doc), n, len(line), line)
		case bytes.Contains(line, []byte(escapeKey)):
			partly++
		default:
			exact++
		}
	}
	if whole < 10 || partly < 100 || exact < 100 {
		t.Errorf("%d documents were escaped as a whole, %d partly, %d not", whole, partly, exact)
	}
}

// TestLineLengthOfDamage measures damaged documents: of those that are still valid, all of the line.
func TestLineLengthOfDamage(t *testing.T) {
	g := bsonrand.New(15)
	out := make([]byte, 0, 64<<10)
	for range 300 {
		doc := bytes.Clone(g.Doc())
		for i := range min(len(doc), 400) {
			doc[i]++
			o := ExtJSONOptions{}
			if err := o.check(); err != nil {
				t.Fatal(err)
			}
			w := o.writer()
			line, err := w.document(out, doc)
			n, end := w.measure()
			if err == nil && (end == failed || end >= 0 && n < len(line)) {
				t.Fatalf("%x: measured as %d, %d; %d were written: %v", doc, n, end, len(line), err)
			}
			doc[i]--
		}
	}
}

// TestLineLengthOfDiscards writes documents into memory of the measured size, which must suffice,
// although the writer writes containers and then replaces them by their escape form.
func TestLineLengthOfDiscards(t *testing.T) {
	checked := 0
	check := func(doc []byte) {
		t.Helper()
		o := ExtJSONOptions{}
		if err := o.check(); err != nil {
			t.Fatal(err)
		}
		w := o.writer()
		w.src = doc
		n, end := w.measure()
		if end == inexact { // nothing is written first
			return
		}
		checked++
		memory := make([]byte, 0, n+lineSlack)
		line, err := w.document(memory, doc)
		if err != nil || &line[0] != &memory[:1][0] {
			t.Errorf("%d bytes were measured, and %d written, %v", n, len(line), err)
		}
	}
	text := "\x02t\x00\x65\x00\x00\x00" + strings.Repeat("\x01", 100) + "\x00"
	odd := "\x0A\xFF\x00"
	doc := framed([]byte(text + odd))
	for range 10 {
		doc = framed([]byte(text), []byte("\x03d\x00"), doc, []byte(odd))
		check(framed([]byte("\x03d\x00"), doc))
	}
	g := bsonrand.New(16)
	g.Odd = true
	for range 5000 {
		check(g.Doc())
	}
	if checked < 3000 {
		t.Errorf("%d documents were checked", checked)
	}
}

// TestLineLengthOfKeyWithoutEnd measures and writes large documents with a damaged array: the last
// key has no end but the terminator of the array.
func TestLineLengthOfKeyWithoutEnd(t *testing.T) {
	padding, err := bson.Marshal(bson.D{{Key: "p", Value: make([]byte, measuredSize)}})
	if err != nil {
		t.Fatal(err)
	}
	field := padding[bsonwire.LengthSize : len(padding)-1]
	for _, index := range []int{0, 10, 100} {
		for code := range 256 {
			array := arrayWithoutEnd(index, byte(code))
			for name, fields := range map[string][][]byte{"first": {array, field}, "last": {field, array}} {
				doc := framed(fields...)
				line, err := AppendExtJSON(nil, doc, nil)
				if !errors.Is(err, bsonwire.ErrKey) || len(line) > 0 {
					t.Errorf("type %#x at index %d, %s: %d bytes, %v", code, index, name, len(line), err)
				}
			}
		}
	}
}

// arrayWithoutEnd returns a field with an array of nulls. Its last element has this index and type,
// and the terminator of the array ends its key.
func arrayWithoutEnd(index int, t byte) []byte {
	var elements [][]byte
	for i := range index {
		elements = append(elements, []byte("\x0A"+strconv.Itoa(i)+"\x00"))
	}
	elements = append(elements, append([]byte{t}, strconv.Itoa(index)...))
	return append([]byte("\x04a\x00"), framed(elements...)...)
}

// framed returns a document with these fields.
func framed(fields ...[]byte) []byte {
	doc := append(make([]byte, bsonwire.LengthSize), bytes.Join(fields, nil)...)
	doc = append(doc, 0)
	bsonwire.PutLength(doc, 0)
	return doc
}
