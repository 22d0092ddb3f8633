package corpus

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Cookie returns a small flat document of about 178 bytes: a cookie of a browser.
func (c *Corpus) Cookie() bson.Raw {
	b := begin(nil)
	b = c.objectID(b, "_id")
	b = text(b, "domain", c.pick(domains))
	b = text(b, "name", c.pick(cookies))
	b = text(b, "value", c.token(26))
	b = text(b, "path", "/")
	b = c.date(b, "expires")
	b = boolean(b, "secure", c.oneIn(2))
	b = boolean(b, "httpOnly", c.oneIn(2))
	b = int32Value(b, "hits", c.r.Int32N(5000))
	b = int64Value(b, "size", c.r.Int64N(1<<40))
	return end(b, 0)
}

// Event returns a nested document of about 878 bytes: an event of a shop, with its user, items and
// labels.
func (c *Corpus) Event() bson.Raw {
	b := begin(nil)
	b = c.objectID(b, "_id")
	b = text(b, "type", c.pick(events))
	b = c.date(b, "at")
	b = int32Value(b, "version", 1+c.r.Int32N(9))

	b, user := open(b, document, "user")
	b = c.objectID(b, "id")
	b = text(b, "name", c.word()+" "+c.word())
	b = text(b, "email", c.word()+"."+c.word()+"@example.com")
	b, address := open(b, document, "address")
	b = text(b, "street", c.word()+" "+strconv.Itoa(c.r.IntN(200)))
	b = text(b, "city", c.pick(cities))
	b = text(b, "zip", strconv.Itoa(10000+c.r.IntN(90000)))
	b, location := open(b, array, "location")
	b = double(b, "0", float64(c.r.IntN(360e6))/1e6-180)
	b = double(b, "1", float64(c.r.IntN(180e6))/1e6-90)
	b = end(b, location)
	b = end(b, address)
	b = boolean(b, "active", true)
	b = end(b, user)

	b, items := open(b, array, "items")
	for k := range 4 {
		var item int
		b, item = open(b, document, strconv.Itoa(k))
		b = text(b, "sku", c.token(10))
		b = text(b, "title", c.words(3))
		b = int32Value(b, "quantity", 1+c.r.Int32N(9))
		b = double(b, "price", float64(100+c.r.IntN(20000))/100)
		b = end(b, item)
	}
	b = end(b, items)
	b = double(b, "total", float64(c.r.IntN(9e6))/100)

	b, labels := open(b, array, "labels")
	for k := range 3 {
		b = text(b, strconv.Itoa(k), c.word())
	}
	b = end(b, labels)
	b = text(b, "agent", c.pick(agents))
	b = int64Value(b, "sequence", c.r.Int64N(1<<45))
	b = null(b, "parent")
	b = binaryValue(b, "trace", c.bytes(24))
	return end(b, 0)
}

// Big returns a document of about 8.9 KB: an article with its text, a series of measurements,
// revisions, counters and a thumbnail.
func (c *Corpus) Big() bson.Raw {
	b := begin(nil)
	b = c.objectID(b, "_id")
	b = text(b, "title", c.words(4))
	var body strings.Builder
	for body.Len() < 4600 {
		body.WriteString(c.pick(phrases))
		body.WriteString(c.words(1 + c.r.IntN(6)))
		body.WriteByte(' ')
	}
	b = text(b, "body", body.String())
	b, series := open(b, array, "series")
	for k := range 60 {
		b = double(b, strconv.Itoa(k), c.r.NormFloat64())
	}
	b = end(b, series)
	b, revisions := open(b, array, "revisions")
	for k := range 16 {
		var revision int
		b, revision = open(b, document, strconv.Itoa(k))
		b = c.objectID(b, "author")
		b = c.date(b, "at")
		b = text(b, "comment", c.words(4))
		b = int32Value(b, "added", c.r.Int32N(1000))
		b = int64Value(b, "bytes", c.r.Int64N(1<<30))
		b = end(b, revision)
	}
	b = end(b, revisions)
	b = binaryValue(b, "thumbnail", c.bytes(1536))
	b, counters := open(b, document, "counters")
	for k := range 20 {
		b = int32Value(b, "c"+strconv.Itoa(k), c.r.Int32N(1e6))
	}
	b = end(b, counters)
	return end(b, 0)
}
