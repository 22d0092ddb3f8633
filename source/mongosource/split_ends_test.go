package mongosource_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
)

// After an early end, the ranges that are being read send no more requests but to close their cursors.
func TestSplitEndsAtOnce(t *testing.T) {
	for _, order := range []mongosource.SplitOrder{mongosource.InOrder, mongosource.AsTheyCome} {
		srv, coll := serve(t, numbered(t, 100))
		opts := divided(3, 6)
		opts.Order = order
		err := mongosource.Split(coll, bson.D{}, opts).Each(t.Context(), func(bson.Raw) error {
			for len(srv.Commands("find")) < 3 { // all readers have begun
				time.Sleep(time.Millisecond)
			}
			return errEnough
		})
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
		if n := len(srv.Commands("find")); n != 3 {
			t.Errorf("order %d: %d finds", order, n)
		}
		// one before the split, and one before each range
		if n := len(srv.Commands("listCollections")); n != 4 {
			t.Errorf("order %d: the collection was compared %d times", order, n)
		}
		if n := srv.Cursors(); n != 0 {
			t.Errorf("order %d: %d cursors are left", order, n)
		}
	}
}
