package bsoncodec

import (
	"strings"
	"testing"

	"github.com/millweir/millweir/internal/bsonrand"
)

// TestDocumentLength compares the length that is computed in advance with the document.
func TestDocumentLength(t *testing.T) {
	g := bsonrand.New(14)
	g.Odd = true
	for i := range 20_000 {
		line, err := AppendExtJSON(nil, g.Doc(), &ExtJSONOptions{Relaxed: i%2 == 1})
		if err != nil {
			t.Fatal(err)
		}
		checkDocumentLength(t, string(line))
	}
}

// TestDocumentLengthOfText does the same for text that this package does not write.
func TestDocumentLengthOfText(t *testing.T) {
	for _, value := range []string{
		`"\u0041\u00e9\u20ac\ud83c\udf6a\n\/"`, `{"$uuid":"00112233-4455-6677-8899-aabbccddeeff"}`,
		`{"$date":"2026-11-29T16:00:00Z"}`, `{"$date":1}`, `{"$date":{"$numberLong":"1"}}`,
		`{"$binary":"AAAA","$type":"02"}`, `{"$binary":{"subType":"00","base64":"AAAAAAAA"}}`,
		`{"$scope":{"a":[1,2.5,3000000000]},"$code":"c\n"}`, `{ "$symbol" : "s\\" }`, `{"$code":"c"}`,
		`{"$dbPointer":{"$ref":"a.b","$id":"00112233445566778899aabb"}}`, `[[],{},[{}],"",-1,1e3,true,false,null]`,
		`[` + strings.Repeat(`0 , `, 2000) + `0]`,
		`[` + strings.Repeat(`{"$binary":{"base64":"AA==","subType":"00"}},`, 2000) + `0]`,
		`[` + strings.Repeat(`{"$binary":"AAA=","$type":"00"},`, 2000) + `0]`,
		`[` + strings.Repeat(`{"$millweirBSON":{"type":"08","base64":"Ag=="}},`, 2000) + `0]`,
		`[` + strings.Repeat(`{"$code":"","$scope":{}},`, 2000) + `0]`,
		strings.Repeat(`{"$code":"","$scope":{"a":`, 150) + `1` + strings.Repeat(`}}`, 150),
		strings.Repeat(`{"$scope":{"a":`, 150) + `1` + strings.Repeat(`},"$code":""}`, 150),
	} {
		checkDocumentLength(t, ` { "a" : `+value+` , "b":`+value+`}`)
	}
}

// checkDocumentLength fails t if the length is too small, or more than a tenth too large.
func checkDocumentLength(t *testing.T, line string) {
	t.Helper()
	doc, err := AppendBSON(nil, []byte(line), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := documentMeter{src: []byte(line), maxDepth: defaultDepth + wrapperDepth}
	n, next := m.document(strings.IndexByte(line, '{'))
	if next != len(line) || n < len(doc) || n > len(doc)*11/10+40 {
		t.Fatalf("measured as %d bytes up to %d, but a line of %d has a document of %d: %s", n, next, len(line),
			len(doc), line)
	}
}

// TestDocumentLengthOfDamage measures malformed lines: it must return.
func TestDocumentLengthOfDamage(t *testing.T) {
	g := bsonrand.New(15)
	for range 100 {
		line, err := AppendExtJSON(nil, g.Doc(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(line) > 1000 {
			continue
		}
		for i := range line {
			for _, c := range []byte(`"\{}[]:, 0`) {
				kept := line[i]
				line[i] = c
				m := documentMeter{src: line, maxDepth: defaultDepth}
				if n, _ := m.document(0); n > 9*len(line) {
					t.Fatalf("measured as %d bytes: %s", n, line)
				}
				line[i] = kept
			}
			m := documentMeter{src: line[:i], maxDepth: defaultDepth}
			m.document(0)
		}
	}
}
