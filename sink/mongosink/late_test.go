package mongosink_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The first write of an ordered run is lost, and repeated. A server without retryable writes may
// execute the lost attempt late, so a later write to the same document is not sent. All others are.
func TestBulkLostThenOverturned(t *testing.T) {
	replace := func(n int) mongosink.Write { return mongosink.UpsertOne(id(n), fields("n", n)) }
	insert := func(n int) mongosink.Write { return mongosink.InsertOne(numbered(t, n+1)[n]) }
	updateMany := mongosink.UpdateMany(fields("n", 1), fields("$set", fields("n", 2)))
	for name, c := range map[string]struct {
		first, second mongosink.Write
		safe          bool // also if the server executes a write late
	}{
		"replace, replace the same":   {replace(1), mongosink.ReplaceOne(id(1), fields("n", 2)), false},
		"replace, delete the same":    {replace(1), mongosink.DeleteOne(id(1)), false},
		"replace, update of many":     {replace(1), updateMany, false},
		"replace, delete another one": {replace(1), mongosink.DeleteOne(id(2)), true},
		"insert, delete the same":     {insert(1), mongosink.DeleteOne(id(1)), false},
		"insert, insert another one":  {insert(1), insert(2), true},
	} {
		for _, numbers := range []bool{true, false} {
			for _, ordered := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, numbers %v, ordered %v", name, numbers, ordered), func(t *testing.T) {
					t.Parallel()
					srv, coll := serve(t, func(o *options.ClientOptions) { o.SetRetryWrites(numbers) })
					for _, command := range []string{"update", "insert"} {
						srv.Inject(mongotest.Fault{Command: command, Nth: 1, Lose: true})
					}
					opts := &mongosink.WriteOptions{
						Ordered: ordered, BatchDocuments: 1, Parallelism: 1, RetryTimeout: time.Hour,
					}
					r, err := stream.Run(t.Context(), source.Of(c.first, c.second), mongosink.Bulk(coll, opts))
					stops := ordered && !numbers && !c.safe
					if errors.Is(err, mongosink.ErrOutcomeUnknown) != stops ||
						stops && stream.ClassOf(err) != stream.UnknownOutcome {
						t.Errorf("%+v, %v (%v)", r, err, stream.ClassOf(err))
					}
					if n := len(srv.Documents("shop", "cookies")); stops && n != 1 {
						t.Errorf("%d documents are stored", n)
					}
				})
			}
		}
	}
}
