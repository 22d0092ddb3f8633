package mongosource_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

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

// A query whose time is over before the server answers leaves no cursor either, not even one that
// the server keeps forever.
func TestTimeoutWhileACursorOpens(t *testing.T) {
	mongosource.SetGrace(t, 0, time.Minute)
	const limit = 200 * time.Millisecond
	for name, set := range map[string]func(*options.ClientOptions, *mongosource.FindOptions){
		"of the client": func(c *options.ClientOptions, _ *mongosource.FindOptions) { c.SetTimeout(limit) },
		"MaxTime":       func(_ *options.ClientOptions, f *mongosource.FindOptions) { f.MaxTime = limit },
	} {
		t.Run(name, func(t *testing.T) {
			left := 0
			for range 10 { // on a busy machine the query may reach the server after its session has ended
				o := &mongosource.FindOptions{NoCursorTimeout: true, BatchSize: 2}
				srv, coll := serve(t, numbered(t, 10), func(c *options.ClientOptions) { set(c, o) })
				release := make(chan struct{})
				defer close(release)
				srv.Inject(mongotest.Fault{
					Command: "find",
					If:      func(c mongotest.Command) bool { return !c.Body.Lookup("noCursorTimeout").IsZero() },
					Wire:    func(reply []byte) []byte { <-release; return reply },
				})
				if err := ends(mongosource.Find(coll, bson.D{}, o))(t.Context()); err == nil {
					t.Fatal("no error")
				}
				left = srv.Cursors()
				if left == 0 && len(srv.Commands("killSessions")) > 0 {
					return
				}
			}
			t.Errorf("%d cursors are left", left)
		})
	}
}

// The session of a query is ended on a server like the one that the query went to.
func TestKillSessionOnTheServerOfTheQuery(t *testing.T) {
	mongosource.SetGrace(t, 0, time.Minute)
	srv, coll := serve(t, numbered(t, 10))
	release := make(chan struct{})
	defer close(release)
	srv.Inject(mongotest.Fault{Command: "find", Wire: func(reply []byte) []byte { <-release; return reply }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	o := &mongosource.FindOptions{NoCursorTimeout: true, BatchSize: 2, ReadPreference: readpref.SecondaryPreferred()}
	go func() { ended <- ends(mongosource.Find(coll, bson.D{}, o))(ctx) }()
	for srv.Cursors() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
	for _, name := range []string{"find", "killSessions"} {
		commands := srv.Commands(name)
		if len(commands) != 1 {
			t.Fatalf("%d commands %s", len(commands), name)
		}
		if mode, _ := commands[0].Body.Lookup("$readPreference", "mode").StringValueOK(); mode != "secondaryPreferred" {
			t.Errorf("%s goes to %q", name, mode)
		}
	}
}
