package bsonwire_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonwire"
)

func TestShownID(t *testing.T) {
	const id = "\x10_id\x00\x05\x00\x00\x00"
	for name, c := range map[string]struct {
		doc  []byte
		want string // the bytes of the value
	}{
		"first":             {doc(id), id[5:]},
		"after another":     {doc("\x0aa\x00" + id), id[5:]},
		"damage after it":   {doc(id + "\x20a\x00"), id[5:]},
		"damage before it":  {doc("\x20a\x00" + id), ""},
		"wrong length":      {append(doc(id), "xyz"...), id[5:]},
		"none":              {doc("\x0aa\x00"), ""},
		"nothing":           {nil, ""},
		"document":          {doc("\x03_id\x00" + string(doc(id))), string(doc(id))},
		"damaged document":  {doc("\x03_id\x00" + string(doc("\x20a\x00"))), ""},
		"boolean 2":         {doc("\x08_id\x00\x02"), ""},
		"1 KiB":             {doc(textID(1019)), "\xfc\x03\x00\x00" + strings.Repeat("x", 1019) + "\x00"},
		"more than 1 KiB":   {doc(textID(1020)), ""},
		"cut":               {doc(id)[:8], ""},
		"key without end":   {[]byte("\x08\x00\x00\x00\x10_id"), ""},
		"of another inside": {doc("\x03a\x00" + string(doc(id))), ""},
	} {
		got := bsonwire.ShownID(c.doc)
		if string(got.Value) != c.want {
			t.Errorf("%s: %q, want %q", name, got.Value, c.want)
		}
		if (c.want == "") != got.IsZero() {
			t.Errorf("%s: the value is %v", name, got)
		}
	}
}

// textID returns an _id of n characters.
func textID(n int) string {
	t, value, _ := bson.MarshalValue(strings.Repeat("x", n))
	return string([]byte{byte(t)}) + "_id\x00" + string(value)
}
