package bsoncodec_test

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

// longDocuments are documents of some MiB, of every kind.
var longDocuments = map[string]func() bson.Raw{
	"one string of control characters": func() bson.Raw { return repeated(1, text("\x01", 2<<20)) },
	"one string of lines":              func() bson.Raw { return repeated(1, text("a line\n", 1<<18)) },
	"one string of CJK":                func() bson.Raw { return repeated(1, text("文字", 1<<18)) },
	"strings of control characters":    func() bson.Raw { return repeated(8, text("\x01", 1<<18)) },
	"short strings":                    func() bson.Raw { return repeated(20_000, text("\x01", 60), text("x", 40)) },
	"control characters after text": func() bson.Raw {
		return raw(slices.Concat(slices.Repeat([]element{text("x", 100)}, 10_000),
			slices.Repeat([]element{text("\x01", 100)}, 10_000))...)
	},
	"long keys": func() bson.Raw {
		return repeated(20, element{0x10, strings.Repeat("\"k", 20_000), u32(1)})
	},
	"numbers":          func() bson.Raw { return repeated(100_000, element{0x10, "a", u32(1)}) },
	"MinKeys":          func() bson.Raw { return bulk(element{0x7F, "", ""}, 1<<18) },
	"undefined values": func() bson.Raw { return bulk(element{0x06, "", ""}, 1<<18) },
	"booleans of 2":    func() bson.Raw { return bulk(element{0x08, "", "\x02"}, 1<<18) },
	"nothing":          func() bson.Raw { return bulk(element{0x0A, "", ""}, 1<<18) },
	"array of numbers": func() bson.Raw { return arrayOf(100_000, int32(7)) },
	"array of doubles": func() bson.Raw { return arrayOf(100_000, 0.1, math.Pi, -1e-300) },
	"array of decimals": func() bson.Raw {
		return arrayOf(100_000, decimal("1E+3"), decimal("1.5"), decimal("-0"))
	},
	"array of dates": func() bson.Raw {
		return arrayOf(100_000, bson.DateTime(1_700_000_000_000), bson.DateTime(1))
	},
	"array of ObjectIDs":    func() bson.Raw { return arrayOf(100_000, bson.ObjectID{1, 2, 3}) },
	"array of small binary": func() bson.Raw { return arrayOf(100_000, bson.Binary{Data: []byte{1}}) },
	"array of booleans":     func() bson.Raw { return arrayOf(100_000, true, false, nil) },
	"nested arrays":         func() bson.Raw { return arrayOf(100_000, bson.A{}, bson.A{1.5, bson.A{int64(1) << 60}}) },
	"small documents":       func() bson.Raw { return arrayOf(100_000, bson.D{}, bson.D{{Key: "a", Value: int32(1)}}) },
	"binaries":              func() bson.Raw { return arrayOf(2, bson.Binary{Data: make([]byte, 1<<20)}) },
	"binaries of the old kind": func() bson.Raw {
		return arrayOf(100_000, bson.Binary{Subtype: 2, Data: []byte{1, 2}})
	},
	"code with scope": func() bson.Raw {
		return arrayOf(100_000, bson.CodeWithScope{Code: "f(\n)", Scope: bson.D{}}, bson.JavaScript("f()"))
	},
	"code of control characters":   func() bson.Raw { return one(0x0D, str(strings.Repeat("\x01", 2<<20))) },
	"symbol of control characters": func() bson.Raw { return one(0x0E, str(strings.Repeat("\x01", 2<<20))) },
	"rare types": func() bson.Raw {
		return arrayOf(100_000, bson.Regex{Pattern: "a\t", Options: "im"}, bson.Symbol("s"), bson.Undefined{},
			bson.DBPointer{DB: "a.b"}, bson.Timestamp{T: 1 << 31, I: 1}, bson.MaxKey{})
	},
	"one string that is not UTF-8":  func() bson.Raw { return repeated(1, text("\xff", 2<<20)) },
	"many strings not UTF-8":        func() bson.Raw { return repeated(50_000, text("\xff", 10), text("x", 10)) },
	"a key that is not UTF-8, last": func() bson.Raw { return raw(text("\x01", 2<<20), element{0x10, "\xff", u32(1)}) },
	"a line that is too long":       func() bson.Raw { return bulk(element{0x7F, "", ""}, 16<<20) },
}

func repeated(n int, e ...element) bson.Raw { return raw(slices.Repeat(e, n)...) }

func text(s string, n int) element { return element{0x02, "a", str(strings.Repeat(s, n))} }

// arrayOf returns a document with an array of n elements, which repeats these values.
func arrayOf(n int, values ...any) bson.Raw {
	a := make(bson.A, n)
	for i := range a {
		a[i] = values[i%len(values)]
	}
	doc, err := bson.Marshal(bson.D{{Key: "a", Value: a}})
	if err != nil {
		panic(err)
	}
	return doc
}

func decimal(s string) bson.Decimal128 {
	d, err := bson.ParseDecimal128(s)
	if err != nil {
		panic(err)
	}
	return d
}

// mostAllocated is the limit on the memory that is allocated to convert a long document, in bytes
// for each byte of the result.
const mostAllocated = 1.2

// TestMemoryOfLongLines limits the memory that converting a document in both directions takes.
func TestMemoryOfLongLines(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own")
	}
	for name, document := range longDocuments {
		doc := document()
		limit := func(what string, result int, f func() error) {
			t.Helper()
			got := allocated(t, mostAllocated*float64(result), f) / float64(result)
			t.Logf("%s: %s: %.2f", name, what, got)
			if got > mostAllocated {
				t.Errorf("%s: %s: %.2f times the result was allocated, want %.2f", name, what, got, mostAllocated)
			}
		}
		for _, o := range []bsoncodec.ExtJSONOptions{{}, {Relaxed: true}} {
			mode := map[bool]string{false: "canonical", true: "relaxed"}[o.Relaxed]
			line, err := bsoncodec.AppendExtJSON(nil, doc, &o)
			if err != nil {
				t.Fatal(err)
			}
			limit(mode+" AppendExtJSON", len(line), func() error {
				line, err = bsoncodec.AppendExtJSON(nil, doc, &o)
				return err
			})
			back, err := bsoncodec.AppendBSON(nil, line, nil)
			if err != nil || !o.Relaxed && !bytes.Equal(back, doc) {
				t.Fatalf("%s: not the same document, %v", name, err)
			}
			limit(mode+" AppendBSON", len(back), func() error {
				_, err := bsoncodec.AppendBSON(nil, line, nil)
				return err
			})
			whole := append(line, '\n')
			limit(mode+" ParseExtJSON", len(back), func() error {
				_, err := collect(t, stream.Via(slice(whole), bsoncodec.ParseExtJSON(nil)))
				return err
			})
		}
	}
}

// TestMemoryOfScopeFirst limits the memory for code that comes after its scope: it does not depend
// on what is in dst already.
func TestMemoryOfScopeFirst(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own")
	}
	dst := make([]byte, 32<<20, 33<<20)
	for name, char := range map[string]string{"plain": "x", "escaped": `\n`} {
		line := []byte(`{"a":{"$scope":{"b":1},"$code":"` + strings.Repeat(char, 100<<10) + `"}}`)
		limit := 2 * float64(len(line))
		got := allocated(t, limit, func() error {
			_, err := bsoncodec.AppendBSON(dst, line, nil)
			return err
		})
		if got > limit {
			t.Errorf("%s: %.0f bytes were allocated for a line of %d", name, got, len(line))
		}
	}
}

// allocated returns the bytes that f allocates. If they exceed most, it runs f up to three times,
// because the runtime sometimes allocates memory itself.
func allocated(t *testing.T, most float64, f func() error) float64 {
	t.Helper()
	taken := math.Inf(1)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := f(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if taken = min(taken, float64(after.TotalAlloc-before.TotalAlloc)); taken <= most {
			break
		}
	}
	return taken
}
