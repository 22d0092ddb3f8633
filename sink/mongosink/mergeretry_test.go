package mongosink_test

import (
	"testing"
	"time"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// A merge waits for a server that is away for a while, or refuses for a while, during any look-up. It
// fails without time for repetitions, and after a refusal that does not pass.
func TestMergeWaitsForItsLookups(t *testing.T) {
	for _, command := range []string{"listCollections", "find"} {
		for name, c := range map[string]struct {
			fault   mongotest.Fault
			timeout time.Duration
			want    stream.Class // 0 if the merge succeeds
		}{
			"connections lost": {mongotest.Fault{Close: true}, time.Hour, 0},
			"no primary":       {mongotest.Fault{Code: 189}, time.Hour, 0},
			"overloaded":       {mongotest.Fault{Code: 462}, time.Hour, 0},
			"no time":          {mongotest.Fault{Code: 189}, -1, stream.Retryable},
			"no right":         {mongotest.Fault{Code: 13}, time.Hour, stream.Fatal},
		} {
			t.Run(command+", "+name, func(t *testing.T) {
				t.Parallel()
				srv, coll := serve(t)
				docs := numbered(t, 20)
				srv.Add("shop", "cookies", docs[:5]...)
				for nth := 1; nth <= 7; nth++ {
					f := c.fault
					f.Command, f.Nth = command, nth
					srv.Inject(f)
				}
				r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.Merge(coll,
					&mongosink.MergeOptions{Insert: mongosink.InsertOptions{RetryTimeout: c.timeout}}))
				if c.want == 0 && (err != nil || r.Present != 5 || r.Inserted != 15) ||
					c.want != 0 && (stream.ClassOf(err) != c.want || r.Inserted != 0) {
					t.Errorf("%+v, %v (%v)", r, err, stream.ClassOf(err))
				}
			})
		}
	}
}
