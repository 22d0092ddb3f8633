package mongosink_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// The sink waits for a server that is away for a while, or refuses for a while, when it reads documents
// back after a duplicate key or for a batch that may be stored. If the server refuses for longer than
// RetryTimeout, or for good, the outcome is unknown.
func TestReadBackWaits(t *testing.T) {
	const fiveTimes, always = 5, 0
	faults := map[string]struct {
		fault   mongotest.Fault
		times   int
		timeout time.Duration
		settled bool
	}{
		"connections lost":     {mongotest.Fault{Close: true}, fiveTimes, time.Hour, true},
		"no primary":           {mongotest.Fault{Code: 189}, fiveTimes, time.Hour, true},
		"overloaded":           {mongotest.Fault{Code: 462}, fiveTimes, time.Hour, true},
		"twice without time":   {mongotest.Fault{Close: true}, 2, -1, true},
		"longer than the time": {mongotest.Fault{Code: 189}, always, 50 * time.Millisecond, false},
		"no right":             {mongotest.Fault{Code: 13}, always, time.Hour, false},
	}
	for _, command := range []string{"find", "listCollections"} {
		for name, c := range faults {
			inject := func(srv *mongotest.Server) {
				f := c.fault
				f.Command = command
				if c.times == always {
					srv.Inject(f)
				}
				for f.Nth = 1; f.Nth <= c.times; f.Nth++ {
					srv.Inject(f)
				}
			}
			opts := &mongosink.InsertOptions{RetryTimeout: c.timeout, ContinueOnError: true}
			t.Run(command+", "+name+", may be stored", func(t *testing.T) {
				t.Parallel()
				srv, coll := serve(t)
				srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Code: 11601})
				inject(srv)
				r, err := stream.Run(t.Context(), sourceOf(numbered(t, 20), nil), mongosink.Insert(coll, opts))
				if unknown := errors.Is(err, mongosink.ErrOutcomeUnknown); err == nil || unknown == c.settled ||
					c.settled != (r.Unknown == 0) {
					t.Errorf("%+v, %v", r, err)
				}
			})
			if command != "find" {
				t.Run(command+", "+name+", in order", func(t *testing.T) {
					t.Parallel()
					srv, coll := serveStandalone(t, true)
					srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Lose: true})
					inject(srv)
					r, err := stream.Run(t.Context(), sourceOf(numbered(t, 20), nil), mongosink.Insert(coll,
						&mongosink.InsertOptions{RetryTimeout: c.timeout, Ordered: true}))
					const why = "does not say whether the collection is capped"
					unknown := errors.Is(err, mongosink.ErrOutcomeUnknown) && strings.Contains(err.Error(), why)
					if c.settled != (err == nil) || c.settled == unknown || r.Unknown != 0 {
						t.Errorf("%+v, %v", r, err)
					}
				})
				continue
			}
			t.Run(command+", "+name+", duplicate key", func(t *testing.T) {
				t.Parallel()
				srv, coll := serve(t)
				docs := numbered(t, 20)
				srv.Add("shop", "cookies", docs[:5]...)
				inject(srv)
				r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.Insert(coll, opts))
				if r.Inserted != 15 || c.settled != (err == nil && r.AlreadyThere == 5) {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
	}
}
