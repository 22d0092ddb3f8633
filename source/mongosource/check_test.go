package mongosource

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// wrap returns a document with an _id and the elements in body.
func wrap(body string) []byte {
	d := append([]byte{0, 0, 0, 0}, "\x10_id\x00\x05\x00\x00\x00"+body+"\x00"...)
	binary.LittleEndian.PutUint32(d, uint32(len(d)))
	return d
}

// A document with a field of every type is valid. With one byte less or more it is not.
func TestCheckDocumentEveryType(t *testing.T) {
	oid := bson.NewObjectID()
	dec, _ := bson.ParseDecimal128("1.5")
	for _, v := range []any{
		1.5, math.NaN(), "text", "",
		bson.D{},
		bson.D{{Key: "a", Value: bson.D{{Key: "b", Value: 1}}}},
		bson.A{},
		bson.A{1, "two", bson.D{}},
		bson.Binary{},
		bson.Binary{Subtype: 2, Data: []byte("old")},
		bson.Binary{Subtype: 2},
		bson.Binary{Subtype: 0x80, Data: []byte("x")},
		bson.Undefined{},
		oid, true, false,
		time.Unix(0, 0), nil,
		bson.Regex{Pattern: "a", Options: "i"},
		bson.Regex{},
		bson.DBPointer{DB: "a.b", Pointer: oid},
		bson.JavaScript("f()"), bson.Symbol("s"),
		bson.CodeWithScope{Code: "f()", Scope: bson.D{{Key: "x", Value: 1}}},
		bson.CodeWithScope{Scope: bson.D{}},
		int32(1),
		bson.Timestamp{T: 1, I: 2},
		int64(1), dec,
		bson.MinKey{},
		bson.MaxKey{},
	} {
		for _, after := range []bson.D{nil, {{Key: "z", Value: 1}}} {
			d, err := bson.Marshal(append(bson.D{{Key: "v", Value: v}}, after...))
			if err != nil {
				t.Fatal(err)
			}
			if bad := checkDocument(d); bad != nil {
				t.Errorf("%T %v: %v", v, v, bad)
			}
			for n := range d {
				short := append([]byte(nil), d[:n]...)
				if checkDocument(short) == nil {
					t.Errorf("%T %v cut to %d bytes: passed", v, v, n)
				}
				if n < 6 {
					continue
				}
				short[n-1] = 0
				binary.LittleEndian.PutUint32(short, uint32(n))
				if bad := checkDocument(short); bad == nil && bson.Raw(short).Validate() != nil {
					t.Errorf("%T %v ended at %d: passed", v, v, n)
				}
			}
		}
	}
}

// These include damages that the driver's Validate does not find.
func TestCheckDocumentDamages(t *testing.T) {
	for name, body := range map[string]string{
		"no such type":                   "\x20a\x00",
		"a key without end":              "\x10aaaa",
		"int32 cut":                      "\x10a\x00\x01\x00",
		"string of length 0":             "\x02a\x00\x00\x00\x00\x00",
		"string of negative length":      "\x02a\x00\xff\xff\xff\xff\x00",
		"string too long":                "\x02a\x00\x05\x00\x00\x00x\x00",
		"string without zero":            "\x02a\x00\x02\x00\x00\x00xx",
		"boolean 2":                      "\x08a\x00\x02",
		"binary of negative length":      "\x05a\x00\xff\xff\xff\xff\x00",
		"binary too long":                "\x05a\x00\x03\x00\x00\x00\x00x",
		"old binary, inner too long":     "\x05a\x00\x06\x00\x00\x00\x02\x03\x00\x00\x00xx",
		"old binary, inner too short":    "\x05a\x00\x06\x00\x00\x00\x02\x01\x00\x00\x00xx",
		"old binary without inner":       "\x05a\x00\x02\x00\x00\x00\x02xx",
		"regex without options":          "\x0ba\x00x",
		"document of length 4":           "\x03a\x00\x04\x00\x00\x00\x00",
		"document too long":              "\x03a\x00\x0a\x00\x00\x00\x00",
		"document without zero":          "\x03a\x00\x05\x00\x00\x00\x01",
		"document that ends early":       "\x03a\x00\x07\x00\x00\x00\x00\x00\x00",
		"element beyond its document":    "\x03a\x00\x0a\x00\x00\x00\x12b\x00\x01\x00\x00\x00",
		"pointer cut":                    "\x0ca\x00\x02\x00\x00\x00x\x00abc",
		"code with scope too short":      "\x0fa\x00\x0d\x00\x00\x00\x01\x00\x00\x00\x00\x05\x00\x00\x00\x00",
		"code with scope, wrong total":   "\x0fa\x00\x0f\x00\x00\x00\x01\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00",
		"code with scope, code too long": "\x0fa\x00\x0e\x00\x00\x00\x0a\x00\x00\x00\x00\x05\x00\x00\x00\x00",
	} {
		bad := checkDocument(wrap(body))
		if bad == nil {
			t.Errorf("%s: passed", name)
			continue
		}
		const element, value = 13, 13 + 3
		at, ok := map[string]int{
			"document of length 4":           value,
			"document too long":              value,
			"document without zero":          value + 4,
			"document that ends early":       value + 4,
			"element beyond its document":    value + 4,
			"code with scope too short":      value,
			"code with scope, wrong total":   value + 9,
			"code with scope, code too long": value,
		}[name]
		if !ok {
			at = element
		}
		if id, ok := bad.ID.Int32OK(); bad.Offset != at || !ok || id != 5 {
			t.Errorf("%s: %v, want offset %d and _id 5", name, bad, at)
		}
	}
}

// Nesting up to the limit is accepted.
func TestCheckDocumentDepth(t *testing.T) {
	nested := func(levels int) []byte {
		d := []byte{5, 0, 0, 0, 0}
		for range levels - 1 {
			d = append(append([]byte{0, 0, 0, 0, 3, 'a', 0}, d...), 0)
			binary.LittleEndian.PutUint32(d, uint32(len(d)))
		}
		return d
	}
	for levels, sound := range map[int]bool{1: true, 200: true, maxDepth: true, maxDepth + 1: false, 1000: false} {
		if bad := checkDocument(nested(levels)); (bad == nil) != sound {
			t.Errorf("%d levels: %v", levels, bad)
		}
	}
}

// The driver finds nothing wrong with the structure of an accepted document.
func FuzzCheckDocument(f *testing.F) {
	f.Add([]byte(event(f)))
	f.Add(wrap("\x0fa\x00\x0e\x00\x00\x00\x01\x00\x00\x00\x00\x05\x00\x00\x00\x00"))
	f.Add(wrap("\x05a\x00\x06\x00\x00\x00\x02\x02\x00\x00\x00xx\x0ca\x00\x02\x00\x00\x00x\x00abcdefghijkl"))
	f.Fuzz(func(t *testing.T, d []byte) {
		bad := checkDocument(d)
		if bad == nil {
			if err := bson.Raw(d).Validate(); err != nil {
				t.Errorf("passed, but the driver says: %v", err)
			}
		} else if bad.Offset < 0 || bad.Offset > len(d) {
			t.Errorf("offset %d of %d bytes", bad.Offset, len(d))
		}
	})
}
