package mongosource_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

const hostUnreachable = 6 // a code after which the driver repeats a read at once

// refusals are sources, each of which sends a command that a server refuses.
func refusals(coll *mongo.Collection) map[string]struct {
	command string
	run     func(context.Context) error
} {
	const once = 1
	backoff := stream.Backoff{Min: time.Millisecond, MaxRetries: once}
	type refusal = struct {
		command string
		run     func(context.Context) error
	}
	scan := mongosource.Scan(coll, bson.D{}, &mongosource.ScanOptions{Backoff: backoff})
	split := func(d mongosource.Division) stream.Source[bson.Raw] {
		return mongosource.Split(coll, bson.D{}, &mongosource.SplitOptions{
			Parallelism: 2, Ranges: 3, Division: d, Backoff: backoff,
		})
	}
	db, client := coll.Database(), coll.Database().Client()
	watch := func(target mongosource.Watcher) func(context.Context) error {
		return ends(mongosource.Watch(target, &mongosource.WatchOptions{Backoff: backoff}))
	}
	return map[string]refusal{
		"Find":               {"find", ends(mongosource.Find(coll, bson.D{}, nil))},
		"Aggregate":          {"aggregate", ends(mongosource.Aggregate(coll, mongo.Pipeline{}, nil))},
		"Scan":               {"find", ends(scan)},
		"Scan, the UUID":     {"listCollections", ends(scan)},
		"Split":              {"find", ends(split(mongosource.Estimated))},
		"Split, the ranges":  {"aggregate", ends(split(mongosource.Exact))},
		"Split, the measure": {"count", ends(split(mongosource.Estimated))},
		"Watch":              {"aggregate", watch(coll)},
		"Watch, a database":  {"aggregate", watch(db)},
		"Watch, all":         {"aggregate", watch(client)},
		"Databases":          {"listDatabases", ends(mongosource.Databases(client, nil))},
		"Collections":        {"listCollections", ends(mongosource.Collections(db, nil))},
		"Indexes":            {"listIndexes", ends(mongosource.Indexes(coll))},
		"Users":              {"usersInfo", ends(mongosource.Users(client, nil))},
		"Roles":              {"rolesInfo", ends(mongosource.Roles(db))},
	}
}

// ends runs a source and returns its error.
func ends[T any](src stream.Source[T]) func(context.Context) error {
	return func(ctx context.Context) error { return src.Each(ctx, func(T) error { return nil }) }
}

// A time limit of the client or of the run does not hide why a server refuses a request.
func TestReason(t *testing.T) {
	for name, set := range map[string]struct {
		client time.Duration
		run    time.Duration
	}{
		"a time limit of the client":               {client: 200 * time.Millisecond},
		"a deadline of the run, which is not over": {run: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t, numbered(t, 10), func(o *options.ClientOptions) {
				if set.client > 0 {
					o.SetTimeout(set.client)
				}
			})
			for name, r := range refusals(coll) {
				ctx := t.Context()
				if set.run > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, set.run)
					defer cancel()
				}
				srv.Inject(mongotest.Fault{Command: r.command, Code: hostUnreachable})
				var err error
				for range 20 { // on a busy machine the last request may take too long
					if err = r.run(ctx); has(err, hostUnreachable) {
						break
					}
				}
				if !has(err, hostUnreachable) || !stream.ClassOf(err).Transient() {
					t.Errorf("%s: %v", name, err)
				}
				srv.Heal()
			}
		})
	}
}

// has reports whether an error of the tree is a server's with a code.
func has(err error, code int) bool {
	if s, ok := err.(mongo.ServerError); ok && s.HasErrorCode(code) {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return e.Unwrap() != nil && has(e.Unwrap(), code)
	case interface{ Unwrap() []error }:
		for _, e := range e.Unwrap() {
			if has(e, code) {
				return true
			}
		}
	}
	return false
}

// Without a refusal there is no reason to add.
func TestReasonOfSilence(t *testing.T) {
	srv, coll := serve(t, numbered(t, 3), func(o *options.ClientOptions) { o.SetTimeout(200 * time.Millisecond) })
	srv.Inject(mongotest.Fault{Command: "find", Nth: 1, Delay: time.Hour})
	_, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil))
	var server mongo.ServerError
	if err == nil || !mongo.IsTimeout(err) || errors.As(err, &server) && has(err, hostUnreachable) {
		t.Errorf("%v, want a timeout", err)
	}
}

// The question for the reason needs no right that the source does not need: a change stream of a
// database or a deployment does not list collections, and a user without this right still has a
// transient error. The question leaves no cursor.
func TestReasonNeedsNoOtherRight(t *testing.T) {
	const unauthorized = 13
	srv, coll := serve(t, numbered(t, 3), func(o *options.ClientOptions) { o.SetTimeout(200 * time.Millisecond) })
	srv.Inject(mongotest.Fault{Command: "listCollections", Code: unauthorized})
	srv.Inject(mongotest.Fault{Command: "find", Code: unauthorized})
	var asked atomic.Int32
	srv.Inject(mongotest.Fault{Command: "aggregate", Delay: time.Second, If: func(c mongotest.Command) bool {
		size, isNumber := c.Body.Lookup("cursor", "batchSize").AsInt64OK()
		if isNumber && size == 0 {
			asked.Add(1)
		}
		return !isNumber || size != 0
	}})
	mongosource.SetGrace(t, 0, time.Minute)
	for name, target := range map[string]mongosource.Watcher{
		"a collection": coll, "a database": coll.Database(), "a deployment": coll.Database().Client(),
	} {
		before := asked.Load()
		for range 20 { // on a busy machine there may be no connection in time
			opts := &mongosource.WatchOptions{Backoff: stream.Backoff{Min: time.Millisecond, MaxRetries: 1}}
			err := ends(mongosource.Watch(target, opts))(t.Context())
			if err == nil || has(err, unauthorized) || !stream.ClassOf(err).Transient() {
				t.Errorf("%s: %v", name, err)
			}
			if asked.Load() > before {
				break
			}
		}
		if asked.Load() == before {
			t.Errorf("%s: the server was not asked for the reason", name)
		}
	}
	if kills := srv.Commands("killCursors"); len(kills) != int(asked.Load()) {
		t.Errorf("asked %d times, %d cursors closed", asked.Load(), len(kills))
	}
}
