package bsoncodec_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

func TestDepth(t *testing.T) {
	for _, c := range []struct {
		levels, max int
		ok          bool
	}{
		{199, 0, true},
		{200, 0, true},
		{201, 0, false},
		{1, 1, true},
		{2, 1, false},
		{1000, 1000, true},
		{1001, 1000, false},
		{10000, 10000, true},
	} {
		doc := nest(c.levels)
		text := []byte(strings.Repeat(`{"a":`, c.levels-1) + `{}` + strings.Repeat(`}`, c.levels-1))
		got, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{MaxDepth: c.max})
		if c.ok != (err == nil) || c.ok && !bytes.Equal(got, text) || !c.ok && !errors.Is(err, bsoncodec.ErrDepth) {
			t.Errorf("write %d levels of %d: %v", c.levels, c.max, err)
		}
		got, err = bsoncodec.AppendBSON(nil, text, &bsoncodec.ParseExtJSONOptions{MaxDepth: c.max})
		if c.ok != (err == nil) || c.ok && !bytes.Equal(got, doc) || !c.ok && !errors.Is(err, bsoncodec.ErrDepth) {
			t.Errorf("parse %d levels of %d: %v", c.levels, c.max, err)
		}
		err = bsoncodec.Validate(doc, &bsoncodec.ValidateOptions{MaxDepth: c.max})
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, bsoncodec.ErrDepth) {
			t.Errorf("validate %d levels of %d: %v", c.levels, c.max, err)
		}
	}
}

// TestDepthOfEveryContainer: every nested value counts the same in both directions. Both accept a
// document at the limit and refuse a deeper one.
func TestDepthOfEveryContainer(t *testing.T) {
	for name, doc := range map[string]bson.Raw{
		"array":         one(0x04, sub(element{0x04, "0", sub()})),
		"scope":         one(0x03, sub(element{0x0F, "b", code("", sub())})),
		"escaped":       one(0x03, sub(element{0x03, "$oid", sub()})),
		"escaped array": one(0x04, sub(element{0x04, "1", sub()})),
		"escaped scope": one(0x03, sub(element{0x0F, "b", code("\xff", sub())})),
		"escaped key":   one(0x03, sub(element{0x03, "\xff", sub()})),
		"escaped all":   raw(element{0x03, "\xff", sub(element{0x03, "b", sub()})}),
		"wrapper":       one(0x03, sub(element{0x03, "b", sub(element{0x0C, "c", str("d") + oid})})),
	} {
		text := roundTrip(t, doc)
		for max, ok := range map[int]bool{2: false, 3: true} {
			_, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{MaxDepth: max})
			_, err2 := bsoncodec.AppendBSON(nil, []byte(text), &bsoncodec.ParseExtJSONOptions{MaxDepth: max})
			err3 := bsoncodec.Validate(doc, &bsoncodec.ValidateOptions{MaxDepth: max})
			for _, err := range []error{err, err2, err3} {
				if ok != (err == nil) || !ok && !errors.Is(err, bsoncodec.ErrDepth) {
					t.Errorf("%s: MaxDepth %d: %v", name, max, err)
				}
			}
		}
	}
}

// TestDepthBombs: two million levels cause an error, and do not crash the process.
func TestDepthBombs(t *testing.T) {
	const n = 2_000_000
	doc := nest(n)
	for name, err := range map[string]error{
		"write":    last(t, stream.Via(slice(doc), bsoncodec.ExtJSON(nil))),
		"validate": bsoncodec.Validate(doc, nil),
		"raw":      last(t, stream.Via(slice([]byte(doc)), bsoncodec.ParseBSON(nil))),
		"objects":  last(t, stream.Via(slice([]byte(strings.Repeat(`{"a":`, n))), bsoncodec.ParseExtJSON(nil))),
		"arrays":   last(t, stream.Via(slice([]byte(`{"a":`+strings.Repeat(`[`, n))), bsoncodec.ParseExtJSON(nil))),
		"scopes": last(t, stream.Via(slice([]byte(`{"a":`+strings.Repeat(`{"$code":"","$scope":{"a":`, n/5))),
			bsoncodec.ParseExtJSON(nil))),
		"scopes 2": last(t, stream.Via(slice([]byte(`{"a":`+strings.Repeat(`{"$scope":{"a":`, n/5))),
			bsoncodec.ParseExtJSON(nil))),
	} {
		if !errors.Is(err, bsoncodec.ErrDepth) {
			t.Errorf("%s: %.200v", name, err)
		}
		if len(err.Error()) > 3000 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
}

// TestLargestDocuments: the largest documents that a server stores pass, whatever the size of their
// JSON.
func TestLargestDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 1.2 GB of memory")
	}
	const size = 16<<20 + 16<<10
	long := element{0x02, "a", str(strings.Repeat("\x01", size-13))}
	fill := func(e element, most int) bson.Raw {
		n := min(most, (size-5)/(2+len(e.key)+len(e.val)))
		b := bytes.Repeat([]byte(string(e.t)+e.key+"\x00"+e.val), n)
		return append(append([]byte{
			byte(len(b) + 5), byte((len(b) + 5) >> 8), byte((len(b) + 5) >> 16),
			byte((len(b) + 5) >> 24),
		}, b...), 0)
	}
	for name, c := range map[string]struct {
		doc     bson.Raw
		escaped bool
		least   int // bytes of JSON
	}{
		"control characters": {raw(long), false, 96 << 20},
		// 17 bytes of JSON for 2 of BSON would exceed the limit of a line
		"min keys":        {fill(element{0x7F, "", ""}, size), true, 21 << 20},
		"min keys, fewer": {fill(element{0x7F, "", ""}, (128<<20-1)/17), false, 128<<20 - 17},
		"longs":           {fill(element{0x12, "", u64(1 << 63)}, size), false, 64 << 20},
	} {
		doc := c.doc
		lines, err := collect(t, stream.Via(slice(doc), bsoncodec.ExtJSON(nil)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		line := lines[0]
		t.Logf("%s: %d bytes of BSON, %d of JSON", name, len(doc), len(line))
		if escaped := bytes.HasPrefix(line, []byte(`{"`+escapeKey)); escaped != c.escaped || len(line) < c.least ||
			len(line) > 128<<20+1 {
			t.Errorf("%s: escaped %v, %d bytes, want %v, at least %d", name, escaped, len(line), c.escaped, c.least)
		}
		docs, err := collect(t, stream.Via(slice(line[:len(line)/2], line[len(line)/2:]), bsoncodec.ParseExtJSON(nil)))
		if err != nil || len(docs) != 1 || !bytes.Equal(docs[0], doc) {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	if err := last(t, stream.Via(slice(raw(element{0x02, "a", str(strings.Repeat("x", size-12))})),
		bsoncodec.ExtJSON(nil))); !errors.Is(err, bsoncodec.ErrSize) {
		t.Errorf("one byte more: %v", err)
	}
}

// TestLineLimitOfTheWriter: a document with a line over the limit is escaped as a whole. If that is
// also over the limit, it is refused.
func TestLineLimitOfTheWriter(t *testing.T) {
	many := raw(slices.Repeat([]element{{0x7F, "", ""}}, 100)...) // 205 bytes of BSON, 1,701 of JSON, 319 escaped
	text := one(0x02, str(strings.Repeat("x", 100)))              // 113 bytes of BSON, 108 of JSON, 199 escaped
	for _, c := range []struct {
		doc     bson.Raw
		max     int
		escaped bool
		err     error
	}{
		{many, 1701, false, nil},
		{many, 1700, true, nil},
		{many, 319, true, nil},
		{many, 318, false, bsoncodec.ErrSize},
		{text, 108, false, nil},
		{text, 107, false, bsoncodec.ErrSize},
		{text, 1, false, bsoncodec.ErrSize},
	} {
		got, err := collect(t, stream.Via(slice(c.doc), bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxLine: c.max})))
		line := bytes.TrimSuffix(concat(got), []byte("\n"))
		if !errors.Is(err, c.err) || bytes.Contains(line, []byte(escapeKey)) != c.escaped || len(line) > c.max {
			t.Errorf("MaxLine %d: %d bytes, %v: %.100s", c.max, len(line), err, line)
			continue
		}
		if c.err != nil {
			isDocument(t, err)
			continue
		}
		back, err := collect(t,
			stream.Via(slice(got...), bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{MaxLine: c.max})))
		if err != nil || !bytes.Equal(concat(back), c.doc) {
			t.Errorf("MaxLine %d: came back as %x, %v", c.max, concat(back), err)
		}
		_, err = bsoncodec.AppendExtJSON(nil, c.doc, &bsoncodec.ExtJSONOptions{MaxLine: c.max, Strict: true})
		if c.escaped != errors.Is(err, bsoncodec.ErrInexact) {
			t.Errorf("MaxLine %d, strict: %v", c.max, err)
		}
	}
}

// TestSizeErrorsTellTheID: an error about a size contains the _id, if the _id is known.
func TestSizeErrorsTellTheID(t *testing.T) {
	doc := raw(element{0x10, "_id", u32(7)}, element{0x03, "b", sub(element{0x02, "c", str(strings.Repeat("x", 100))})})
	many := raw(append([]element{{0x10, "_id", u32(7)}}, slices.Repeat([]element{{0x7F, "", ""}}, 100)...)...)
	text, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	documents := func(doc bson.Raw, f stream.Flow[bson.Raw, []byte]) error { return last(t, stream.Via(slice(doc), f)) }
	for name, err := range map[string]error{
		"ExtJSON MaxDocument": documents(doc, bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxDocument: 50})),
		"ExtJSON MaxLine":     documents(doc, bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxLine: 50})),
		"ExtJSON, strict": documents(many,
			bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxLine: 1000, Strict: true})),
		"BSON MaxDocument": documents(doc, bsoncodec.BSON(&bsoncodec.BSONOptions{MaxDocument: 50})),
		"BSON length":      documents(doc[:len(doc)-2], bsoncodec.BSON(nil)),
	} {
		if e := isDocument(t, err); e.ID != `{"$numberInt":"7"}` || e.Path != "" || e.Offset != 0 || e.Document != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, size := range []int{1, 7, 1000} {
		for name, c := range map[string]struct {
			opts bsoncodec.ParseExtJSONOptions
			path string
		}{
			"MaxLine":               {bsoncodec.ParseExtJSONOptions{MaxLine: 50}, "/b/c"},
			"MaxLine within _id":    {bsoncodec.ParseExtJSONOptions{MaxLine: 7}, "/_id"},
			"MaxDocument":           {bsoncodec.ParseExtJSONOptions{MaxDocument: 50}, "/b/c"},
			"MaxDocument by a byte": {bsoncodec.ParseExtJSONOptions{MaxDocument: len(doc) - 1}, "/b"},
		} {
			_, err := parse(t, string(text)+"\n", size, &c.opts)
			id := "7"
			if c.path == "/_id" {
				id = ""
			}
			if e := isSyntax(t, err); !errors.Is(err, bsoncodec.ErrSize) || e.ID != id || e.Path != c.path {
				t.Errorf("%s in chunks of %d: %v", name, size, err)
			}
			_, err2 := bsoncodec.AppendBSON(nil, text, &c.opts)
			if err.Error() != err2.Error() {
				t.Errorf("%s: AppendBSON says %v, ParseExtJSON %v", name, err2, err)
			}
		}
	}
}
