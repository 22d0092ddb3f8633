package bsoncodec

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestMaxGrowth checks the length of lines that are long for their documents: many short elements.
func TestMaxGrowth(t *testing.T) {
	longest := 0.0
	for name, element := range map[string]string{
		"undefined":                       "\x06\x00",
		"a MinKey":                        "\xFF\x00",
		"null with a control character":   "\x0A\x01\x00",
		"a boolean":                       "\x08\x00\x00",
		"a boolean that is 2":             "\x08\x00\x02",
		"an integer":                      "\x10\x00\x00\x00\x00\x80",
		"a NaN with a payload":            "\x01\x00\x01\x00\x00\x00\x00\x00\xF8\x7F",
		"a regular expression":            "\x0B\x00\x00\x00",
		"unsorted options":                "\x0B\x00\x00ba\x00",
		"an empty document":               "\x03\x00\x05\x00\x00\x00\x00",
		"a document with a key not UTF-8": "\x03\x00\x08\x00\x00\x00\x0A\xFF\x00\x00",
		"an empty binary value":           "\x05\x00\x00\x00\x00\x00\x00",
		"a binary value with two lengths": "\x05\x00\x00\x00\x00\x00\x02",
		"a string of one control byte":    "\x02\x00\x02\x00\x00\x00\x01\x00",
		"a string that is not UTF-8":      "\x02\x00\x02\x00\x00\x00\xFF\x00",
	} {
		doc := framed(bytes.Repeat([]byte(element), 1000))
		line, err := AppendExtJSON(nil, doc, nil)
		if err != nil || len(line) > maxGrowth*len(doc) {
			t.Errorf("%s: %d bytes for %d, %v", name, len(line), len(doc), err)
		}
		longest = max(longest, float64(len(line))/float64(len(doc)))
	}
	if longest < maxGrowth-1 {
		t.Errorf("the longest line has %.1f bytes for one of its document", longest)
	}
}

// TestEscapedLen compares the length that is computed in advance with the length of the written
// text.
func TestEscapedLen(t *testing.T) {
	parts := []string{
		"x", "some longer text ", "\x00", "\x1f", "\n", "\t", `"`, `\\`, "é", "€", "\u2027", "\u2028",
		"\u2029", "\u202a", "🍪", "\x7f",
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		w := writer{src: []byte(b.String() + "\x00"), maxLine: defaultLine}
		out, ok := w.escapedText(nil, 0, b.Len())
		if got := escapedLen([]byte(b.String())); !ok || got != len(out) {
			t.Fatalf("%q: %d, and %d are written (%t)", b.String(), got, len(out), ok)
		}
	}
	for _, text := range []string{"\xe2", "\xe2\x80", "\xe2\x80\xa8"} { // the text ends inside a character
		if got := escapedLen([]byte(text)); got < len(text) {
			t.Errorf("%q: %d", text, got)
		}
	}
}
