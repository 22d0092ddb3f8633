package bsoncodec

import (
	"bytes"
	"testing"

	"github.com/millweir/millweir/internal/bsonrand"
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
