package bsoncodec

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
)

// ExtJSONPair returns [ExtJSON] and [ParseExtJSON] as one value, with the suffix ".jsonl".
func ExtJSONPair(write *ExtJSONOptions, parse *ParseExtJSONOptions) codec.Pair[bson.Raw] {
	return codec.PairOf(ExtJSON(write), ParseExtJSON(parse), ".jsonl")
}

// BSONPair returns [BSON] and [ParseBSON] as one value, with the suffix ".bson".
func BSONPair(write *BSONOptions, parse *ParseBSONOptions) codec.Pair[bson.Raw] {
	return codec.PairOf(BSON(write), ParseBSON(parse), ".bson")
}
