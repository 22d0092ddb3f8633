package bsoncodec_test

import (
	"math"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
)

const uuid = "73ffd264-44b3-4c69-90e8-e7d1dfc035d4"

var uuidValue = "\x10\x00\x00\x00\x04\x73\xff\xd2\x64\x44\xb3\x4c\x69\x90\xe8\xe7\xd1\xdf\xc0\x35\xd4"

// forms are values of the key a in forms that the parser reads but the writer does not write.
var forms = []struct {
	text string
	t    byte
	val  string
}{
	// Numbers by value.
	{`0`, 0x10, u32(0)},
	{`-0`, 0x10, u32(0)},
	{`-1`, 0x10, u32(math.MaxUint32)},
	{`2147483647`, 0x10, u32(math.MaxInt32)},
	{`2147483648`, 0x12, u64(math.MaxInt32 + 1)},
	{`-2147483648`, 0x10, u32(1 << 31)},
	{`-2147483649`, 0x12, u64(^uint64(1 << 31))},
	{`9223372036854775807`, 0x12, u64(math.MaxInt64)},
	{`-9223372036854775808`, 0x12, u64(1 << 63)},
	{`9223372036854775808`, 0x01, f64(9223372036854775808)},
	{`99999999999999999999`, 0x01, f64(1e20)},
	{`1.0`, 0x01, f64(1)},
	{`-0.0`, 0x01, f64(math.Copysign(0, -1))},
	{`1e3`, 0x01, f64(1000)},
	{`1E-3`, 0x01, f64(0.001)},
	{`1.5e+300`, 0x01, f64(1.5e300)},
	{`0.1234567890123456789`, 0x01, f64(0.1234567890123456789)},
	{`123456789012345678.0`, 0x01, f64(123456789012345678)},
	{`1e-400`, 0x01, f64(0)},
	{`0e99999999999999999999`, 0x01, f64(0)},
	{`1e-99999999999999999999`, 0x01, f64(0)},
	{`1e0000000000000000000000000000002`, 0x01, f64(100)},
	{`9007199254740993.0`, 0x01, f64(9007199254740992)},
	{`2.2250738585072011e-308`, 0x01, f64(2.2250738585072011e-308)},

	// Wrapped numbers.
	{`{"$numberInt":"+5"}`, 0x10, u32(5)},
	{`{"$numberInt":"-007"}`, 0x10, u32(^uint32(6))},
	{`{"$numberLong":"00000000000000000000000000000005"}`, 0x12, u64(5)},
	{`{"$numberLong":"12345678"}`, 0x12, u64(12345678)},
	{`{"$numberDouble":"5"}`, 0x01, f64(5)},
	{`{"$numberDouble":"-5e2"}`, 0x01, f64(-500)},
	{`{"$numberDouble":"1E+06"}`, 0x01, f64(1e6)},
	{`{"$numberDecimal":"+1.0"}`, 0x13, u64(10) + u64(0x303E<<48)},
	{`{"$numberDecimal":"1.00e5"}`, 0x13, u64(100) + u64(0x3046<<48)},
	{`{"$numberDecimal":"inf"}`, 0x13, u64(0) + u64(0x78<<56)},
	{`{"$numberDecimal":"-Infinity"}`, 0x13, u64(0) + u64(0xF8<<56)},
	{`{"$numberDecimal":"nan"}`, 0x13, u64(0) + u64(0x7C<<56)},
	{`{"$numberDecimal":"1E6112"}`, 0x13, u64(10) + u64(0x5FFE<<48)},
	{`{"$numberDecimal":"10E-6177"}`, 0x13, u64(1) + u64(0)},
	{`{"$numberDecimal":"0E-99999999999999999999"}`, 0x13, u64(0) + u64(0)},
	{`{"$numberDecimal":"5E-0000000000000000000000001"}`, 0x13, u64(5) + u64(0x303E<<48)},
	{`{"$numberDecimal":"0E9999"}`, 0x13, u64(0) + u64(0x5FFE<<48)},
	{
		`{"$numberDecimal":"10000000000000000000000000000000000000"}`, 0x13,
		u64(0x38C15B0A00000000) + u64(0x3048<<48|0x314DC6448D93),
	},

	// White space and order.
	{` { "$numberInt" : "5" } `, 0x10, u32(5)},
	{"\t{\r\"$oid\"\t:\r\"5F0C1D2E3F405162738495A6\" }", 0x07, oid},
	{`{"$timestamp":{"i":2,"t":1}}`, 0x11, u64(1<<32 | 2)},
	{`{"$regularExpression":{"options":"i","pattern":"a"}}`, 0x0B, "a\x00i\x00"},
	{`{"$regularExpression":{"pattern":"ba","options":"xéi"}}`, 0x0B, "ba\x00ixé\x00"},
	{`{"$binary":{"subType":"5","base64":"/w=="}}`, 0x05, "\x01\x00\x00\x00\x05\xff"},
	{`{"$dbPointer":{"$id":{"$oid":"5f0c1d2e3f405162738495a6"},"$ref":"c"}}`, 0x0C, str("c") + oid},
	{`{"$scope":{"b":1},"$code":"f"}`, 0x0F, code("f", sub(element{0x10, "b", u32(1)}))},
	{`{ "$code" : "f" , "$scope" : { } }`, 0x0F, code("f", sub())},

	// Escapes, also in the wrapper's key and text.
	{`{"\u0024numberInt":"\u0035"}`, 0x10, u32(5)},
	{`{"$numberInt":"\u0035"}`, 0x10, u32(5)},
	{`{"$binary":{"base64":"\u002fw==","subType":"00"}}`, 0x05, "\x01\x00\x00\x00\x00\xff"},
	{`{"$regularExpression":{"pattern":"\n","options":""}}`, 0x0B, "\n\x00\x00"},
	{`{"$code":"\"","$scope":{}}`, 0x0F, code("\"", sub())},
	{`"\u00e9\ud83d\ude00\/\u0000"`, 0x02, str("é😀/\x00")},
	{`"\uD83D\uDE00\uffff"`, 0x02, str("😀\uffff")},

	// Legacy forms.
	{`{"$uuid":"` + uuid + `"}`, 0x05, uuidValue},
	{`{"$uuid":"` + strings.ToUpper(uuid) + `"}`, 0x05, uuidValue},
	{`{"$binary":"/w==","$type":"00"}`, 0x05, "\x01\x00\x00\x00\x00\xff"},
	{`{"$binary":"/w==","$type":"2"}`, 0x05, "\x05\x00\x00\x00\x02\x01\x00\x00\x00\xff"},
	{`{"$date":"2012-12-24T12:15:30.501Z"}`, 0x09, u64(1356351330501)},
	{`{"$date":"2012-12-24T12:15:30Z"}`, 0x09, u64(1356351330000)},
	{`{"$date":"2012-12-24T13:15:30.501+0100"}`, 0x09, u64(1356351330501)},
	{`{"$date":"2012-12-24T10:45:30.501-01:30"}`, 0x09, u64(1356351330501)},
	{`{"$date":"2012-12-24T12:15:30.5019999Z"}`, 0x09, u64(1356351330501)},
	{`{"$date":"1969-12-31T23:59:59.999Z"}`, 0x09, u64(math.MaxUint64)},
	{`{"$date":"2024-02-29T00:00:00Z"}`, 0x09, u64(1709164800000)},
	{`{"$date":1356351330501}`, 0x09, u64(1356351330501)},
	{`{"$date":-1}`, 0x09, u64(math.MaxUint64)},
	{`{ "$date" : { "$numberLong" : "+5" } }`, 0x09, u64(5)},
	{`{"$dbPointer":{"$ref":"c","$id":"5f0c1d2e3f405162738495a6"}}`, 0x0C, str("c") + oid},
	{`{"$undefined":true}`, 0x06, ""},
	{`{"$symbol":"s"}`, 0x0E, str("s")},

	// An object that begins with a key that starts no wrapper is a document.
	{`{"$type":"00","$binary":"/w=="}`, 0x03, sub(element{0x02, "$type", str("00")},
		element{0x02, "$binary", str("/w==")})},
	{`{"$regex":"a","$options":""}`, 0x03, sub(element{0x02, "$regex", str("a")}, element{0x02, "$options", str("")})},
	{`{"$ref":"c","$id":1}`, 0x03, sub(element{0x02, "$ref", str("c")}, element{0x10, "$id", u32(1)})},
	{`{"x":1,"$oid":"y"}`, 0x03, sub(element{0x10, "x", u32(1)}, element{0x02, "$oid", str("y")})},
	{`{"$id":{"$oid":"5f0c1d2e3f405162738495a6"}}`, 0x03, sub(element{0x07, "$id", oid})},

	// Containers.
	{`[ ]`, 0x04, sub()},
	{`[1 , [ true ] ]`, 0x04, sub(element{0x10, "0", u32(1)}, element{0x04, "1", sub(element{0x08, "0", "\x01"})})},
	{`{ "b" : null , "b" : { } }`, 0x03, sub(element{0x0A, "b", ""}, element{0x03, "b", sub()})},
}

func TestForms(t *testing.T) {
	for _, f := range forms {
		text := []byte(`{"a":` + f.text + `}`)
		got, err := bsoncodec.AppendBSON(nil, text, nil)
		if want := one(f.t, f.val); err != nil || string(got) != string(want) {
			t.Errorf("%s: got %x, %v, want %x", text, got, err, []byte(want))
		}
		var driver bson.Raw
		if err := bson.UnmarshalExtJSON(text, false, &driver); err == nil && string(driver) != string(got) {
			t.Errorf("%s: got %x, the driver %x", text, got, []byte(driver))
		}
	}
}

func TestWhiteSpaceAroundTheDocument(t *testing.T) {
	got, err := bsoncodec.AppendBSON([]byte("kept"), []byte(" \r\n\t{\n}\n "), nil)
	if err != nil || string(got) != "kept"+sub() {
		t.Errorf("got %q, %v", got, err)
	}
}

// The key of a wrapper is a normal key at the top level.
func TestTopLevelIsADocument(t *testing.T) {
	got, err := bsoncodec.AppendBSON(nil, []byte(`{"$oid":"x","$date":1}`), nil)
	if want := raw(element{0x02, "$oid", str("x")}, element{0x10, "$date", u32(1)}); err != nil ||
		string(got) != string(want) {
		t.Errorf("got %x, %v", got, err)
	}
}
