package bsoncodec

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
)

// ExtJSONFormat returns [ExtJSON] and [ParseExtJSON] as one value, with the suffix ".jsonl".
func ExtJSONFormat(write *ExtJSONOptions, parse *ParseExtJSONOptions) codec.Format[bson.Raw] {
	return codec.FormatOf(ExtJSON(write), ParseExtJSON(parse), ".jsonl")
}

// BSONFormat returns [BSON] and [ParseBSON] as one value, with the suffix ".bson".
func BSONFormat(write *BSONOptions, parse *ParseBSONOptions) codec.Format[bson.Raw] {
	return codec.FormatOf(BSON(write), ParseBSON(parse), ".bson")
}
