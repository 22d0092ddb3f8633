package mongosink

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// withKeys returns a document with n keys that begin with prefix. The last key repeats the one with the
// number last, unless last is n-1.
func withKeys(prefix string, n, last int) bson.Raw {
	doc := make([]byte, 4, n*(len(prefix)+10))
	for i := range n - 1 {
		doc = bsoncore.AppendNullElement(doc, fmt.Sprintf("%s%x", prefix, i))
	}
	doc = append(bsoncore.AppendNullElement(doc, fmt.Sprintf("%s%x", prefix, last)), 0)
	return bsoncore.UpdateLength(doc, 0, int32(len(doc)))
}

// The time to walk a document grows only with the number of its keys. The document is odd if two keys
// are equal, or if there are too many.
func TestManyKeys(t *testing.T) {
	for _, prefix := range []string{"", "a prefix of more than 8 bytes "} {
		for _, n := range []int{
			fewKeys - 1, fewKeys, fewKeys + 1, fewKeys + 2, 3 * fewKeys, allKeys, allKeys + 1, 600_000,
		} {
			for _, last := range []int{0, 1, fewKeys - 2, n / 2, n - 2, n - 1} {
				if n > allKeys+1 && last < n-2 {
					continue
				}
				doc := withKeys(prefix, n, last)
				for _, doc := range []bson.Raw{doc, document(bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: doc}})} {
					w := walker{}
					l, ok := w.layout(doc)
					if want := last < n-1 || n > allKeys; !ok || l.odd != want {
						t.Errorf("prefix %q, %d keys, the last is number %d: odd %v, %v", prefix, n, last, l.odd, ok)
					}
				}
			}
		}
	}
}
