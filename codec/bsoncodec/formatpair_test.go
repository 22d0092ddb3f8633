package bsoncodec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

// TestPairs: a pair has the two flows with their options, and the suffix.
func TestPairs(t *testing.T) {
	doc := one(0x02, str("\xff"))
	for _, c := range []struct {
		pair   codec.Format[bson.Raw]
		suffix string
		file   string // the start of the encoded file
		err    error
	}{
		{bsoncodec.ExtJSONFormat(nil, nil), ".jsonl", `{"a":{"$millweirBSON"`, nil},
		{bsoncodec.ExtJSONFormat(&bsoncodec.ExtJSONOptions{Strict: true}, nil), ".jsonl", "", bsoncodec.ErrInexact},
		{
			bsoncodec.ExtJSONFormat(nil, &bsoncodec.ParseExtJSONOptions{MaxLine: 5}), ".jsonl", `{"a":`,
			bsoncodec.ErrSize,
		},
		{bsoncodec.BSONFormat(nil, nil), ".bson", string(doc), nil},
		{bsoncodec.BSONFormat(&bsoncodec.BSONOptions{MaxDocument: 5}, nil), ".bson", "", bsoncodec.ErrSize},
		{
			bsoncodec.BSONFormat(nil, &bsoncodec.ParseBSONOptions{MaxDocument: 5}), ".bson", string(doc),
			bsoncodec.ErrSize,
		},
		{bsoncodec.BSONFormat(nil, nil).Then(codec.ZstdFormat(nil, nil)), ".bson.zst", "\x28\xb5\x2f\xfd", nil},
	} {
		if got := c.pair.Suffix(); got != c.suffix {
			t.Errorf("suffix %s, want %s", got, c.suffix)
		}
		file, _ := collect(t, stream.Via(slice(doc), c.pair.Encode())) // decoding returns the same error
		if got := concat(file); !bytes.HasPrefix(got, []byte(c.file)) || c.file == "" && len(got) > 0 {
			t.Errorf("%s: the file is %q", c.suffix, got)
		}
		back, err := collect(t, stream.Via2(slice(doc), c.pair.Encode(), c.pair.Decode()))
		if !errors.Is(err, c.err) || err == nil && (len(back) != 1 || !bytes.Equal(back[0], doc)) {
			t.Errorf("%s: %v, %v; want %v", c.suffix, back, err, c.err)
		}
	}
}

// The whole format of a backup as one value. A restore decodes in the reverse order of the suffixes
// in the name.
func ExampleExtJSONFormat() {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Println(err)
		return
	}
	format := bsoncodec.ExtJSONFormat(nil, nil).
		Then(codec.GzipFormat(nil, nil)).
		Then(agecodec.Format([]age.Recipient{key.Recipient()}, []age.Identity{key}))
	fmt.Println("cookies" + format.Suffix())
	for doc, err := range stream.All(context.Background(), stream.Via2(documents(), format.Encode(), format.Decode())) {
		fmt.Println(doc, err)
	}
	// Output:
	// cookies.jsonl.gz.age
	// {"_id": {"$numberInt":"1"},"name": "Ada"} <nil>
	// {"_id": {"$numberInt":"2"},"name": "Alan"} <nil>
}

func ExampleBSONFormat() {
	format := bsoncodec.BSONFormat(nil, &bsoncodec.ParseBSONOptions{Strict: true}).Then(codec.ZstdFormat(nil, nil))
	fmt.Println("cookies" + format.Suffix())
	for doc, err := range stream.All(context.Background(), stream.Via2(documents(), format.Encode(), format.Decode())) {
		fmt.Println(doc, err)
	}
	// Output:
	// cookies.bson.zst
	// {"_id": {"$numberInt":"1"},"name": "Ada"} <nil>
	// {"_id": {"$numberInt":"2"},"name": "Alan"} <nil>
}
