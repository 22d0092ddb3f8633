package mongosink

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Documents that a reader of maps would change are found at any depth, and no others.
func TestOddity(t *testing.T) {
	many := bson.D{}
	for c := range rune(300) {
		many = append(many, bson.E{Key: "key of more than 8 bytes " + string('一'+c), Value: 1})
	}
	deep := bson.D{}
	for range 150 {
		deep = bson.D{{Key: "d", Value: deep}}
	}
	array := func(elements string) bson.RawValue {
		return bson.RawValue{Type: bson.TypeArray, Value: append([]byte{byte(len(elements) + 5), 0, 0, 0},
			elements+"\x00"...)}
	}
	long := make(bson.A, 12_345)
	twice := bson.D{{Key: "b", Value: 1}, {Key: "c", Value: 1}, {Key: "b", Value: 2}}
	for name, c := range map[string]struct {
		doc bson.D
		odd bool
	}{
		"empty":                {bson.D{}, false},
		"many keys":            {many, false},
		"many keys, one twice": {append(many, many[7]), true},
		"an array":             {bson.D{{Key: "a", Value: long}}, false},
		"equal keys":           {twice, true},
		"equal keys at the end": {bson.D{
			{Key: "done", Value: true}, {Key: "x", Value: 1}, {Key: "done", Value: true},
		}, true},
		"equal keys of nulls": {bson.D{{Key: "ab", Value: nil}, {Key: "ab", Value: nil}}, true},
		"three keys of nulls": {bson.D{{Key: "abc", Value: nil}, {Key: "x", Value: nil}, {Key: "abc", Value: nil}}, true},
		"equal keys inside":   {bson.D{{Key: "a", Value: bson.A{bson.D{{Key: "x", Value: twice}}}}}, true},
		"the same key inside": {bson.D{{Key: "a", Value: bson.D{{Key: "a", Value: 1}}}}, false},
		"empty keys":          {bson.D{{Key: "", Value: 1}, {Key: "", Value: 1}}, true},
		"array from 7":        {bson.D{{Key: "a", Value: array("\x0a7\x00")}}, true},
		"array index 00":      {bson.D{{Key: "a", Value: array("\x0a00\x00")}}, true},
		"options":             {bson.D{{Key: "a", Value: bson.Regex{Pattern: "r", Options: "im"}}}, false},
		"options not sorted": {bson.D{{Key: "a", Value: bson.RawValue{
			Type:  bson.TypeRegex,
			Value: []byte("r\x00xi\x00"),
		}}}, true},
		"deep":           {deep, true},
		"no BSON inside": {bson.D{{Key: "a", Value: array("\x63a\x00")}}, true},
	} {
		raw, err := bson.Marshal(c.doc)
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := layoutOf(raw); !ok || l.odd != c.odd {
			t.Errorf("%s: odd %v, %v", name, l.odd, ok)
		}
	}
}
