package mongosink_test

import (
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// The reply to an ordered batch is lost, and the server has no retryable writes. The repetition is
// refused at the first document that is there. One look settles all of them, whoever made their _ids.
func TestInsertOrderedAgain(t *testing.T) {
	for name, docs := range map[string][]bson.Raw{"generated": withoutIDs(t, 100), "given": numbered(t, 100)} {
		for _, stored := range []int{1, 40, 99, 100} {
			t.Run(fmt.Sprintf("%s, %d", name, stored), func(t *testing.T) {
				srv, coll := serveStandalone(t, true)
				fault := mongotest.Fault{Command: "insert", Nth: 1, Most: stored}
				if stored == len(docs) {
					fault = mongotest.Fault{Command: "insert", Nth: 1, Lose: true}
				}
				srv.Inject(fault)
				r, err := stream.Run(t.Context(), sourceOf(docs, nil),
					mongosink.Insert(coll, &mongosink.InsertOptions{Ordered: true, RetryTimeout: 20 * time.Second}))
				inserts, finds := len(srv.Commands("insert")), len(srv.Commands("find"))
				if n := len(srv.Documents("shop", "cookies")); err != nil || r.Inserted != 100 || n != 100 ||
					inserts > 3 || finds != 1 {
					t.Errorf("%d are stored; %+v, %v; %d inserts and %d finds", n, r, err, inserts, finds)
				}
			})
		}
	}
}
