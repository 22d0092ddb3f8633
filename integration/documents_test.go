package integration_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/integration/servers"
)

// value is an ordinary value or an edge case of a BSON type.
type value struct {
	name string
	v    any
	full bool // needs a server that stores every type
}

// values returns ordinary values and edge cases of every BSON type, except invalid UTF-8, which
// none of these servers stores.
func values() []value {
	oid := bson.ObjectID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	deep := bson.D{{Key: "end", Value: int32(1)}}
	for range 80 {
		deep = bson.D{{Key: "d", Value: deep}}
	}
	vs := []value{
		{"double", 1.5, false},
		{"double 0", 0.0, false},
		{"double max", math.MaxFloat64, false},
		{"double subnormal", math.SmallestNonzeroFloat64, false},
		{"double -0", math.Copysign(0, -1), true},
		{"double inf", math.Inf(1), true},
		{"double -inf", math.Inf(-1), true},
		{"double nan", math.NaN(), true},
		{"double nan with payload", math.Float64frombits(0x7ff800000000beef), true},
		{"string", "text", false},
		{"string empty", "", false},
		{"string unicode", "žluťoučký 水車 \U0001f36a \u2028", false},
		{"string with zero byte", "a\x00b", true},
		{"string control", "\x01\t\n\x1f\x7f", false},
		{"string long", strings.Repeat("0123456789", 100_000), false},
		{"document", bson.D{{Key: "b", Value: int32(1)}, {Key: "a", Value: int32(2)}}, false},
		{"document empty", bson.D{}, false},
		{"document deep", deep, true},
		{"array", bson.A{int32(1), "two", bson.D{{Key: "three", Value: 3.0}}, nil}, false},
		{"array empty", bson.A{}, false},
		{"undefined", bson.Undefined{}, true},
		{"objectid", oid, false},
		{"bool true", true, false},
		{"bool false", false, false},
		{"date", bson.DateTime(1_700_000_000_123), false},
		{"date 0", bson.DateTime(0), false},
		{"date before 1970", bson.DateTime(-1), false},
		{"date year 10000", bson.DateTime(253_402_300_800_000), true},
		{"date min", bson.DateTime(math.MinInt64), true},
		{"date max", bson.DateTime(math.MaxInt64), true},
		{"null", nil, false},
		{"regex", bson.Regex{Pattern: "^a.*/b$", Options: "im"}, false},
		{"regex without options", bson.Regex{Pattern: "a"}, false},
		{"dbpointer", bson.DBPointer{DB: "db.c", Pointer: oid}, true},
		{"code", bson.JavaScript("function() { return 1 }"), true},
		{"symbol", bson.Symbol("sym"), true},
		{"code with scope", bson.CodeWithScope{Code: "x", Scope: bson.D{{Key: "x", Value: int32(1)}}}, true},
		{"int32 min", int32(math.MinInt32), false},
		{"int32 max", int32(math.MaxInt32), false},
		{"timestamp", bson.Timestamp{T: math.MaxUint32, I: math.MaxUint32}, false},
		{"timestamp 0", bson.Timestamp{}, true}, // servers replace it with their time by default
		{"int64", int64(1), false},
		{"int64 min", int64(math.MinInt64), false},
		{"int64 max", int64(math.MaxInt64), false},
		{"minkey", bson.MinKey{}, true},
		{"maxkey", bson.MaxKey{}, true},
	}
	for _, sub := range []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80, 0xff} {
		vs = append(vs, value{
			fmt.Sprintf("binary %#x", sub),
			bson.Binary{Subtype: sub, Data: []byte("0123456789abcdef")},
			sub != 0,
		})
	}
	vs = append(vs, value{"binary empty", bson.Binary{Data: []byte{}}, false})
	for _, s := range []string{
		"0", "-0", "1.0", "1E+6144", "9.999999999999999999999999999999999E+6144", "1E-6176",
		"Infinity", "-Infinity", "NaN",
	} {
		d, err := bson.ParseDecimal128(s)
		if err != nil {
			panic(err)
		}
		vs = append(vs, value{"decimal " + s, d, true})
	}
	return append(vs, value{"decimal not canonical", bson.NewDecimal128(0x6c7fffffffffffff, math.MaxUint64), true})
}

// oddKeys are field names that some programs lose.
var oddKeys = []string{
	"", " ", "$", "$oid", "$numberLong", "$where", "a.b", ".", "..", "a$b", "0", "01", "-1", "é", "e\u0301", "水車",
	"\U0001f36a",
	"\t", "a\x01b", "\u2028", "\"", "\\", "__proto__", "constructor", strings.Repeat("k", 1000),
}

// marshal returns d as BSON.
func marshal(t testing.TB, d any) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// commonDocuments returns a document for each value that every server stores.
func commonDocuments(t testing.TB) []bson.Raw {
	t.Helper()
	return documentsOf(t, slices.DeleteFunc(values(), func(v value) bool { return v.full }))
}

// documentsFor returns the documents that the server stores as they are. The driver alone finds out
// which, except that FerretDB closes the connection at some of the others.
func documentsFor(t testing.TB, m *servers.Mongo) []bson.Raw {
	t.Helper()
	if m.IsFerretDB() {
		return commonDocuments(t)
	}
	all := documents(t)
	kept, probe := all[:0:0], m.Database(t).Collection("probe")
	for _, d := range all {
		if _, err := probe.InsertMany(t.Context(), []bson.Raw{d}, insertUnchanged(t)); err != nil {
			continue
		}
		back, err := probe.FindOne(t.Context(), bson.D{{Key: "_id", Value: d.Lookup("_id")}}).Raw()
		if err == nil && bytes.Equal(back, d) {
			kept = append(kept, d)
		}
	}
	if least := len(commonDocuments(t)); len(kept) < least {
		t.Fatalf("the server keeps %d of %d documents, want at least %d", len(kept), len(all), least)
	}
	t.Logf("the server keeps %d of %d documents", len(kept), len(all))
	return kept
}

func documentsOf(t testing.TB, vs []value) (docs []bson.Raw) {
	t.Helper()
	for i, v := range vs {
		docs = append(docs, marshal(t, bson.D{
			{Key: "_id", Value: int32(i)},
			{Key: "name", Value: v.name},
			{Key: "v", Value: v.v},
		}))
	}
	return docs
}

// documents returns a document for each value, and some with odd keys.
func documents(t testing.TB) []bson.Raw {
	t.Helper()
	docs := documentsOf(t, values())
	for _, k := range oddKeys {
		docs = append(docs, marshal(t, bson.D{
			{Key: "_id", Value: int32(len(docs))},
			{Key: "in", Value: bson.D{{Key: k, Value: int32(1)}}},
		}))
	}
	return append(docs,
		marshal(t, bson.D{
			{Key: "_id", Value: int32(len(docs))},
			{Key: "twice", Value: int32(1)},
			{Key: "twice", Value: "2"},
		}),
		marshal(t, bson.D{
			{Key: "_id", Value: int32(len(docs) + 1)},
			{Key: "in", Value: bson.D{
				{Key: "_id", Value: int32(1)},
				{Key: "a", Value: bson.A{bson.D{}, bson.A{bson.A{}}}},
			}},
		}),
	)
}

// plain makes n small documents with the _ids 0 to n-1 and about size bytes of text.
func plain(t testing.TB, n, size int) []bson.Raw {
	t.Helper()
	docs := make([]bson.Raw, n)
	r := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range docs {
		docs[i] = marshal(t, bson.D{
			{Key: "_id", Value: int32(i)},
			{Key: "n", Value: int64(i) % 10},
			{Key: "s", Value: randomText(r, size)},
		})
	}
	return docs
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"

// randomText returns text that compresses to three quarters of its size, and no better.
func randomText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := 0; i < n; i += 10 {
		bits := r.Uint64()
		for j := i; j < min(i+10, n); j++ {
			b[j] = letters[bits&63]
			bits >>= 6
		}
	}
	return string(b)
}

// mixedDocument returns document number i of a collection of all types. The result depends only on
// i. It omits what canonical Extended JSON cannot carry exactly.
func mixedDocument(i int) bson.D {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	var id any = int32(i)
	switch i % 7 {
	case 1:
		id = int64(i) << 33
	case 2:
		id = fmt.Sprintf("id %d", i)
	case 3:
		id = bson.ObjectID{byte(i >> 16), byte(i >> 8), byte(i), 1}
	case 4:
		id = bson.D{{Key: "shop", Value: int32(i % 9)}, {Key: "n", Value: int32(i)}}
	case 5:
		id = bson.DateTime(i)
	case 6:
		id = bson.Binary{Subtype: 4, Data: fmt.Appendf(nil, "%016d", i)}
	}
	d := bson.D{{Key: "_id", Value: id}, {Key: "n", Value: int32(i)}}
	for k := range 2 + r.IntN(5) {
		d = append(d, bson.E{Key: fmt.Sprintf("f%d", k), Value: mixedValue(r, 3)})
	}
	return d
}

func mixedValue(r *rand.Rand, depth int) any {
	kinds := 22
	if depth == 0 {
		kinds = 19
	}
	switch r.IntN(kinds) {
	case 0:
		return r.NormFloat64() * math.Pow(10, float64(r.IntN(40)-20))
	case 1:
		return []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 1e300, 5e-324}[r.IntN(7)]
	case 2:
		return randomText(r, r.IntN(60))
	case 3:
		return []string{"", "žluť 水車 \U0001f36a", "\"quoted\\\"", "line\nbreak\ttab\x01", "\u2028</script>"}[r.IntN(5)]
	case 4:
		return bson.Binary{Subtype: []byte{0, 1, 3, 4, 5, 6, 128}[r.IntN(7)], Data: []byte(randomText(r, 16))}
	case 5:
		return bson.Undefined{}
	case 6:
		return bson.ObjectID([]byte(randomText(r, 12)))
	case 7:
		return r.IntN(2) == 0
	case 8:
		return bson.DateTime(r.Int64N(4e12) - 2e12)
	case 9:
		return bson.DateTime(r.Uint64())
	case 10:
		return nil
	case 11:
		return bson.Regex{Pattern: "^" + randomText(r, 5), Options: []string{"", "i", "im", "imsx"}[r.IntN(4)]}
	case 12:
		return bson.DBPointer{DB: "db.c", Pointer: bson.ObjectID([]byte(randomText(r, 12)))}
	case 13:
		return bson.JavaScript("return " + randomText(r, 5))
	case 14:
		return bson.Symbol(randomText(r, 5))
	case 15:
		return int32(r.Uint32())
	case 16:
		return []bson.Timestamp{{}, {T: 1}, {I: 1}, {T: r.Uint32(), I: r.Uint32()}}[r.IntN(4)]
	case 17:
		return int64(r.Uint64()) >> r.IntN(64)
	case 18:
		return []any{bson.MinKey{}, bson.MaxKey{}, decimal(r)}[r.IntN(3)]
	case 19:
		d := bson.D{}
		for i := range r.IntN(4) {
			d = append(d, bson.E{Key: fmt.Sprintf("k%d", i), Value: mixedValue(r, depth-1)})
		}
		return d
	case 20:
		a := bson.A{}
		for range r.IntN(4) {
			a = append(a, mixedValue(r, depth-1))
		}
		return a
	default:
		return bson.CodeWithScope{Code: "x + 1", Scope: bson.D{{Key: "x", Value: mixedValue(r, depth-1)}}}
	}
}

// decimal returns a canonical decimal: any coefficient of up to 19 digits, any exponent.
func decimal(r *rand.Rand) bson.Decimal128 {
	if r.IntN(10) == 0 {
		d, _ := bson.ParseDecimal128([]string{"NaN", "Infinity", "-Infinity", "-0"}[r.IntN(4)])
		return d
	}
	d, err := bson.ParseDecimal128(fmt.Sprintf("%dE%d", int64(r.Uint64()), r.IntN(12_000)-6_000))
	if err != nil {
		panic(err)
	}
	return d
}

// byID returns a map of docs by _id.
func byID(t testing.TB, docs []bson.Raw) map[string]bson.Raw {
	t.Helper()
	m := make(map[string]bson.Raw, len(docs))
	for _, d := range docs {
		id := d.Lookup("_id")
		key := string(id.Type) + string(id.Value)
		if _, ok := m[key]; ok {
			t.Errorf("two documents with the _id %v", id)
		}
		m[key] = d
	}
	return m
}

// sameDocuments fails the test unless got and want have the same documents, byte for byte, in any
// order.
func sameDocuments(t testing.TB, got, want []bson.Raw) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d documents, want %d", len(got), len(want))
	}
	have := byID(t, got)
	bad := 0
	for _, w := range want {
		id := w.Lookup("_id")
		g, ok := have[string(id.Type)+string(id.Value)]
		if ok && bytes.Equal(g, w) {
			continue
		}
		if bad++; bad <= 10 {
			t.Errorf("document %v:\n got %s\nwant %s", id, abbreviate(g), abbreviate(w))
		}
	}
	if bad > 10 {
		t.Errorf("and %d others differ", bad-10)
	}
}

func abbreviate(d bson.Raw) string {
	if len(d) > 300 {
		return fmt.Sprintf("%x… (%d bytes)", []byte(d[:300]), len(d))
	}
	return fmt.Sprintf("%x", []byte(d))
}
