package bsoncodec

import (
	"math/rand/v2"
	"strings"
	"testing"
)

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
