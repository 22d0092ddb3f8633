package bsoncodec_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/bsonrand"
)

const escapeKey = "$millweirBSON"

// odd are documents that canonical JSON cannot carry.
var odd = map[string]bson.Raw{
	"text not UTF-8":             one(0x02, str("a\xff")),
	"text with a surrogate":      one(0x02, str("\xed\xa0\x80")),
	"text overlong":              one(0x02, str("\xc0\x80")),
	"text cut in a character":    one(0x02, str("\xf0\x9f\x98")),
	"key not UTF-8":              raw(element{0x0A, "\xff", ""}),
	"inner key not UTF-8":        one(0x03, sub(element{0x0A, "averylongkey\xff", ""})),
	"code not UTF-8":             one(0x0D, str("\xff")),
	"symbol not UTF-8":           one(0x0E, str("\xff")),
	"pointer not UTF-8":          one(0x0C, str("\xff")+oid),
	"scope code not UTF-8":       one(0x0F, code("\xff", sub())),
	"scope key not UTF-8":        one(0x0F, code("", sub(element{0x0A, "\xff", ""}))),
	"pattern not UTF-8":          one(0x0B, "\xff\x00\x00"),
	"options not UTF-8":          one(0x0B, "\x00\xff\x00"),
	"options not sorted":         one(0x0B, "\x00xi\x00"),
	"options not sorted, beyond": one(0x0B, "\x00\u00ea\u00e9\x00"),
	"array keys from 1":          one(0x04, sub(element{0x0A, "1", ""})),
	"array key repeated":         one(0x04, sub(element{0x0A, "0", ""}, element{0x0A, "0", ""})),
	"array key 100 beyond 101":   one(0x04, indexes(102, 101, "100")),
	"array key 12 for 13":        one(0x04, indexes(20, 13, "12")),
	"array key empty":            one(0x04, sub(element{0x0A, "", ""})),
	"array key with a zero":      one(0x04, sub(element{0x0A, "00", ""})),
	"NaN of the other drivers":   one(0x01, u64(0x7FF8000000000000)),
	"NaN negative":               one(0x01, u64(0xFFF8000000000001)),
	"NaN signalling":             one(0x01, u64(0x7FF0000000000001)),
	"decimal too long":           one(0x13, u64(0x378D8E6400000000)+u64(0x3041ED09BEAD87C0)),
	"decimal of the other form":  one(0x13, u64(0)+u64(0x6C10<<48)),
	"decimal NaN with a payload": one(0x13, u64(1)+u64(0x7C<<56)),
	"decimal NaN negative":       one(0x13, u64(0)+u64(0xFC<<56)),
	"decimal infinity, payload":  one(0x13, u64(1)+u64(0x78<<56)),
	"boolean 2":                  one(0x08, "\x02"),
	"boolean 255":                one(0x08, "\xff"),
	"subtype 2 too short":        one(0x05, "\x03\x00\x00\x00\x02abc"),
	"subtype 2, inner longer":    one(0x05, "\x05\x00\x00\x00\x02\x02\x00\x00\x00a"),
	"subtype 2, inner negative":  one(0x05, "\x04\x00\x00\x00\x02\xff\xff\xff\xff"),
	"escape form": one(0x03,
		sub(element{0x03, escapeKey, sub(element{0x02, "type", str("0a")}, element{0x02, "base64", str("")})})),
	"escape form on top": raw(element{0x03, escapeKey, sub(element{0x02, "type", str("03")},
		element{0x02, "base64", str("BQAAAAA=")})}),
	"escape key on top": raw(element{0x0A, escapeKey, ""}),
	"wrapper in an array": one(0x04,
		sub(element{0x03, "0", sub(element{0x02, "$oid", str(strings.Repeat("0", 24))})})),
}

// indexes returns an array of n nulls. The key of element at is key, all other keys are the right
// indexes.
func indexes(n, at int, key string) string {
	elements := make([]element, n)
	for i := range elements {
		elements[i] = element{0x0A, strconv.Itoa(i), ""}
	}
	elements[at].key = key
	return sub(elements...)
}

func TestEscapedDocumentsComeBack(t *testing.T) {
	for name, doc := range odd {
		t.Run(name, func(t *testing.T) {
			text := roundTrip(t, doc)
			if !strings.Contains(text, escapeKey) {
				t.Errorf("not escaped: %s", text)
			}
			if !json.Valid([]byte(text)) {
				t.Errorf("no JSON: %s", text)
			}
			_, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{Strict: true})
			if !errors.Is(err, bsoncodec.ErrInexact) {
				t.Errorf("strict: got %v, want ErrInexact", err)
			}
			text2, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{Relaxed: true})
			if back, err2 := bsoncodec.AppendBSON(nil, text2, nil); err != nil || err2 != nil ||
				string(back) != string(doc) {
				t.Errorf("relaxed: %s came back as %x, %v, %v", text2, back, err, err2)
			}
		})
	}
}

// TestEscapeForm: only the smallest value that JSON cannot represent is escaped. Everything around
// it stays readable.
func TestEscapeForm(t *testing.T) {
	for _, c := range []struct {
		doc  bson.Raw
		want string
	}{
		{
			raw(element{0x02, "a", str("x")}, element{0x02, "b", str("\xff")}, element{0x02, "c", str("y")}),
			`{"a":"x","b":{"$millweirBSON":{"type":"02","base64":"AgAAAP8A"}},"c":"y"}`,
		},
		{
			raw(element{0x0A, "a", ""}, element{0x03, "b", sub(element{0x02, "$oid", str("x")})}),
			`{"a":null,"b":{"$millweirBSON":{"type":"03","base64":"EQAAAAIkb2lkAAIAAAB4AAA="}}}`,
		},
		{raw(element{0x0A, "\xff", ""}), `{"$millweirBSON":{"type":"03","base64":"CAAAAAr/AAA="}}`},
		{one(0x04, sub(element{0x0A, "1", ""})), `{"a":{"$millweirBSON":{"type":"04","base64":"CAAAAAoxAAA="}}}`},
	} {
		if got := roundTrip(t, c.doc); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestEscapeFormOfNestedContainers nests containers that are all inexact. They are written one by
// one while that is little work. Beyond that the whole document is escaped, so that the work is
// proportional to its size, whatever its depth.
func TestEscapeFormOfNestedContainers(t *testing.T) {
	bad := element{0x0A, "\xff", ""}
	for _, c := range []struct {
		t    byte // type of the containers
		wrap func(inner element) string
		key  string
	}{
		{0x03, func(inner element) string { return sub(inner, bad) }, "a"},
		{0x04, func(inner element) string { return sub(inner, element{0x0A, "2", ""}) }, "0"},
		{0x0F, func(inner element) string { return code("", sub(inner, bad)) }, "a"},
	} {
		for levels, whole := range map[int]bool{1: false, 3: false, 50: true, 198: true} {
			e := element{0x02, c.key, str(strings.Repeat("x", 100_000))}
			for range levels {
				e = element{c.t, c.key, c.wrap(e)}
			}
			text := roundTrip(t, raw(element{0x10, "b", u32(1)}, e))
			if got := strings.HasPrefix(text, `{"`+escapeKey); got != whole || strings.Count(text, escapeKey) != 1 {
				t.Errorf("%d levels of type %02x: escaped as a whole: %v, want %v: %.100s", levels, c.t, got, whole,
					text)
			}
			_, err := bsoncodec.AppendExtJSON(nil, raw(e), &bsoncodec.ExtJSONOptions{Strict: true})
			if e := isDocument(t, err); !errors.Is(err, bsoncodec.ErrInexact) || strings.Count(e.Path, "/") < levels {
				t.Errorf("%d levels of type %02x, strict: %v", levels, c.t, err)
			}
		}
	}
}

// TestAmbiguousKeys takes every key with a special meaning, and similar keys, at every position,
// before and after another key, with a value of every type. If the driver reads its own text back
// exactly, we must write the same text: nothing is escaped without need.
func TestAmbiguousKeys(t *testing.T) {
	keys := append([]string{"$", "$$oid", "$OID", "$oi", "$oids", "\x24oid\x01", "oid"}, bsonrand.Wrappers...)
	for _, key := range keys {
		for _, v := range values {
			e, other := element{v.t, key, v.val}, element{0x10, "z", u32(1)}
			for _, elements := range [][]element{{e}, {e, other}, {other, e}, {e, e}} {
				for _, doc := range []bson.Raw{
					raw(elements...),
					one(0x03, sub(elements...)),
					one(0x04, sub(element{0x03, "0", sub(elements...)})),
					one(0x0F, code("", sub(elements...))),
					one(0x0F, code("", sub(element{0x03, "b", sub(elements...)}))),
				} {
					text := roundTrip(t, doc)
					want, exact := driverExact(doc, true)
					if exact && key != escapeKey && json.Valid(want) && text != string(want) {
						t.Fatalf("got  %s\nwant %s", text, want)
					}
				}
			}
		}
	}
	for _, a := range bsonrand.Wrappers { // a second one: legacy binary, code with scope, …
		for _, b := range bsonrand.Wrappers {
			roundTrip(t, one(0x03, sub(element{0x02, a, str("00")}, element{0x02, b, str("00")})))
			roundTrip(t, one(0x03, sub(element{0x02, a, str("00")}, element{0x03, b, sub()})))
		}
	}
}

func TestEscapeFormIsChecked(t *testing.T) {
	for name, text := range map[string]string{
		"no object":         `{"a":{"$millweirBSON":1}}`,
		"no type":           `{"a":{"$millweirBSON":{"base64":""}}}`,
		"no base64":         `{"a":{"$millweirBSON":{"type":"0a"}}}`,
		"more keys inside":  `{"a":{"$millweirBSON":{"type":"0a","base64":"","x":1}}}`,
		"more keys":         `{"a":{"$millweirBSON":{"type":"0a","base64":""},"x":1}}`,
		"type twice":        `{"a":{"$millweirBSON":{"type":"0a","type":"0a"}}}`,
		"unknown type":      `{"a":{"$millweirBSON":{"type":"44","base64":""}}}`,
		"type no hex":       `{"a":{"$millweirBSON":{"type":"zz","base64":""}}}`,
		"bad base64":        `{"a":{"$millweirBSON":{"type":"0a","base64":"!"}}}`,
		"bits left over":    `{"a":{"$millweirBSON":{"type":"08","base64":"AB=="}}}`,
		"newline in base64": `{"a":{"$millweirBSON":{"type":"08","base64":"A\nA\r=="}}}`,
		"no base64, spaces": `{"a":{"$millweirBSON":{"type":"0a","base64":"\n\n\n\n"}}}`,
		"too short":         `{"a":{"$millweirBSON":{"type":"10","base64":"AAAA"}}}`,
		"too long":          `{"a":{"$millweirBSON":{"type":"0a","base64":"AAAA"}}}`,
		"malformed inside":  `{"a":{"$millweirBSON":{"type":"03","base64":"CAAAAEQxAAA="}}}`,
		"array on top":      `{"$millweirBSON":{"type":"04","base64":"BQAAAAA="}}`,
		"number on top":     `{"$millweirBSON":{"type":"10","base64":"AAAAAA=="}}`,
		"more keys, on top": `{"$millweirBSON":{"type":"03","base64":"BQAAAAA="},"a":1}`,
	} {
		if got, err := bsoncodec.AppendBSON(nil, []byte(text), nil); err == nil {
			t.Errorf("%s: %s was read as %x", name, text, got)
		}
	}
	for _, text := range []string{
		`{"$millweirBSON":{"type":"03","base64":"BQAAAAA="}}`,
		` { "$millweirBSON" : { "base64" : "BQAAAAA=" , "type" : "3" } } `,
		"{\"\\u0024millweirBSON\":{\"type\":\"03\",\"base64\":\"BQAAAAA=\"}}",
	} {
		if got, err := bsoncodec.AppendBSON(nil, []byte(text), nil); err != nil || string(got) != sub() {
			t.Errorf("%s: got %x, %v", text, got, err)
		}
	}
}
