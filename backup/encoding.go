package backup

import (
	"fmt"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

// Encoding says how the documents of a segment become bytes. It is the suffix of the object's key
// without the first dot and without .age. The zero value is [JSONGzip].
type Encoding string

// The encodings. All can be read by other programs.
const (
	JSONGzip Encoding = "jsonl.gz"  // canonical Extended JSON, one document a line, and gzip
	JSONZstd Encoding = "jsonl.zst" // the same with Zstandard
	BSONGzip Encoding = "bson.gz"   // BSON documents one after the other, and gzip
	BSONZstd Encoding = "bson.zst"  // the same with Zstandard
)

// check returns an error if the encoding is none of the constants.
func (e Encoding) check() error {
	switch e {
	case "", JSONGzip, JSONZstd, BSONGzip, BSONZstd:
		return nil
	}
	return stream.Mark(fmt.Errorf("the encoding %.40q is none of %s, %s, %s and %s", string(e), JSONGzip, JSONZstd,
		BSONGzip, BSONZstd), stream.Fatal)
}

// format returns the encoding as flows, without encryption. The limits of the codecs bound the memory
// that a damaged segment can take.
func (e Encoding) format() codec.Format[bson.Raw] {
	documents := bsoncodec.ExtJSONFormat(nil, nil)
	if e == BSONGzip || e == BSONZstd {
		documents = bsoncodec.BSONFormat(nil, nil)
	}
	if e == JSONZstd || e == BSONZstd {
		return documents.Then(codec.ZstdFormat(nil, nil))
	}
	return documents.Then(codec.GzipFormat(nil, nil))
}

// encrypted returns the format f, encrypted for the recipients and read with the identities. Both
// are nil in a repository without encryption.
func encrypted(f codec.Format[bson.Raw], recipients []age.Recipient, identities []age.Identity) codec.Format[bson.Raw] {
	if recipients == nil && identities == nil {
		return f
	}
	return f.Then(agecodec.Format(recipients, identities))
}
