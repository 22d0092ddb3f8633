package bsonwire_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/internal/bsonwire"
)

// doc returns the document with these elements.
func doc(elements string) []byte {
	d := binary.LittleEndian.AppendUint32(nil, uint32(len(elements)+bsonwire.MinDocumentSize))
	return append(append(d, elements...), 0)
}

func TestChecker(t *testing.T) {
	empty := string(doc(""))
	for name, c := range map[string]struct {
		doc  []byte
		want [3]error // at the levels Structure, Values and Text
		at   int
	}{
		"empty":             {doc: doc("")},
		"nothing":           {nil, all(bsonwire.ErrLength), 0},
		"four bytes":        {[]byte("\x04\x00\x00\x00"), all(bsonwire.ErrLength), 0},
		"wrong length":      {[]byte("\x06\x00\x00\x00\x00"), all(bsonwire.ErrLength), 0},
		"no terminator":     {[]byte("\x05\x00\x00\x00\x01"), all(bsonwire.ErrTerminator), 4},
		"key without end":   {doc("\x0aab"), all(bsonwire.ErrKey), 4},
		"unknown type":      {doc("\x20a\x00"), all(bsonwire.ErrType), 4},
		"short int32":       {doc("\x10a\x00\x01\x02"), all(bsonwire.ErrShort), 4},
		"string length 0":   {doc("\x02a\x00\x00\x00\x00\x00\x00"), all(bsonwire.ErrLength), 4},
		"string terminator": {doc("\x02a\x00\x01\x00\x00\x00x"), all(bsonwire.ErrTerminator), 4},
		"binary length -1":  {doc("\x05a\x00\xff\xff\xff\xff\x00"), all(bsonwire.ErrLength), 4},
		"regex without end": {doc("\x0ba\x00b\x00c"), all(bsonwire.ErrTerminator), 4},
		"short DBPointer":   {doc("\x0ca\x00\x01\x00\x00\x00\x00123"), all(bsonwire.ErrShort), 4},
		"scope too short": {
			doc("\x0fa\x00\x0e\x00\x00\x00\x01\x00\x00\x00\x00\x04\x00\x00\x00\x00"),
			all(bsonwire.ErrLength), 16,
		},
		"inner terminator": {doc("\x03a\x00\x05\x00\x00\x00x"), all(bsonwire.ErrTerminator), 11},
		"nested too deep":  {doc("\x03a\x00" + string(doc("\x04b\x00"+empty))), all(bsonwire.ErrDepth), 14},
		"boolean 2":        {doc("\x08a\x00\x02"), [3]error{nil, bsonwire.ErrBoolean, bsonwire.ErrBoolean}, 4},
		"two lengths": {
			doc("\x05a\x00\x05\x00\x00\x00\x02\x02\x00\x00\x00x"),
			[3]error{nil, bsonwire.ErrSubtype, bsonwire.ErrSubtype},
			4,
		},
		"key not UTF-8":    {doc("\x0a\xff\x00"), [3]error{2: bsonwire.ErrUTF8}, 4},
		"string not UTF-8": {doc("\x02a\x00\x02\x00\x00\x00\xff\x00"), [3]error{2: bsonwire.ErrUTF8}, 4},
		"regex not UTF-8":  {doc("\x0ba\x00\xff\x00\x00"), [3]error{2: bsonwire.ErrUTF8}, 4},
	} {
		for level, want := range c.want {
			check := bsonwire.Checker{Src: c.doc, Level: bsonwire.Level(level), MaxDepth: 2}
			switch ok := check.Document(); {
			case ok != (want == nil):
				t.Errorf("%s at level %d: %v, %v; want %v", name, level, ok, check.Err, want)
			case !ok && (!errors.Is(check.Err, want) || check.At != c.at):
				t.Errorf("%s at level %d: %v at %d; want %v at %d", name, level, check.Err, check.At, want, c.at)
			}
		}
	}
}

func all(err error) [3]error { return [3]error{err, err, err} }

// TestEndsOfRandomDocuments: every element of a random document ends at ValueEnd, and no prefix of
// a document is a document.
func TestEndsOfRandomDocuments(t *testing.T) {
	g := bsonrand.New(1)
	g.Odd = true
	for range 500 {
		d := g.Doc()
		elements, err := d.Elements()
		if err != nil {
			t.Fatal(err)
		}
		at := bsonwire.LengthSize
		for _, e := range elements {
			i := bsonwire.KeyEnd(d, at+1, len(d)-1)
			end, err := bsonwire.ValueEnd(d, d[at], i, len(d)-1)
			if err != nil || end != at+len(e) {
				t.Fatalf("the element %x ends at %d, %v; want %d", []byte(e), end, err, at+len(e))
			}
			at = end
		}
		whole := bsonwire.Checker{Src: d, MaxDepth: 200}
		if !whole.Document() || !bsonwire.HasFrame(d) {
			t.Fatalf("%x: %v at %d", []byte(d), whole.Err, whole.At)
		}
		cut := bsonwire.Checker{Src: d[:len(d)-1], MaxDepth: 200}
		if cut.Document() || bsonwire.HasFrame(d[:len(d)-1]) {
			t.Fatalf("%x passes without its last byte", []byte(d))
		}
	}
}

// TestTypes: the names are those of the driver's types, and other types are unknown.
func TestTypes(t *testing.T) {
	known := 0
	for code := range 256 {
		name := bson.Type(code).String()
		if strings.Contains(name, "invalid") {
			continue
		}
		known++
		src := slices.Repeat([]byte{0}, 64)
		if _, err := bsonwire.ValueEnd(src, byte(code), 0, len(src)); errors.Is(err, bsonwire.ErrType) {
			t.Errorf("type %s is unknown", name)
		}
	}
	if known != 21 {
		t.Errorf("the driver knows %d types, want 21", known)
	}
}
