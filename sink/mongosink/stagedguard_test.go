package mongosink_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// intrusions are what another program does to a staging collection that is complete.
var intrusions = map[string]func(ctx context.Context, staging *mongo.Collection) error{
	"dropped": func(ctx context.Context, staging *mongo.Collection) error { return staging.Drop(ctx) },
	"taken by another run": func(ctx context.Context, staging *mongo.Collection) error {
		if err := staging.Drop(ctx); err != nil {
			return err
		}
		if err := staging.Database().CreateCollection(ctx, staging.Name()); err != nil {
			return err
		}
		_, err := staging.InsertOne(ctx, bson.D{e("_id", 0)})
		return err
	},
}

// A staging collection that vanishes, or is another's, at any moment before the rename is not
// published. The target keeps its documents, and no success is reported.
func TestReplaceCollectionIntruder(t *testing.T) {
	for name, intrude := range intrusions {
		t.Run(name+" in Check", func(t *testing.T) {
			srv, db := newDatabase(t)
			testIntruder(t, srv, db, intrude)
		})
		t.Run(name+" after the count", func(t *testing.T) {
			srv := mongotest.NewServer()
			stranger := mongofixture.Connect(t, srv).Database("shop").Collection("stage")
			var counted atomic.Bool
			db := mongofixture.Connect(t, srv, func(o *options.ClientOptions) {
				o.SetMonitor(&event.CommandMonitor{Started: func(ctx context.Context, c *event.CommandStartedEvent) {
					switch {
					case c.CommandName == "aggregate":
						counted.Store(true)
					case c.CommandName == "listCollections" && counted.Swap(false): // before the rename
						if err := intrude(ctx, stranger); err != nil {
							t.Error(err)
						}
					}
				}})
			}).Database("shop")
			testIntruder(t, srv, db, nil)
		})
	}
}

// testIntruder replaces a collection while intrude, or another program, changes the staging
// collection.
func testIntruder(
	t *testing.T, srv *mongotest.Server, db *mongo.Database,
	intrude func(ctx context.Context, staging *mongo.Collection) error,
) {
	t.Helper()
	old := []bson.Raw{raw(t, bson.D{e("_id", "old")})}
	srv.Add("shop", "c", old...)
	got, err := stream.Run(t.Context(), source.Slice(numbered(t, 25)),
		mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
			DropTarget: true, StagingName: "stage", Insert: quick, Check: intrude,
		}))
	if !errors.Is(err, mongosink.ErrStagingChanged) || stream.ClassOf(err) != stream.Fatal ||
		got.Target != mongosink.TargetUnchanged {
		t.Errorf("%+v, %v", got, err)
	}
	if !sameDocs(srv.Documents("shop", "c"), old) {
		t.Errorf("the target has %q", srv.Documents("shop", "c"))
	}
}

// Check cannot add a document that is then published.
func TestReplaceCollectionCheckWrites(t *testing.T) {
	_, db := newDatabase(t)
	got, err := stream.Run(t.Context(), source.Slice(numbered(t, 5)),
		mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
			Check: func(ctx context.Context, staging *mongo.Collection) error {
				_, err := staging.InsertOne(ctx, bson.D{e("_id", "stranger")})
				return err
			},
		}))
	if !errors.Is(err, mongosink.ErrStagingChanged) || got.Target != mongosink.TargetUnchanged ||
		len(names(t, db)) != 0 {
		t.Errorf("%+v, %v, %q", got, err, names(t, db))
	}
}

// A cancellation that comes before the rename is sent does not wait for CleanupTimeout.
func TestReplaceCollectionCancelledBeforeRename(t *testing.T) {
	srv, db := newDatabase(t)
	old := numbered(t, 3)
	srv.Add("shop", "c", old...)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	looks := 0
	srv.Inject(mongotest.Fault{
		Command: "listCollections", Delay: time.Hour, // until the server closes
		If: func(c mongotest.Command) bool {
			if c.Body.Lookup("filter", "name").StringValue() == "c" {
				looks++
			}
			if looks == 2 { // the last look at the target
				looks++
				cancel(cause)
				return true
			}
			return false
		},
	})
	got, err := stream.Run(ctx, source.Slice(numbered(t, 20)), mongosink.ReplaceCollection(db.Collection("c"),
		&mongosink.ReplaceCollectionOptions{DropTarget: true, Insert: quick, CleanupTimeout: time.Hour}))
	if !errors.Is(err, cause) || got.Target != mongosink.TargetUnchanged || !sameDocs(srv.Documents("shop", "c"), old) {
		t.Errorf("%+v, %v", got, err)
	}
}

// The documents are written with majority, whatever the client says. A weaker write concern is
// refused before the first command.
func TestReplaceCollectionWriteConcern(t *testing.T) {
	srv, db := newDatabase(t)
	no := false
	for name, c := range map[string]*writeconcern.WriteConcern{
		"1": writeconcern.W1(), "2": {W: 2}, "none": {}, "0": writeconcern.Unacknowledged(),
		"not in the journal": {W: "majority", Journal: &no},
	} {
		got, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)),
			mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
				Insert: mongosink.InsertOptions{WriteConcern: c},
			}))
		if err == nil || stream.ClassOf(err) != stream.Fatal || len(srv.Commands()) != 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, c := range map[string]struct {
		concern *writeconcern.WriteConcern
		want    string
	}{"unset": {nil, "majority"}, "majority": {writeconcern.Majority(), "majority"}, "a name": {
		&writeconcern.WriteConcern{W: "bothSites"}, "bothSites",
	}} {
		srv := mongotest.NewServer()
		db := mongofixture.Connect(t, srv, func(o *options.ClientOptions) {
			o.SetWriteConcern(writeconcern.W1())
		}).Database("shop")
		if _, err := stream.Run(t.Context(), source.Slice(numbered(t, 3)),
			mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
				Insert: mongosink.InsertOptions{WriteConcern: c.concern},
			})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, sent := range srv.Commands("insert") {
			if w, _ := sent.Body.Lookup("writeConcern", "w").StringValueOK(); w != c.want {
				t.Errorf("%s: %s", name, sent.Body)
			}
		}
	}
}

// What decides is read from the primary, although the client prefers secondaries, which may lag.
func TestReadsOfThePrimary(t *testing.T) {
	srv := mongotest.NewServer() // a primary without secondaries
	db := mongofixture.Connect(t, srv, func(o *options.ClientOptions) {
		o.SetReadPreference(readpref.Secondary()).SetServerSelectionTimeout(time.Second)
	}).Database("shop")
	docs := numbered(t, 20)
	srv.Add("shop", "c", docs...)
	replace := func(in []bson.Raw) (mongosink.ReplaceCollectionResult, error) {
		return stream.Run(t.Context(), source.Slice(in), mongosink.ReplaceCollection(db.Collection("c"),
			&mongosink.ReplaceCollectionOptions{DropTarget: true, Insert: quick}))
	}
	if got, err := replace(nil); !errors.Is(err, mongosink.ErrEmptyInput) {
		t.Errorf("nothing: %+v, %v", got, err)
	}
	if got, err := replace(docs[:10]); err != nil || got.Target != mongosink.TargetReplaced {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := stream.Run(t.Context(), source.Slice(docs), mongosink.Merge(db.Collection("c"), nil)); err != nil ||
		got.Present != 10 || got.Inserted != 10 {
		t.Errorf("merge: %+v, %v", got, err)
	}
}

// expiring describes a collection whose documents expire.
func expiring(t testing.TB) bson.Raw {
	return describe(t, "c", "collection", e("clusteredIndex", bson.D{e("key", bson.D{e("_id", 1)}), e("unique", true)}),
		e("expireAfterSeconds", int64(60)))
}

// After the rename, everything else is still done, and each error is reported.
func TestReplaceCollectionAfterRename(t *testing.T) {
	unmet := mongotest.Fault{Command: "renameCollection", Nth: 1, Reply: raw(t, bson.D{
		e("ok", 1.0), e("writeConcernError", bson.D{e("code", 64), e("errmsg", "timed out")}),
	})}
	twoSteps := mongotest.Fault{Command: "renameCollection", Nth: 1, Code: 238}
	unmetLast := unmet
	unmetLast.Nth = 3
	for name, c := range map[string]struct {
		faults   []mongotest.Fault
		class    stream.Class
		noExpiry bool
	}{
		"confirmed":                {nil, stream.Data, false},
		"not confirmed":            {[]mongotest.Fault{unmet}, stream.UnknownOutcome, false},
		"two steps, not confirmed": {[]mongotest.Fault{twoSteps, unmetLast}, stream.UnknownOutcome, false},
		"no expiry":                {[]mongotest.Fault{{Command: "collMod", Code: 13}}, stream.Fatal, true},
		"neither": {
			[]mongotest.Fault{unmet, {Command: "collMod", Code: 13}}, stream.UnknownOutcome, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, db := newDatabase(t)
			srv.Add("shop", "c", numbered(t, 1)...)
			for _, f := range c.faults {
				srv.Inject(f)
			}
			got, err := stream.Run(t.Context(), source.Slice(numbered(t, 5)),
				mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
					DropTarget: true, Description: expiring(t), SettleTimeout: 100 * time.Millisecond,
					Indexes: []bson.Raw{index(t, "odd", bson.D{e("a", "geoHaystack")})},
				}))
			if got.Target != mongosink.TargetReplaced || stream.ClassOf(err) != c.class ||
				!errors.As(err, new(*mongosink.IndexError)) ||
				errors.Is(err, mongosink.ErrExpiryNotSet) != c.noExpiry ||
				errors.Is(err, mongosink.ErrOutcomeUnknown) != (c.class == stream.UnknownOutcome) {
				t.Errorf("%+v, %v of class %v", got, err, stream.ClassOf(err))
			}
			has := strings.Contains(strings.Join(listed(t, db), ""), `"expireAfterSeconds": {"$numberLong":"60"}`)
			if has == c.noExpiry || len(listed(t, db)) != 1 {
				t.Errorf("%q", listed(t, db))
			}
		})
	}
}
