package backup

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
)

// Segments must cover all _ids once: a gap and an overlap are damage.
func TestCovered(t *testing.T) {
	value := func(v any) bson.RawValue {
		if v == nil {
			return bson.RawValue{}
		}
		kind, p, err := bson.MarshalValue(v)
		if err != nil {
			t.Fatal(err)
		}
		return bson.RawValue{Type: kind, Value: p}
	}
	short, old := bson.Binary{Data: []byte("abc")}, bson.Binary{Subtype: 2, Data: []byte("a")}
	for name, test := range map[string]struct {
		bounds  []any // those of each segment
		covered bool
	}{
		"one":                {[]any{nil, nil}, true},
		"several":            {[]any{nil, 1, 1, "a", "a", nil}, true},
		"a gap":              {[]any{nil, 1, 2, nil}, false},
		"no begin":           {[]any{1, nil}, false},
		"no end":             {[]any{nil, 1}, false},
		"an overlap":         {[]any{nil, 2, 2, 1, 1, nil}, false},
		"an empty range":     {[]any{nil, 1, 1, 1, 1, nil}, false},
		"subtype 2":          {[]any{nil, short, short, old, old, nil}, true}, // is stored with 4 bytes more
		"subtype 2, overlap": {[]any{nil, old, old, short, short, nil}, false},
	} {
		c := &planCollection{Head: catalogHead{
			Kind: mongosource.KindPlain, UUID: bson.Binary{Subtype: 4, Data: make([]byte, 16)},
		}}
		c.Head.UUID.Data[0] = 1
		var segments []Segment
		for i := 0; i < len(test.bounds); i += 2 {
			segments = append(segments, Segment{From: value(test.bounds[i]), To: value(test.bounds[i+1])})
		}
		if err := c.checkCovered(segments); (err == nil) != test.covered {
			t.Errorf("%s: %v", name, err)
		}
	}
}
