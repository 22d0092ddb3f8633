package mongosource_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// A run that is cancelled while its query is under way leaves no cursor on the server: it waits a
// little for the reply with the id of the cursor, or ends the session of the query.
func TestCancelWhileACursorOpens(t *testing.T) {
	type source = func(*mongo.Collection) func(context.Context) error
	find := func(o mongosource.FindOptions) source {
		o.BatchSize = 2
		return func(c *mongo.Collection) func(context.Context) error { return ends(mongosource.Find(c, bson.D{}, &o)) }
	}
	const never, long = 0, time.Minute
	for name, test := range map[string]struct {
		command string
		grace   time.Duration
		source  source
	}{
		"Find":                  {"find", long, find(mongosource.FindOptions{})},
		"Find on one goroutine": {"find", long, find(mongosource.FindOptions{NoReadAhead: true})},
		"Aggregate": {"aggregate", long, func(c *mongo.Collection) func(context.Context) error {
			return ends(mongosource.Aggregate(c, mongo.Pipeline{}, &mongosource.AggregateOptions{BatchSize: 2}))
		}},
		"Watch": {"aggregate", long, func(c *mongo.Collection) func(context.Context) error {
			return ends(mongosource.Watch(c, nil))
		}},
		"Find in a session": {"find", never, find(mongosource.FindOptions{NoCursorTimeout: true})},
		"Scan": {"find", never, func(c *mongo.Collection) func(context.Context) error {
			return ends(mongosource.Scan(c, bson.D{}, &mongosource.ScanOptions{BatchSize: 2}))
		}},
		"Split": {"find", never, func(c *mongo.Collection) func(context.Context) error {
			return ends(mongosource.Split(c, bson.D{}, &mongosource.SplitOptions{BatchSize: 2}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			mongosource.SetGrace(t, test.grace, time.Minute)
			srv, coll := serve(t, numbered(t, 10))
			release := make(chan struct{})
			held := func(reply []byte) []byte { <-release; return reply }
			srv.Inject(mongotest.Fault{Command: test.command, Nth: 1, Wire: held})
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- test.source(coll)(ctx) }()
			for srv.Cursors() == 0 {
				time.Sleep(time.Millisecond)
			}
			stopped := errors.New("stopped")
			cancel(stopped)
			if test.grace == long {
				close(release)
			} else {
				defer close(release)
			}
			if err := <-ended; !errors.Is(err, stopped) {
				t.Errorf("%v, want the cause of the cancellation", err)
			}
			if n := srv.Cursors(); n != 0 {
				t.Errorf("%d cursors are left", n)
			}
		})
	}
}
