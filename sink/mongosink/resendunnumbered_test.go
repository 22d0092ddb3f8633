package mongosink_test

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// Without retryable writes, a batch is sent again only if the collection's _ids are unique. A server
// that cannot say so during an outage is asked again, and one that refuses to say it is not.
func TestInsertAsksAgainWhetherToRepeat(t *testing.T) {
	for name, c := range map[string]struct {
		faults  []mongotest.Fault
		batches int // that are sent
	}{
		"an outage": {[]mongotest.Fault{
			{Command: "listCollections", Nth: 1, Close: true},
			{Command: "listCollections", Nth: 2, Close: true},
			{Command: "listCollections", Nth: 3, Code: 91},
		}, 2},
		"no right": {[]mongotest.Fault{{Command: "listCollections", Code: 13}}, 1},
	} {
		srv, coll := serve(t, func(o *options.ClientOptions) { o.SetRetryWrites(false).SetRetryReads(false) })
		for _, f := range append(c.faults, mongotest.Fault{Command: "insert", Nth: 1, Lose: true}) {
			srv.Inject(f)
		}
		r, err := stream.Run(t.Context(), sourceOf(numbered(t, 3), nil),
			mongosink.Insert(coll, &mongosink.InsertOptions{RetryTimeout: time.Hour}))
		if err != nil || r.Inserted+r.AlreadyThere != 3 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if n := len(srv.Commands("insert")); n != c.batches {
			t.Errorf("%s: the batch was sent %d times, want %d", name, n, c.batches)
		}
	}
}
