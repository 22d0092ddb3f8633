package mongosource

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
)

// positionJSON returns the BSON of a position as canonical Extended JSON.
func positionJSON(p bson.Marshaler) ([]byte, error) {
	doc, err := p.MarshalBSON()
	if err != nil {
		return nil, err
	}
	return bsoncodec.AppendExtJSON(nil, doc, nil)
}

// parsePosition reads the JSON of positionJSON into p. bad makes the error of a text that is none.
func parsePosition(text []byte, p bson.Unmarshaler, bad func(error) error) error {
	if string(text) == "null" {
		return nil // as encoding/json asks for
	}
	doc, err := bsoncodec.AppendBSON(nil, text, nil)
	if err != nil {
		return bad(err)
	}
	return p.UnmarshalBSON(doc)
}
