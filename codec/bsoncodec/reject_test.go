package bsoncodec_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec/bsoncodec"
)

// malformed holds values of the key a that must be refused.
var malformed = []string{
	// JSON (RFC 8259).
	``, `nul`, `truex`, `True`, `NaN`, `Infinity`, `undefined`, `'a'`, `.5`, `5.`, `-`, `+1`, `01`, `-01`, `1e`, `1e+`,
	`1.e5`, `0x10`, `1_000`,
	`1 2`, `"a" "b"`, `[1,]`, `[,1]`, `[1 2]`, `[`, `]`, `{]`, `[}`, `{"b"}`, `{"b":}`, `{"b":1,}`, `{,}`, `{1:1}`,
	`{b:1}`, `{"b":1 "c":2}`, `{"b" 1}`,
	`"`, `"\`, `"\"`, `"\x"`, `"\u"`, `"\u12"`, `"\u123g"`, `"\U0041"`, "\"\x00\"", "\"\x01\"", "\"\x1f\"", "\"\n\"",
	"\"\t\"", "\"12345678\t\"",
	`/* */1`, `1//`, "\v1", "\f1", "\u00a01", "\uFEFF1",
	// UTF-8 and surrogates.
	"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"12345678\x80\"",
	"{\"\xff\":1}",
	`"\ud800"`, `"\ud800x"`, `"\ud800\n"`, `"\ud800\u0041"`, `"\ud800\ud800"`, `"\udc00"`, `"\udc00\ud800"`,
	`"\uD83D\uDE0"`, `"\ud83dxude00"`,
	// Keys.
	`{"\u0000":1}`, `{"a\u0000b":1}`, `{"averylongkey\u0000":1}`,
	// Numbers.
	`1e400`, `-1e400`, `1e999999999999999999999`, `{"$numberInt":"2147483648"}`, `{"$numberInt":"-2147483649"}`,
	`{"$numberInt":"1.0"}`,
	`{"$numberInt":""}`, `{"$numberInt":"-"}`, `{"$numberInt":" 1"}`, `{"$numberInt":"0x1"}`, `{"$numberInt":1}`,
	`{"$numberInt":null}`,
	`{"$numberLong":"9223372036854775808"}`, `{"$numberLong":"-9223372036854775809"}`,
	`{"$numberLong":"99999999999999999999"}`, `{"$numberLong":1}`,
	`{"$numberLong":"1234567x"}`, `{"$numberLong":"12345678x"}`, `{"$numberDouble":"x"}`, `{"$numberDouble":""}`,
	`{"$numberDouble":1.5}`,
	`{"$numberDouble":"0x1p3"}`, `{"$numberDouble":"1_0"}`, `{"$numberDouble":"nan"}`, `{"$numberDouble":"1e400"}`,
	`{"$numberDouble":"."}`,
	`{"$numberDecimal":""}`, `{"$numberDecimal":"."}`, `{"$numberDecimal":"E5"}`, `{"$numberDecimal":"1E"}`,
	`{"$numberDecimal":"1x"}`,
	`{"$numberDecimal":"1.2.3"}`, `{"$numberDecimal":"12345678901234567890123456789012345"}`,
	`{"$numberDecimal":"1E6145"}`,
	`{"$numberDecimal":"1E-6177"}`, `{"$numberDecimal":"--1"}`, `{"$numberDecimal":1}`,
	// Type wrappers: missing, repeated and extra keys, and values of another type.
	`{"$oid":"5f0c1d2e3f405162738495a"}`, `{"$oid":"5f0c1d2e3f405162738495a6a"}`, `{"$oid":"5f0c1d2e3f405162738495ag"}`,
	`{"$oid":1}`, `{"$oid":{}}`,
	`{"$oid":"5f0c1d2e3f405162738495a6","x":1}`,
	`{"$oid":"5f0c1d2e3f405162738495a6","$oid":"5f0c1d2e3f405162738495a6"}`, `{"$oid"}`, `{"$oid":`,
	`{"$oid":"5f0c1d2e3f405162738495a6"`, `{"$oid":"5f0c1d2e3f405162738495a6",}`,
	`{"$oid":["5f0c1d2e3f405162738495a6"]}`,
	`{"$numberInt":"1","x":1}`, `{"$numberLong":"1","$numberLong":"1"}`, `{"$symbol":1}`, `{"$symbol":"a","b":1}`,
	`{"$binary":{}}`, `{"$binary":{"base64":""}}`, `{"$binary":{"subType":"00"}}`,
	`{"$binary":{"base64":"","base64":""}}`,
	`{"$binary":{"base64":"","subType":"00","x":1}}`, `{"$binary":{"base64":"","subType":"00"},"x":1}`,
	`{"$binary":{"base64":"!","subType":"00"}}`,
	`{"$binary":{"base64":"AA","subType":"00"}}`, `{"$binary":{"base64":"","subType":"100"}}`,
	`{"$binary":{"base64":"","subType":"zz"}}`,
	`{"$binary":{"base64":"","subType":""}}`, `{"$binary":{"base64":"","subType":0}}`,
	`{"$binary":{"base64":1,"subType":"00"}}`, `{"$binary":1}`,
	// Base64 that decodes to the same bytes as another text (RFC 4648, 3.3 and 3.5).
	`{"$binary":{"base64":"AB==","subType":"00"}}`, `{"$binary":{"base64":"AAB=","subType":"00"}}`,
	`{"$binary":{"base64":"A\nA\r==","subType":"00"}}`, `{"$binary":{"base64":"AAAA\n","subType":"00"}}`,
	`{"$binary":{"base64":"AA==\n","subType":"00"}}`, `{"$binary":{"base64":"AA==\r\n\r\n","subType":"00"}}`,
	`{"$binary":{"base64":"\n\n\n\n","subType":"00"}}`,
	`{"$binary":"AB==","$type":"00"}`, `{"$binary":"A\nA\r==","$type":"00"}`, `{"$binary":"\n\n\n\nAA==","$type":"00"}`,
	`{"$binary":"AA==","subType":"00"}`, `{"$binary":"AA=="}`, `{"$binary":"AA==","$type":0}`,
	`{"$binary":"AA==","$type":"00","x":1}`,
	`{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035d"}`, `{"$uuid":"73ffd264044b3-4c69-90e8-e7d1dfc035d4"}`,
	`{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035dg"}`,
	`{"$uuid":1}`, `{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035d4","x":1}`,
	`{"$code":1}`, `{"$code":"","x":1}`, `{"$code":"","$scope":1}`, `{"$code":"","$scope":{},"x":1}`,
	`{"$code":"","$scope":[]}`, `{"$scope":{}}`,
	`{"$scope":1,"$code":""}`, `{"$scope":{},"$code":1}`, `{"$scope":{},"x":""}`, `{"$scope":{},"$code":"","x":1}`,
	`{"$timestamp":{}}`, `{"$timestamp":{"t":1}}`, `{"$timestamp":{"t":1,"t":1}}`, `{"$timestamp":{"t":1,"i":1,"x":1}}`,
	`{"$timestamp":{"t":-1,"i":1}}`,
	`{"$timestamp":{"t":4294967296,"i":1}}`, `{"$timestamp":{"t":1.5,"i":1}}`, `{"$timestamp":{"t":"1","i":1}}`,
	`{"$timestamp":{"t":1,"i":1},"x":1}`,
	`{"$timestamp":1}`, `{"$regularExpression":{"pattern":"a"}}`, `{"$regularExpression":{"pattern":"a","options":1}}`,
	`{"$regularExpression":"a"}`,
	`{"$regularExpression":{"pattern":"a\u0000","options":""}}`,
	`{"$regularExpression":{"pattern":"","options":"\u0000"}}`,
	`{"$regularExpression":{"pattern":"","options":"","x":1}}`, `{"$regularExpression":{"pattern":"","pattern":""}}`,
	`{"$dbPointer":{"$ref":"c"}}`, `{"$dbPointer":{"$ref":"c","$id":1}}`, `{"$dbPointer":{"$ref":"c","$id":"x"}}`,
	`{"$dbPointer":{"$ref":1,"$id":"x"}}`,
	`{"$dbPointer":{"$ref":"c","$id":{"$oid":"x"}}}`,
	`{"$dbPointer":{"$ref":"c","$id":{"x":"5f0c1d2e3f405162738495a6"}}}`,
	`{"$dbPointer":{"$ref":"c","$id":{"$oid":"5f0c1d2e3f405162738495a6","x":1}}}`,
	`{"$dbPointer":{"$ref":"c","$id":{}}}`,
	`{"$date":"x"}`, `{"$date":""}`, `{"$date":"2012-12-24"}`, `{"$date":"2012-12-24T12:15:30"}`,
	`{"$date":"2012-13-24T12:15:30Z"}`,
	`{"$date":"2012-02-30T12:15:30Z"}`, `{"$date":"2023-02-29T12:15:30Z"}`, `{"$date":"2012-12-24T24:00:00Z"}`,
	`{"$date":"2012-12-24T12:60:00Z"}`,
	`{"$date":"2012-12-24T12:15:60Z"}`, `{"$date":"2012-12-24T12:15:30.Z"}`, `{"$date":"2012-12-24T12:15:30+24:00"}`,
	`{"$date":"2012-12-24T12:15:30+01:60"}`,
	`{"$date":"2012-12-24 12:15:30Z"}`, `{"$date":"2012-12-24T12:15:30z"}`, `{"$date":"12-12-2024T12:15:30Z"}`,
	`{"$date":1.5}`, `{"$date":null}`,
	`{"$date":true}`, `{"$date":[]}`, `{"$date":{}}`, `{"$date":{"$numberLong":1}}`, `{"$date":{"$numberInt":"1"}}`,
	`{"$date":{"$numberLong":"1","x":1}}`,
	`{"$date":{"$numberLong":"x"}}`, `{"$date":1,"x":1}`, `{"$date":9223372036854775808}`,
	`{"$minKey":2}`, `{"$minKey":"1"}`, `{"$minKey":1.0}`, `{"$minKey":1,"x":1}`, `{"$maxKey":0}`, `{"$maxKey":true}`,
	`{"$undefined":false}`, `{"$undefined":1}`,
	`{"$undefined":true,"x":1}`,
}

func TestMalformedValues(t *testing.T) {
	for _, v := range malformed {
		text := `{"a":` + v + `}`
		got, err := bsoncodec.AppendBSON([]byte("kept"), []byte(text), nil)
		if err == nil {
			t.Errorf("%q was read as %x", text, got)
			continue
		}
		if string(got) != "kept" {
			t.Errorf("%q: dst came back as %q", text, got)
		}
		if e := isSyntax(t, err); e.Column < 1 || e.Column > len(text) || !strings.HasPrefix(e.Path, "/a") &&
			e.Column > 4 && !strings.ContainsAny(v, "]}") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMalformedDocuments(t *testing.T) {
	for text, want := range map[string]error{
		"":                        bsoncodec.ErrBlank,
		" \t\r\n":                 bsoncodec.ErrBlank,
		"null":                    bsoncodec.ErrBlank,
		" null ":                  bsoncodec.ErrBlank,
		"nul":                     nil,
		"null{}":                  nil,
		"[]":                      nil,
		"1":                       nil,
		`"a"`:                     nil,
		"{}{}":                    nil,
		"{} {}":                   nil,
		"{}x":                     nil,
		"{},":                     nil,
		"{}]":                     nil,
		"\uFEFF{}":                nil,
		"\xff\xfe{\x00}\x00":      nil,
		"\x00":                    nil,
		"{":                       io.ErrUnexpectedEOF,
		`{"a`:                     io.ErrUnexpectedEOF,
		`{"a"`:                    io.ErrUnexpectedEOF,
		`{"a":`:                   io.ErrUnexpectedEOF,
		`{"a":1`:                  io.ErrUnexpectedEOF,
		`{"a":1,`:                 io.ErrUnexpectedEOF,
		`{"a":"\`:                 io.ErrUnexpectedEOF,
		`{"a":{"$numberInt":"1"`:  io.ErrUnexpectedEOF,
		`{"a":{"$date":{"$numbe`:  io.ErrUnexpectedEOF,
		`{"a":[[],`:               io.ErrUnexpectedEOF,
		`{"a":{"$code":"","$scop`: io.ErrUnexpectedEOF,
	} {
		got, err := bsoncodec.AppendBSON(nil, []byte(text), nil)
		if err == nil {
			t.Errorf("%q was read as %x", text, got)
			continue
		}
		isSyntax(t, err)
		if want != nil && !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
}

// TestRefusalsAreNamed: every kind of refusal has its own text.
func TestRefusalsAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		``:                                   "no document on the line",
		`null`:                               "no document on the line: null",
		`[]`:                                 "want an object",
		`{} x`:                               "text after the document",
		`{} {}`:                              "a second document on the line",
		`{"a":tru}`:                          "want a value",
		`{a:1}`:                              "want a key",
		`{"a" 1}`:                            "want a colon",
		`{"a":1 "b"}`:                        "want a comma or the end",
		`{"a":1`:                             "unexpected EOF",
		`{"a":01}`:                           "not a number",
		`{"a":1e400}`:                        "number out of range",
		"{\"a\":\"\n\"}":                     "control character in a string",
		`{"a":"\x"}`:                         "bad escape in a string",
		`{"a":"\ud800"}`:                     "lone surrogate in a string",
		"{\"a\":\"\xff\"}":                   "text that is not UTF-8",
		`{"a\u0000":1}`:                      "zero byte in a key or regular expression",
		`{"a":{"$numberInt":"2147483648"}}`:  "number out of range",
		`{"a":{"$numberInt":"-2147483649"}}`: "number out of range",
		`{"a":{"$numberInt":"99999999999999999999"}}`:             "number out of range",
		`{"a":{"$numberLong":"9223372036854775808"}}`:             "number out of range",
		`{"a":{"$numberLong":"+"}}`:                               "not a number",
		`{"a":{"$numberLong":""}}`:                                "not a number",
		`{"a":{"$numberDouble":"1e400"}}`:                         "number out of range",
		`{"a":{"$numberDouble":"1e"}}`:                            "not a number",
		`{"a":{"$date":{"$numberLong":"9223372036854775808"}}}`:   "number out of range",
		`{"a":{"$date":{"$numberLong":"x"}}}`:                     "not a number",
		`{"a":{"$timestamp":{"t":4294967296,"i":1}}}`:             "number out of range",
		`{"a":{"$timestamp":{"t":1,"t":1}}}`:                      "a key twice in a type wrapper",
		`{"a":{"$binary":{"base64":"","base64":""}}}`:             "a key twice in a type wrapper",
		`{"a":{"$symbol":"a","$symbol":"a"}}`:                     "further keys in a type wrapper",
		`{"a":{"$oid":"5f0c1d2e3f405162738495a6","b":1}}`:         "further keys in a type wrapper",
		`{"a":{"$millweirBSON":{"type":"0a","base64":"","x":1}}}`: "further keys in a type wrapper",
		`{"a":{"$oid":1}}`:                                        "not the form of this type wrapper",
		`{"a":{"$oid":"x"}}`:                                      "not 24 hex digits",
		`{"a":{"$uuid":"x"}}`:                                     "not a UUID",
		`{"a":{"$date":"x"}}`:                                     "not a date",
		`{"a":{"$numberDecimal":"1E7000"}}`:                       "not a decimal that a Decimal128 holds exactly",
		`{"a":{"$binary":{"base64":"!","subType":"00"}}}`:         "not base64",
		`{"a":{"$binary":{"base64":"","subType":"x"}}}`:           "not a subtype or type in two hex digits",
	} {
		_, err := bsoncodec.AppendBSON(nil, []byte(text), nil)
		if err == nil {
			t.Errorf("%s was read", text)
		} else if got := isSyntax(t, err).Err.Error(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestSyntaxErrorsTellThePlace(t *testing.T) {
	for _, c := range []struct {
		text   string
		column int
		path   string
		id     string
	}{
		{`x`, 0, ``, ``},
		{`{"a":1}x`, 7, ``, `?`},
		{`{"_id":7,"a":{"b":[1,{"c":x}]}}`, 26, `/a/b/1/c`, `7`},
		{`{"_id":{"$oid":"5f0c1d2e3f405162738495a6"},"a":x}`, 47, `/a`, `{"$oid":"5f0c1d2e3f405162738495a6"}`},
		{`{"_id" : "x,\"y" , "a":x}`, 23, `/a`, `"x,\"y"`},
		{`{"a":{"_id":7},"b":x}`, 19, `/b`, ``},
		{`{"_id":x}`, 7, `/_id`, ``},
		{`{"a/b~c":x}`, 9, `/a~1b~0c`, ``},
		{`{"":{"":x}}`, 8, `//`, ``},
		{`{"\u0061":{"$numberInt":"x"}}`, 24, `/a/$numberInt`, ``},
		{`{"a":[[],[0,0,x]]}`, 14, `/a/1/2`, ``},
		{`{"_id":1,"a":{"$binary":{"base64":"AB==","subType":"00"}}}`, 34, `/a/$binary/base64`, `1`},
		{`{"_id":1,"a":{"$binary":"AA=\n","$type":"00"}}`, 24, `/a/$binary`, `1`},
		{`{"_id":1,"a":{"$millweirBSON":{"type":"08","base64":"AB=="}}}`, 52, `/a/$millweirBSON/base64`, `1`},
		{`{"_id":1,"a":{"$date":{"$numberLong":"z"}}}`, 37, `/a/$date/$numberLong`, `1`},
	} {
		_, err := bsoncodec.AppendBSON(nil, []byte(c.text), nil)
		if err == nil {
			t.Errorf("%s was read", c.text)
			continue
		}
		e := isSyntax(t, err)
		if e.Line != 1 || e.Column != c.column || e.Offset != int64(c.column) || e.Path != c.path || c.id != `?` &&
			e.ID != c.id {
			t.Errorf("%s: got line %d column %d offset %d path %q id %q: %v; want column %d path %q id %q",
				c.text, e.Line, e.Column, e.Offset, e.Path, e.ID, err, c.column, c.path, c.id)
		}
	}
}
