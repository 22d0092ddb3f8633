package bsonrand

import (
	"strings"
	"unicode/utf8"
)

var words = []string{
	"_id", "name", "value", "user", "created", "updated", "status", "count", "total", "tags", "items", "price",
	"currency", "a", "b", "address.city", "", "ключ", "日本語", "emoji😀", "with space", "quote\"", "back\\slash",
	"tab\t", "$set", "$ref", "$id", "$type", "$regex", "averyveryverylongkeythatdoesnotfitintoaword", "\u2028",
}

// Wrappers holds the keys that have a meaning in Extended JSON, in its legacy forms, or in this
// library.
var Wrappers = []string{
	"$oid", "$symbol", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal", "$binary", "$uuid", "$code",
	"$scope", "$timestamp", "$regularExpression", "$dbPointer", "$date", "$minKey", "$maxKey", "$undefined", "$type",
	"$regex", "$options", "$ref", "$id", "$millweirBSON", "base64", "subType", "pattern", "options", "t", "i", "type",
}

// key returns a key for the n-th element of a document.
func (g *Rand) key(n int) string {
	if g.Odd {
		switch g.r.IntN(12) {
		case 0:
			return g.pick(Wrappers)
		case 1:
			return g.pick([]string{"\xff", "a\xc3", "\xed\xa0\x80", "\x01\x02", "$", "$$oid", "$oidx", "$oi"})
		}
	}
	if g.oneIn(3) {
		return g.pick(words[:15]) + itoa(n)
	}
	return g.pick(words)
}

var alphabets = []string{
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,-_/",
	"abcdefghijklmnopqrstuvwxyz\"\\\n\r\t\b\f\x00\x01\x1f\x7f<>&/",
	"äöüßéèабвгдежзийклмн",
	"日本語中文字漢\u2028\u2029\uFEFF\uFFFD\uE000",
	"😀😁🎉𝄞abc",
}

// text returns a random text, which may contain any character.
func (g *Rand) text() string {
	n := g.r.IntN(24)
	if g.oneIn(30) {
		n = g.r.IntN(500)
	}
	if g.oneIn(3000) {
		n = g.r.IntN(60_000)
	}
	var s strings.Builder
	alphabet := []rune(g.pick(alphabets))
	if g.oneIn(2) {
		alphabet = []rune(alphabets[0])
	}
	for range n {
		if g.oneIn(40) {
			alphabet = []rune(g.pick(alphabets))
		}
		s.WriteRune(alphabet[g.r.IntN(len(alphabet))])
	}
	if g.Odd && g.oneIn(8) {
		cut := g.r.IntN(s.Len() + 1)
		return s.String()[:cut] +
			g.pick([]string{
				"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80",
				"\x80", "\xe2\x80", "\xf0\x9f\x98",
			}) +
			s.String()[cut:]
	}
	return s.String()
}

// cstring returns a random text without zero bytes.
func (g *Rand) cstring() string { return strings.ReplaceAll(g.text(), "\x00", "0") }

// namespace returns the namespace of a DBPointer. It is plain unless odd, because the driver does
// not escape it.
func (g *Rand) namespace() string {
	if g.Odd && g.oneIn(2) {
		return g.text()
	}
	s := "db." + g.pick(words[:15])
	if !utf8.ValidString(s) {
		return "db.c"
	}
	return s
}
