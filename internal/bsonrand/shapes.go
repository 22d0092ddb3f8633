package bsonrand

import (
	"encoding/binary"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Cookie returns a small flat document, of about 178 bytes: a browser's cookie.
func (g *Rand) Cookie() bson.Raw {
	b := begin(nil)
	b = g.id(b, "_id")
	b = str(b, "domain", g.pick([]string{".example.com", ".shop.example.org", "news.example.net"}))
	b = str(b, "name", g.pick([]string{"session", "_ga_123456", "csrftoken", "pref"}))
	b = str(b, "value", g.letters(25))
	b = str(b, "path", "/")
	b = g.when(b, "expires")
	b = flag(b, "secure", g.one(2))
	b = flag(b, "httpOnly", g.one(2))
	b = i32(b, "hits", g.r.IntN(5000))
	b = i64(b, "size", g.r.Int64N(1<<40))
	return finish(b, 0)
}

// Event returns a nested document of about 878 bytes: an event of a shop, with user, items and labels.
func (g *Rand) Event() bson.Raw {
	b := begin(nil)
	b = g.id(b, "_id")
	b = str(b, "type", g.pick([]string{"order.created", "order.paid", "page.view", "cart.updated"}))
	b = g.when(b, "at")
	b = i32(b, "version", 1+g.r.IntN(9))
	b, user := open(b, 0x03, "user")
	b = g.id(b, "id")
	b = str(b, "name", g.letters(6)+" "+g.letters(9))
	b = str(b, "email", g.letters(8)+"@example.com")
	b, address := open(b, 0x03, "address")
	b = str(b, "street", g.letters(12)+" "+itoa(g.r.IntN(200)))
	b = str(b, "city", g.pick([]string{"Berlin", "Köln", "Paris", "São Paulo", "Kraków"}))
	b = str(b, "zip", itoa(10000+g.r.IntN(90000)))
	b, location := open(b, 0x04, "location")
	b = f64(b, "0", float64(g.r.IntN(360e6))/1e6-180)
	b = f64(b, "1", float64(g.r.IntN(180e6))/1e6-90)
	b = finish(b, location)
	b = finish(b, address)
	b = flag(b, "active", true)
	b = finish(b, user)
	b, items := open(b, 0x04, "items")
	for k := range 4 {
		var item int
		b, item = open(b, 0x03, itoa(k))
		b = str(b, "sku", g.letters(10))
		b = str(b, "title", g.letters(5)+" "+g.letters(8)+" "+g.letters(4))
		b = i32(b, "quantity", 1+g.r.IntN(9))
		b = f64(b, "price", float64(100+g.r.IntN(20000))/100)
		b = finish(b, item)
	}
	b = finish(b, items)
	b = f64(b, "total", float64(g.r.IntN(9e6))/100)
	b, tags := open(b, 0x04, "tags")
	for k := range 3 {
		b = str(b, itoa(k), g.letters(4+g.r.IntN(5)))
	}
	b = finish(b, tags)
	b = str(b, "agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0")
	b = i64(b, "sequence", g.r.Int64N(1<<45))
	b = append(append(append(b, 0x0A), "parent"...), 0)
	b = bin(b, "trace", 0, g.bytes(24))
	return finish(b, 0)
}

// Big returns a document of about 8.9 KB: an article with a long text in several languages, a series of numbers, revisions and a
// thumbnail.
func (g *Rand) Big() bson.Raw {
	b := begin(nil)
	b = g.id(b, "_id")
	b = str(b, "title", g.letters(8)+" "+g.letters(12))
	text := ""
	for len(text) < 3520 {
		text += g.pick([]string{"lorem ", "ipsum ", "dolor sit amet, ", "\"quoted\" ", "naïve café ", "line\n", "consectetur adipiscing ", "elit. "})
	}
	b = str(b, "body", text)
	b, series := open(b, 0x04, "series")
	for k := range 120 {
		b = f64(b, itoa(k), g.r.NormFloat64())
	}
	b = finish(b, series)
	b, revisions := open(b, 0x04, "revisions")
	for k := range 20 {
		var rev int
		b, rev = open(b, 0x03, itoa(k))
		b = g.id(b, "author")
		b = g.when(b, "at")
		b = str(b, "comment", g.letters(10)+" "+g.letters(20))
		b = i32(b, "added", g.r.IntN(1000))
		b = i64(b, "bytes", g.r.Int64N(1<<30))
		b = finish(b, rev)
	}
	b = finish(b, revisions)
	b = bin(b, "thumbnail", 0, g.bytes(1400))
	b, counts := open(b, 0x03, "counts")
	for k := range 20 {
		b = i32(b, "c"+itoa(k), g.r.IntN(1e6))
	}
	b = finish(b, counts)
	return finish(b, 0)
}

// Mix returns a cookie, an event or a big document, 40, 50 and 10 of a hundred: 1.4 KB on average.
func (g *Rand) Mix() bson.Raw {
	switch n := g.r.IntN(100); {
	case n < 40:
		return g.Cookie()
	case n < 90:
		return g.Event()
	}
	return g.Big()
}

func begin(b []byte) []byte { return append(b, 0, 0, 0, 0) }

// open begins a document or array as the value of key, and returns where it begins.
func open(b []byte, t byte, key string) ([]byte, int) {
	b = append(append(append(b, t), key...), 0)
	return begin(b), len(b)
}

func str(b []byte, key, v string) []byte {
	return appendString(append(append(append(b, 0x02), key...), 0), v)
}

func f64(b []byte, key string, v float64) []byte {
	return binary.LittleEndian.AppendUint64(append(append(append(b, 0x01), key...), 0), math.Float64bits(v))
}

func i32(b []byte, key string, v int) []byte {
	return binary.LittleEndian.AppendUint32(append(append(append(b, 0x10), key...), 0), uint32(v))
}

func i64(b []byte, key string, v int64) []byte {
	return binary.LittleEndian.AppendUint64(append(append(append(b, 0x12), key...), 0), uint64(v))
}

func flag(b []byte, key string, v bool) []byte {
	b = append(append(append(b, 0x08), key...), 0)
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func bin(b []byte, key string, subtype byte, v []byte) []byte {
	b = append(append(append(b, 0x05), key...), 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
	return append(append(b, subtype), v...)
}

func (g *Rand) id(b []byte, key string) []byte {
	return append(append(append(append(b, 0x07), key...), 0), g.bytes(12)...)
}

func (g *Rand) when(b []byte, key string) []byte {
	b = append(append(append(b, 0x09), key...), 0)
	return binary.LittleEndian.AppendUint64(b, uint64(1_600_000_000_000+g.r.Int64N(200_000_000_000)))
}

// letters returns n letters.
func (g *Rand) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + g.r.IntN(26))
	}
	return string(b)
}
