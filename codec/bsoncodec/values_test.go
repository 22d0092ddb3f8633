package bsoncodec_test

import (
	"math"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec/bsoncodec"
)

var oid = string([]byte{0x5f, 0x0c, 0x1d, 0x2e, 0x3f, 0x40, 0x51, 0x62, 0x73, 0x84, 0x95, 0xa6})

func f64(f float64) string { return u64(math.Float64bits(f)) }

// values holds values of every type with their canonical JSON, and their relaxed JSON if it
// differs.
var values = []struct {
	t                  byte
	val                string
	canonical, relaxed string
}{
	{0x01, f64(0), `{"$numberDouble":"0.0"}`, `0.0`},
	{0x01, f64(math.Copysign(0, -1)), `{"$numberDouble":"-0.0"}`, `-0.0`},
	{0x01, f64(1), `{"$numberDouble":"1.0"}`, `1.0`},
	{0x01, f64(-1.5), `{"$numberDouble":"-1.5"}`, `-1.5`},
	{0x01, f64(0.1), `{"$numberDouble":"0.1"}`, `0.1`},
	{0x01, f64(0.0001), `{"$numberDouble":"0.0001"}`, `0.0001`},
	{0x01, f64(0.00001), `{"$numberDouble":"1E-05"}`, `1E-05`},
	{0x01, f64(999999), `{"$numberDouble":"999999.0"}`, `999999.0`},
	{0x01, f64(1000000), `{"$numberDouble":"1E+06"}`, `1E+06`},
	{0x01, f64(1234567.5), `{"$numberDouble":"1.2345675E+06"}`, `1.2345675E+06`},
	{0x01, f64(math.MaxFloat64), `{"$numberDouble":"1.7976931348623157E+308"}`, `1.7976931348623157E+308`},
	{0x01, f64(math.SmallestNonzeroFloat64), `{"$numberDouble":"5E-324"}`, `5E-324`},
	{0x01, f64(math.Inf(1)), `{"$numberDouble":"Infinity"}`, ``},
	{0x01, f64(math.Inf(-1)), `{"$numberDouble":"-Infinity"}`, ``},
	{0x01, f64(math.NaN()), `{"$numberDouble":"NaN"}`, ``},
	{0x02, str(""), `""`, ``},
	{0x02, str("text"), `"text"`, ``},
	{0x02, str("\x00\x01\x1f\b\t\n\f\r\"\\/\x7f<>&"), `"\u0000\u0001\u001f\b\t\n\f\r\"\\/` + "\x7f" + `<>&"`, ``},
	{0x02, str("é€😀\u2027\u2028\u2029\u202a\uffff"), `"é€😀` + "\u2027" + `\u2028\u2029` + "\u202a\uffff" + `"`, ``},
	{0x03, sub(), `{}`, ``},
	{0x03, sub(element{0x0A, "", ""}, element{0x0A, "", ""}), `{"":null,"":null}`, ``},
	{
		0x03, sub(element{0x02, "$ref", str("c")}, element{0x07, "$id", oid}),
		`{"$ref":"c","$id":{"$oid":"5f0c1d2e3f405162738495a6"}}`, ``,
	},
	{0x04, sub(), `[]`, ``},
	{0x04, sub(element{0x0A, "0", ""}, element{0x08, "1", "\x01"}), `[null,true]`, ``},
	{0x05, "\x00\x00\x00\x00\x00", `{"$binary":{"base64":"","subType":"00"}}`, ``},
	{0x05, "\x02\x00\x00\x00\x80\xff\xfe", `{"$binary":{"base64":"//4=","subType":"80"}}`, ``},
	{0x05, "\x05\x00\x00\x00\x02\x01\x00\x00\x00\xff", `{"$binary":{"base64":"/w==","subType":"02"}}`, ``},
	{0x05, "\x04\x00\x00\x00\x02\x00\x00\x00\x00", `{"$binary":{"base64":"","subType":"02"}}`, ``},
	{0x06, "", `{"$undefined":true}`, ``},
	{0x07, oid, `{"$oid":"5f0c1d2e3f405162738495a6"}`, ``},
	{0x08, "\x00", `false`, ``},
	{0x08, "\x01", `true`, ``},
	{0x09, u64(0), `{"$date":{"$numberLong":"0"}}`, `{"$date":"1970-01-01T00:00:00Z"}`},
	{0x09, u64(1356351330501), `{"$date":{"$numberLong":"1356351330501"}}`, `{"$date":"2012-12-24T12:15:30.501Z"}`},
	{0x09, u64(1356351330500), `{"$date":{"$numberLong":"1356351330500"}}`, `{"$date":"2012-12-24T12:15:30.5Z"}`},
	{0x09, u64(253402300799999), `{"$date":{"$numberLong":"253402300799999"}}`, `{"$date":"9999-12-31T23:59:59.999Z"}`},
	{0x09, u64(253402300800000), `{"$date":{"$numberLong":"253402300800000"}}`, ``},
	{0x09, u64(math.MaxUint64), `{"$date":{"$numberLong":"-1"}}`, ``},
	{0x09, u64(1 << 63), `{"$date":{"$numberLong":"-9223372036854775808"}}`, ``},
	{0x0A, "", `null`, ``},
	{0x0B, "a\"b\x00im\x00", `{"$regularExpression":{"pattern":"a\"b","options":"im"}}`, ``},
	{0x0B, "\x00\x00", `{"$regularExpression":{"pattern":"","options":""}}`, ``},
	{0x0C, str("db.c") + oid, `{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"5f0c1d2e3f405162738495a6"}}}`, ``},
	{0x0C, str("d\"b\n") + oid, `{"$dbPointer":{"$ref":"d\"b\n","$id":{"$oid":"5f0c1d2e3f405162738495a6"}}}`, ``},
	{0x0D, str("f()"), `{"$code":"f()"}`, ``},
	{0x0E, str("sym"), `{"$symbol":"sym"}`, ``},
	{0x0F, code("f()", sub()), `{"$code":"f()","$scope":{}}`, ``},
	{0x0F, code("", sub(element{0x02, "$oid", str("x")})), `{"$code":"","$scope":{"$oid":"x"}}`, ``},
	{0x10, u32(0), `{"$numberInt":"0"}`, `0`},
	{0x10, u32(math.MaxInt32), `{"$numberInt":"2147483647"}`, `2147483647`},
	{0x10, u32(1 << 31), `{"$numberInt":"-2147483648"}`, `-2147483648`},
	{0x11, u64(0), `{"$timestamp":{"t":0,"i":0}}`, ``},
	{0x11, u64(math.MaxUint64 - 1), `{"$timestamp":{"t":4294967295,"i":4294967294}}`, ``},
	{0x12, u64(math.MaxInt32 + 1), `{"$numberLong":"2147483648"}`, `2147483648`},
	{0x12, u64(math.MaxInt64), `{"$numberLong":"9223372036854775807"}`, `9223372036854775807`},
	{0x12, u64(1 << 63), `{"$numberLong":"-9223372036854775808"}`, `-9223372036854775808`},
	{0x13, u64(0) + u64(0x3040<<48), `{"$numberDecimal":"0"}`, ``},
	{0x13, u64(0) + u64(0xB040<<48), `{"$numberDecimal":"-0"}`, ``},
	{0x13, u64(0) + u64(0x3046<<48), `{"$numberDecimal":"0E+3"}`, ``},
	{0x13, u64(1) + u64(0), `{"$numberDecimal":"1E-6176"}`, ``},
	{0x13, u64(12345) + u64(0x303C<<48), `{"$numberDecimal":"123.45"}`, ``},
	{0x13, u64(1) + u64(0x3034<<48), `{"$numberDecimal":"0.000001"}`, ``},
	{0x13, u64(1) + u64(0x3032<<48), `{"$numberDecimal":"1E-7"}`, ``},
	{0x13, u64(10) + u64(0x3030<<48), `{"$numberDecimal":"1.0E-7"}`, ``},
	{
		0x13, u64(0x378D8E63FFFFFFFF) + u64(0x5FFFED09BEAD87C0),
		`{"$numberDecimal":"9.999999999999999999999999999999999E+6144"}`, ``,
	},
	{0x13, u64(0) + u64(0x78<<56), `{"$numberDecimal":"Infinity"}`, ``},
	{0x13, u64(0) + u64(0xF8<<56), `{"$numberDecimal":"-Infinity"}`, ``},
	{0x13, u64(0) + u64(0x7C<<56), `{"$numberDecimal":"NaN"}`, ``},
	{0x7F, "", `{"$maxKey":1}`, ``},
	{0xFF, "", `{"$minKey":1}`, ``},
}

func TestValues(t *testing.T) {
	for _, v := range values {
		doc := one(v.t, v.val)
		if got, want := roundTrip(t, doc), `{"a":`+v.canonical+`}`; got != want {
			t.Errorf("canonical: got %s, want %s", got, want)
		}
		want := `{"a":` + v.relaxed + `}`
		if v.relaxed == "" {
			want = `{"a":` + v.canonical + `}`
		}
		got, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{Relaxed: true})
		if err != nil || string(got) != want {
			t.Errorf("relaxed: got %s, %v, want %s", got, err, want)
		}
		if back, err := bsoncodec.AppendBSON(nil, got, nil); err != nil || string(back) != string(doc) {
			t.Errorf("relaxed: %s came back as %x, %v, want %x", got, back, err, []byte(doc))
		}
	}
}

// TestTextEdges takes strings and keys of every length around eight bytes, which are read at once,
// with a special character at every position.
func TestTextEdges(t *testing.T) {
	for n := range 35 {
		for at := range n {
			for _, odd := range []string{
				"\"", "\\", "\x01", "\x1f", " ", "\x7f", "é", "\u2028", "€", "😀", "\x80",
				"\xff",
			} {
				s := strings.Repeat("x", at) + odd + strings.Repeat("y", n-at-1)
				roundTrip(t, one(0x02, str(s)))
				roundTrip(t, raw(element{0x0A, s, ""}))
				roundTrip(t, raw(element{0x0A, s, ""}, element{0x02, "b", str(s)}, element{0x01, "long", f64(1)}))
			}
		}
		roundTrip(t, one(0x02, str(strings.Repeat("\x00", n))))
		roundTrip(t, one(0x02, str(strings.Repeat("é", n))))
		roundTrip(t, one(0x05, u32(uint32(n))+"\x00"+strings.Repeat("\xfb", n)))
	}
}

func TestRelaxedLosesOnlySmallLongs(t *testing.T) {
	doc := one(0x12, u64(5))
	text, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{Relaxed: true})
	if err != nil || string(text) != `{"a":5}` {
		t.Fatalf("got %s, %v", text, err)
	}
	if back, err := bsoncodec.AppendBSON(nil, text, nil); err != nil || string(back) != string(one(0x10, u32(5))) {
		t.Errorf("got %x, %v, want an int32", back, err)
	}
}
