package backup

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
)

// A range that no _id is in is refused. With DropTarget, it would delete what the target has.
func TestEmptyRange(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 5))
	v := view(t, r, "")
	for _, bounds := range [][2]any{{int32(3), int32(3)}, {int32(3), int64(2)}, {"a", int32(9)}} {
		srv := mongotest.NewServer()
		srv.Add("shop", "orders", document(t, bson.D{{Key: "_id", Value: "own"}}))
		opts := &RestoreOptions{From: bounds[0], To: bounds[1], DropTarget: true}
		_, err := Run(t.Context(), v.Restore(mongofixture.Connect(t, srv), opts), 1)
		if n := len(srv.Documents("shop", "orders")); !errors.Is(err, ErrEmptyRange) || n != 1 {
			t.Errorf("%v: %d documents, %v", bounds, n, err)
		}
		docs := v.Documents(plainCollection(t, "shop", "orders").ns, &DocumentsOptions{From: bounds[0], To: bounds[1]})
		if err := docs.Each(t.Context(), func(bson.Raw) error { return nil }); !errors.Is(err, ErrEmptyRange) {
			t.Errorf("%v: %v", bounds, err)
		}
	}
}
