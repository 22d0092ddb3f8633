package bsoncodec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/stream"
)

// broken holds documents with a wrong structure, and the offset that the error must report.
var broken = map[string]struct {
	doc []byte
	at  int64
}{
	"nothing":                   {nil, 0},
	"four bytes":                {[]byte{4, 0, 0, 0}, 0},
	"length too small":          {[]byte{4, 0, 0, 0, 0}, 0},
	"length too large":          {[]byte{6, 0, 0, 0, 0}, 0},
	"length negative":           {[]byte{0xff, 0xff, 0xff, 0xff, 0}, 0},
	"bytes behind":              {[]byte{5, 0, 0, 0, 0, 0}, 0},
	"no terminator":             {[]byte{5, 0, 0, 0, 1}, 4},
	"zero inside":               {[]byte{6, 0, 0, 0, 0, 0}, 4},
	"unknown type 0x14":         {one(0x14, ""), 4},
	"unknown type 0x80":         {one(0x80, ""), 4},
	"type 0":                    {one(0x00, ""), 4},
	"key without an end":        {[]byte{7, 0, 0, 0, 0x0A, 'a', 0}, 4},
	"key passes the document":   {raw(element{0x03, "a", "\x06\x00\x00\x00\x0A\x00\x00"}), 11},
	"double cut":                {one(0x01, "1234567"), 4},
	"int32 cut":                 {one(0x10, "123"), 4},
	"int64 cut":                 {one(0x12, "1234567"), 4},
	"date cut":                  {one(0x09, "1234567"), 4},
	"timestamp cut":             {one(0x11, "1234567"), 4},
	"decimal cut":               {one(0x13, "123456789012345"), 4},
	"ObjectID cut":              {one(0x07, "12345678901"), 4},
	"boolean cut":               {one(0x08, ""), 4},
	"string without a length":   {one(0x02, "\x01\x00\x00"), 4},
	"string of length 0":        {one(0x02, length(0)+next), 4},
	"string of length 0, last":  {one(0x02, "\x00\x00\x00\x00\x00"), 4},
	"string leads back":         {raw(element{0x10, "a", u32(0)}, element{0x02, "", length(-6) + next}), 11},
	"string of length -1":       {one(0x02, "\xff\xff\xff\xff\x00"), 4},
	"string too long":           {one(0x02, "\x04\x00\x00\x00ab\x00"), 4},
	"string too short":          {one(0x02, "\x02\x00\x00\x00ab\x00"), 4},
	"string takes the end":      {one(0x02, "\x04\x00\x00\x00abc"), 4},
	"string passes a document":  {one(0x03, "\x0f\x00\x00\x00\x02b\x00\x05\x00\x00\x00abc\x00"), 11},
	"code without a zero":       {one(0x0D, "\x02\x00\x00\x00abc\x00"), 4},
	"symbol too long":           {one(0x0E, "\xff\x00\x00\x00abc\x00"), 4},
	"pattern without a zero":    {one(0x0B, "abc"), 4},
	"options without a zero":    {one(0x0B, "abc\x00i"), 4},
	"binary without a length":   {one(0x05, "\x00\x00\x00"), 4},
	"binary of length -1":       {one(0x05, length(-1)+next), 4},
	"binary leads back":         {one(0x05, length(-8)+next), 4},
	"binary too long":           {one(0x05, "\x04\x00\x00\x00\x00abc"), 4},
	"pointer without id":        {one(0x0C, str("c")+"12345678901"), 4},
	"pointer, bad namespace":    {one(0x0C, "\x00\x00\x00\x00"+oid), 4},
	"document cut":              {one(0x03, "\x05\x00\x00"), 7},
	"document too long":         {one(0x03, "\x06\x00\x00\x00\x00"), 7},
	"document of length 4":      {one(0x03, "\x04\x00\x00\x00\x00"), 7},
	"document without the end":  {one(0x03, "\x05\x00\x00\x00\x01"), 11},
	"array too long":            {one(0x04, "\x06\x00\x00\x00\x00"), 7},
	"scope: total too short":    {one(0x0F, u32(13)+str("")+sub()), 7},
	"scope: total too long":     {one(0x0F, u32(15)+str("")+sub()), 7},
	"scope: passes all":         {one(0x0F, u32(1000)+str("")+u32(991)+"\x00"), 7},
	"scope: passes a document":  {escapingScope(), 14},
	"scope: code too long":      {one(0x0F, u32(15)+"\x03\x00\x00\x00a\x00"+sub()), 7},
	"scope: document too short": {one(0x0F, u32(16)+str("")+sub()+"\x00\x00"), 16},
	"scope: document too long":  {one(0x0F, u32(14)+str("")+"\x06\x00\x00\x00\x00"), 16},
	"scope: bad inside":         {one(0x0F, code("", sub(element{0x14, "b", ""}))), 20},
	"bad behind a bad key":      {raw(element{0x0A, "\xff", ""}, element{0x14, "b", ""}), 7},
	"bad behind a wrapper":      {one(0x03, sub(element{0x0A, "$oid", ""}, element{0x14, "b", ""})), 17},
	"bad behind an index":       {one(0x04, sub(element{0x0A, "x", ""}, element{0x14, "b", ""})), 14},
}

func TestBrokenDocuments(t *testing.T) {
	for name, c := range broken {
		t.Run(name, func(t *testing.T) {
			text, err := bsoncodec.AppendExtJSON([]byte("kept"), c.doc, nil)
			if err == nil {
				t.Fatalf("written as %s", text)
			}
			if string(text) != "kept" {
				t.Errorf("dst came back as %q", text)
			}
			if e := isDocument(t, err); e.Offset != c.at {
				t.Errorf("writer: offset %d, want %d: %v", e.Offset, c.at, err)
			}
			if err := bsoncodec.Validate(c.doc, nil); err == nil {
				t.Error("Validate passed it")
			} else if e := isDocument(t, err); e.Offset != c.at {
				t.Errorf("Validate: offset %d, want %d: %v", e.Offset, c.at, err)
			}
			if len(c.doc) >= 4 && int(binary.LittleEndian.Uint32(c.doc)) == len(c.doc) {
				if _, err := collect(t, stream.Via(slice(c.doc), bsoncodec.ParseBSON(nil))); err == nil {
					t.Error("ParseBSON passed it")
				}
			}
		})
	}
}

// TestStrict: values that the specification forbids, but that exist in practice, are kept by
// default and refused by Strict.
func TestStrict(t *testing.T) {
	for name, doc := range map[string]bson.Raw{
		"boolean":         one(0x08, "\x02"),
		"text":            one(0x02, str("\xff")),
		"key":             raw(element{0x0A, "\xff", ""}),
		"code":            one(0x0D, str("\xff")),
		"symbol":          one(0x0E, str("\xff")),
		"scope's code":    one(0x0F, code("\xff", sub())),
		"scope":           one(0x0F, code("", sub(element{0x08, "a", "\x02"}))),
		"pattern":         one(0x0B, "\xff\x00\x00"),
		"namespace":       one(0x0C, str("\xff")+oid),
		"subtype 2":       one(0x05, "\x04\x00\x00\x00\x02\x01\x00\x00\x00"),
		"subtype 2 short": one(0x05, "\x03\x00\x00\x00\x02\x01\x00\x00"),
	} {
		if err := bsoncodec.Validate(doc, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := bsoncodec.Validate(doc, &bsoncodec.ValidateOptions{Strict: true}); err == nil {
			t.Errorf("%s: strict passed it", name)
		}
		if _, err := collect(t, stream.Via(slice([]byte(doc)),
			bsoncodec.ParseBSON(&bsoncodec.ParseBSONOptions{Strict: true}))); err == nil {
			t.Errorf("%s: ParseBSON strict passed it", name)
		}
		if _, err := collect(t,
			stream.Via(slice(doc), bsoncodec.BSON(&bsoncodec.BSONOptions{Validate: true, Strict: true}))); err == nil {
			t.Errorf("%s: BSON strict passed it", name)
		}
		if got, err := collect(t,
			stream.Via(slice(doc), bsoncodec.BSON(&bsoncodec.BSONOptions{Validate: true}))); err != nil ||
			!bytes.Equal(concat(got), doc) {
			t.Errorf("%s: BSON: %x, %v", name, got, err)
		}
	}
	g := bsonrand.New(5)
	for range 2000 {
		if err := bsoncodec.Validate(g.Doc(), &bsoncodec.ValidateOptions{Strict: true}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedDocuments damages documents at random. The writer and Validate agree, nothing panics,
// and a document that passes comes back byte for byte.
func TestDamagedDocuments(t *testing.T) {
	g, r := bsonrand.New(6), rand.New(rand.NewPCG(6, 6))
	g.Odd = true
	passed := 0
	for range 20000 {
		doc := bytes.Clone(g.Doc())
		for range 1 + r.IntN(3) {
			doc[4+r.IntN(len(doc)-4)] ^= byte(1 << r.IntN(8))
		}
		if checkAgreement(t, doc) {
			passed++
		}
	}
	t.Logf("%d of 20000 damaged documents are still documents", passed)
}

// checkAgreement fails t if Validate and the writer disagree on doc, or if the parser does not
// return what the writer wrote. It reports whether doc is a document.
func checkAgreement(t *testing.T, doc []byte) bool {
	t.Helper()
	err := bsoncodec.Validate(doc, nil)
	text, err2 := bsoncodec.AppendExtJSON(nil, doc, nil)
	if (err == nil) != (err2 == nil) {
		t.Fatalf("%x: Validate: %v, AppendExtJSON: %v", doc, err, err2)
	}
	if err != nil {
		if a, b := isDocument(t, err), isDocument(t, err2); a.Offset > int64(len(doc)) || b.Offset > int64(len(doc)) {
			t.Fatalf("%x: %v, %v", doc, err, err2)
		}
		return false
	}
	back, err := bsoncodec.AppendBSON(nil, text, nil)
	if err != nil || !bytes.Equal(back, doc) {
		t.Fatalf("%x came back as %x, %v: %s", doc, back, err, text)
	}
	return true
}

func TestDocumentErrorsTellThePlace(t *testing.T) {
	bad := element{0x14, "bad", ""}
	for _, c := range []struct {
		doc  bson.Raw
		path string
		id   string
	}{
		{raw(bad), "/bad", ""},
		{raw(element{0x10, "_id", u32(7)}, bad), "/bad", `{"$numberInt":"7"}`},
		{
			raw(element{0x07, "_id", oid},
				element{0x03, "a", sub(element{0x04, "b", sub(element{0x0A, "0", ""}, element{0x03, "1", sub(bad)})})}),
			"/a/b/1/bad", `{"$oid":"5f0c1d2e3f405162738495a6"}`,
		},
		{raw(element{0x10, "a", u32(7)}, element{0x0F, "c", code("x", sub(bad))}), "/c/bad", ""},
		{raw(bad, element{0x10, "_id", u32(7)}), "/bad", ""},
		{one(0x03, sub(element{0x10, "_id", u32(7)}, bad)), "/a/bad", ""},
		{
			raw(element{0x02, "_id", str("\xff")}, element{0x14, "a/~", ""}), "/a~1~0",
			`{"$millweirBSON":{"type":"02","base64":"AgAAAP8A"}}`,
		},
	} {
		for name, err := range map[string]error{
			"Validate": bsoncodec.Validate(c.doc, nil),
			"writer":   last(t, stream.Via(slice(c.doc), bsoncodec.ExtJSON(nil))),
		} {
			if e := isDocument(t, err); e.Path != c.path || e.ID != c.id || name == "writer" && e.Document != 1 {
				t.Errorf("%s: %x: path %q id %q document %d: %v, want %q, %q", name, []byte(c.doc), e.Path, e.ID,
					e.Document, err, c.path, c.id)
			}
		}
	}
}

func TestEveryCutOfBSON(t *testing.T) {
	var data []byte
	ends := map[int]int{0: 0} // offsets at which a stream may end, and the number of documents before each
	for i := range 12 {
		data = append(data, random(i)...)
		ends[len(data)] = i + 1
	}
	for _, size := range []int{1, 3, 64, 1 << 20} {
		for cut := range len(data) + 1 {
			var chunks [][]byte
			for rest := bytes.Clone(data[:cut]); len(rest) > 0; {
				n := min(size, len(rest))
				chunks, rest = append(chunks, rest[:n:n]), rest[n:]
			}
			got, err := collect(t, stream.Via(slice(chunks...), bsoncodec.ParseBSON(nil)))
			if n, whole := ends[cut]; whole != (err == nil) || whole && len(got) != n {
				t.Fatalf("cut at %d in chunks of %d: %d documents, %v", cut, size, len(got), err)
			}
			if !bytes.HasPrefix(data, concat(got)) {
				t.Fatalf("cut at %d in chunks of %d: wrong documents", cut, size)
			}
			if err != nil {
				if e := isDocument(t, err); !errors.Is(err, io.ErrUnexpectedEOF) || e.Offset != int64(cut) ||
					e.Document != int64(len(got))+1 {
					t.Fatalf("cut at %d in chunks of %d: %v", cut, size, err)
				}
			}
		}
	}
}

func TestBSONOffsetsAreOfTheStream(t *testing.T) {
	good, bad := raw(element{0x10, "_id", u32(1)}), raw(element{0x10, "_id", u32(2)}, element{0x14, "x", ""})
	_, err := collect(t, stream.Via(slice(append(bytes.Clone(good), bad...)), bsoncodec.ParseBSON(nil)))
	e := isDocument(t, err)
	if e.Document != 2 || e.Offset < int64(len(good)+13) || e.Offset > int64(len(good)+16) || e.Path != "/x" ||
		e.ID != `{"$numberInt":"2"}` {
		t.Errorf("got %+v", e)
	}
	_, err = collect(t, stream.Via(slice(append(bytes.Clone(good), 3, 0, 0, 0)), bsoncodec.ParseBSON(nil)))
	if e := isDocument(t, err); e.Document != 2 || e.Offset != int64(len(good)) {
		t.Errorf("got %+v", e)
	}
}

func TestDocumentLimit(t *testing.T) {
	doc := one(0x02, str(strings.Repeat("x", 100)))
	text, err := bsoncodec.AppendExtJSON(nil, doc, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		max int
		ok  bool
	}{{len(doc) - 1, false}, {len(doc), true}, {len(doc) + 1, true}, {0, true}} {
		for name, err := range map[string]error{
			"ExtJSON": last(t,
				stream.Via(slice(doc), bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxDocument: c.max}))),
			"ParseExtJSON": last(t,
				stream.Via(slice(text), bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{MaxDocument: c.max}))),
			"BSON": last(t, stream.Via(slice(doc), bsoncodec.BSON(&bsoncodec.BSONOptions{MaxDocument: c.max}))),
			"ParseBSON": last(t, stream.Via(slice([]byte(doc)),
				bsoncodec.ParseBSON(&bsoncodec.ParseBSONOptions{MaxDocument: c.max}))),
		} {
			if c.ok != (err == nil) || !c.ok && !errors.Is(err, bsoncodec.ErrSize) {
				t.Errorf("%s: MaxDocument %d of %d: %v", name, c.max, len(doc), err)
			}
		}
	}
}
