package mongotest

import "go.mongodb.org/mongo-driver/v2/bson"

// MaxDepth is the limit of the levels of documents and arrays in a document that is inserted.
const MaxDepth = 200

// tooDeep reports whether doc has more than levels levels.
func tooDeep(doc bson.Raw, levels int) bool {
	if levels == 0 {
		return true
	}
	elements, err := doc.Elements()
	if err != nil {
		return false
	}
	for _, e := range elements {
		switch v := e.Value(); v.Type {
		case bson.TypeEmbeddedDocument, bson.TypeArray:
			if tooDeep(v.Value, levels-1) {
				return true
			}
		}
	}
	return false
}
