package mongosource

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/version"
)

// A new version of the driver may use the memory of a reply again. Read its code, see
// TestFindOwnsDocuments pass, and add the version.
func TestOwnsReplies(t *testing.T) {
	if !ownsReplies() {
		t.Errorf("it is not known whether the driver %s allocates each reply: documents are copied", version.Driver)
	}
}

func TestExtentOverlaps(t *testing.T) {
	docs, _ := reply(6, 10)
	for _, c := range []struct {
		a, b []bson.Raw
		want bool
	}{
		{docs[:3], docs[3:], false},
		{docs[3:], docs[:3], false},
		{docs[:4], docs[3:], true},
		{docs[3:], docs[:4], true},
		{docs, docs[2:3], true},
		{docs[2:3], docs, true},
		{docs, docs, true},
		{nil, docs, false},
		{docs, nil, false},
	} {
		if got := extentOf(c.a).overlaps(extentOf(c.b)); got != c.want {
			t.Errorf("%d and %d documents: got %v", len(c.a), len(c.b), got)
		}
	}
}
