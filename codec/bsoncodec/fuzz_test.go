package bsoncodec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

func seeds(f *testing.F) {
	for i := range 40 {
		f.Add([]byte(random(i)))
	}
	for _, v := range values {
		f.Add([]byte(one(v.t, v.val)))
	}
	for _, doc := range odd {
		f.Add([]byte(doc))
	}
	for _, c := range broken {
		f.Add(c.doc)
	}
}

// FuzzExtJSON: any bytes are either refused, or written and read back unchanged. The text is the
// driver's if the driver can read that back exactly.
//
// For a long run:
//
//	go test -fuzz FuzzExtJSON -fuzztime 20m ./codec/bsoncodec
func FuzzExtJSON(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		if checkAgreement(t, doc) {
			asDriver(t, doc)
		}
	})
}

// FuzzParseExtJSON: a text that we and the driver accept gives the same document, unless it has our
// escape form. encoding/json accepts every text that we accept, and the document is valid BSON that
// can be written and read back. We accept an object that encoding/json accepts, unless it has a $
// or a \u, is not UTF-8, is nested too deep, or has a number out of range.
func FuzzParseExtJSON(f *testing.F) {
	for i := range 40 {
		text, err := bsoncodec.AppendExtJSON(nil, random(i), nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, v := range values {
		f.Add([]byte(`{"a":` + v.canonical + `}`))
	}
	for _, v := range forms {
		f.Add([]byte(`{"a":` + v.text + `}`))
	}
	for _, v := range malformed {
		f.Add([]byte(`{"a":` + v + `}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := bsoncodec.AppendBSON(nil, text, nil)
		if err != nil {
			e := isSyntax(t, err)
			if e.Column < 0 || e.Column > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			if json.Valid(text) && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) &&
				!bytes.Contains(text, []byte("$")) &&
				!bytes.Contains(text, []byte(`\u`)) && utf8.Valid(text) && !errors.Is(err, bsoncodec.ErrDepth) &&
				e.Err.Error() != "number out of range" {
				t.Fatalf("%q is JSON: %v", text, err)
			}
			return
		}
		if !json.Valid(text) || !utf8.Valid(text) {
			t.Fatalf("%q is no JSON, but was read as %x", text, doc)
		}
		if err := bsoncodec.Validate(doc, nil); err != nil {
			t.Fatalf("%q was read as %x: %v", text, doc, err)
		}
		roundTrip(t, doc)
		var driver bson.Raw
		if err := bson.UnmarshalExtJSON(text, false, &driver); err != nil || bytes.Contains(text, []byte("BSON")) {
			return
		}
		if !bytes.Equal(doc, driver) {
			t.Fatalf("%q: got %x, the driver %x", text, doc, []byte(driver))
		}
	})
}

// FuzzSplitLines: the documents and the error do not depend on how a stream of lines is cut into
// chunks.
func FuzzSplitLines(f *testing.F) {
	f.Add([]byte("{\"a\":1}\r\n\nnull\n{\"b\":{\"$numberLong\":\"2\"}}"), byte(3), true)
	f.Add([]byte("\uFEFF{}\n{}\n\n"), byte(0), false)
	f.Add([]byte("{\"_id\":1,\"a\":[{}]}\n{\"_id\":2,\"a\":[x]}\n"), byte(7), false)
	f.Fuzz(func(t *testing.T, data []byte, size byte, skip bool) {
		opts := &bsoncodec.ParseExtJSONOptions{SkipBlank: skip, MaxLine: 200}
		whole, err := parse(t, string(data), len(data)+1, opts)
		cut, err2 := parse(t, string(data), int(size)+1, opts)
		if len(whole) != len(cut) || !bytes.Equal(concat(whole), concat(cut)) || (err == nil) != (err2 == nil) {
			t.Fatalf("in one chunk %d documents, %v; in chunks of %d bytes %d, %v", len(whole), err, int(size)+1,
				len(cut), err2)
		}
		if err != nil {
			a, b := isSyntax(t, err), isSyntax(t, err2)
			if a.Line != b.Line || a.Offset != b.Offset || a.Path != b.Path || a.ID != b.ID ||
				a.Line != int64(1+bytes.Count(data[:min(len(data), int(a.Offset))], []byte("\n"))) {
				t.Fatalf("in one chunk %v; in chunks of %d bytes %v", a, int(size)+1, b)
			}
		}
	})
}

// FuzzParseBSON: the documents and the error do not depend on how a stream is cut into chunks, and
// no byte is lost.
func FuzzParseBSON(f *testing.F) {
	for i := range 20 {
		f.Add(append(bytes.Clone(random(i)), random(i+1)...), byte(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, size byte) {
		whole, err := collect(t, stream.Via(slice(bytes.Clone(data)), bsoncodec.ParseBSON(nil)))
		var chunks [][]byte
		for rest := bytes.Clone(data); len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			chunks, rest = append(chunks, rest[:n:n]), rest[n:]
		}
		cut, err2 := collect(t, stream.Via(slice(chunks...), bsoncodec.ParseBSON(nil)))
		if len(whole) != len(cut) || !bytes.Equal(concat(whole), concat(cut)) || (err == nil) != (err2 == nil) {
			t.Fatalf("in one chunk %d documents, %v; in chunks of %d bytes %d, %v", len(whole), err, int(size)+1,
				len(cut), err2)
		}
		if !bytes.HasPrefix(data, concat(whole)) || err == nil && len(concat(whole)) != len(data) {
			t.Fatal("bytes were lost")
		}
	})
}

// FuzzValidate: the strict check passes only what the other check passes, and what the driver's own
// check passes.
func FuzzValidate(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := bsoncodec.Validate(doc, nil)
		strict := bsoncodec.Validate(doc, &bsoncodec.ValidateOptions{Strict: true})
		if err != nil && strict == nil {
			t.Fatalf("strict passed what is refused otherwise: %v", err)
		}
		if strict == nil && len(doc) > 0 {
			if err := bson.Raw(doc).Validate(); err != nil {
				t.Fatalf("the driver refuses %x: %v", doc, err)
			}
		}
	})
}
