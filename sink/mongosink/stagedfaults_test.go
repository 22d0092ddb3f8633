package mongosink_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A staging collection that another program writes to, or creates again, is not published.
func TestReplaceCollectionStagingChanged(t *testing.T) {
	for name, disturb := range map[string]func(ctx context.Context, staging *mongo.Collection) error{
		"one more": func(ctx context.Context, staging *mongo.Collection) error {
			_, err := staging.InsertOne(ctx, bson.D{e("_id", "stranger")})
			return err
		},
		"created again": func(ctx context.Context, staging *mongo.Collection) error {
			if err := staging.Drop(ctx); err != nil {
				return err
			}
			_ = staging.Database().CreateCollection(ctx, staging.Name()) // or a batch in flight has created it
			return nil
		},
		"dropped": func(ctx context.Context, staging *mongo.Collection) error { return staging.Drop(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			_, db := newDatabase(t)
			staging := db.Collection("stage")
			docs := numbered(t, 20)
			src := stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
				for i, d := range docs {
					if err := emit(d); err != nil {
						return err
					}
					if i == 10 {
						if err := disturb(ctx, staging); err != nil {
							return err
						}
					}
				}
				return nil
			})
			got, err := stream.Run(t.Context(), src, mongosink.ReplaceCollection(db.Collection("c"),
				&mongosink.ReplaceCollectionOptions{StagingName: "stage", Insert: quick}))
			if !errors.Is(err, mongosink.ErrStagingChanged) || got.Target != mongosink.TargetUnchanged {
				t.Errorf("%+v, %v", got, err)
			}
			if slices.Contains(names(t, db), "c") {
				t.Error("it was published")
			}
		})
	}
}

// A target that appears, or is created again, during the run is not replaced.
func TestReplaceCollectionTargetChanged(t *testing.T) {
	for _, exists := range []bool{false, true} {
		srv, db := newDatabase(t)
		if exists {
			srv.Add("shop", "c", numbered(t, 1)...)
		}
		got, err := stream.Run(t.Context(), source.Slice(numbered(t, 20)),
			mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
				DropTarget: exists,
				Check: func(ctx context.Context, _ *mongo.Collection) error {
					if err := db.Collection("c").Drop(ctx); err != nil {
						return err
					}
					return db.CreateCollection(ctx, "c")
				},
			}))
		if !errors.Is(err, mongosink.ErrTargetExists) || got.Target != mongosink.TargetUnchanged ||
			!slices.Equal(names(t, db), []string{"c"}) || len(srv.Documents("shop", "c")) != 0 {
			t.Errorf("exists %v: %+v, %v, %q", exists, got, err, names(t, db))
		}
	}
}

// A rename whose reply is lost is settled by the UUIDs.
func TestReplaceCollectionRename(t *testing.T) {
	failed := func(code int32) bson.Raw {
		return raw(t, bson.D{e("ok", 0.0), e("code", code), e("errmsg", "scripted")})
	}
	unmet := raw(t, bson.D{e("ok", 1.0), e("writeConcernError", bson.D{e("code", 64), e("errmsg", "timed out")})})
	const unchanged, replaced, moved, unknown = mongosink.TargetUnchanged, mongosink.TargetReplaced,
		mongosink.TargetMoved, mongosink.TargetUnknown
	two := mongotest.Fault{Nth: 1, Code: 238}
	for name, c := range map[string]struct {
		faults []mongotest.Fault
		target mongosink.Target
		class  stream.Class // 0: it succeeds
	}{
		"done, lost":          {[]mongotest.Fault{{Nth: 1, Lose: true}}, replaced, 0},
		"done, always lost":   {[]mongotest.Fault{{Lose: true}}, replaced, 0},
		"done, interrupted":   {[]mongotest.Fault{{Nth: 1, Reply: failed(11602)}}, replaced, 0},
		"done, any error":     {[]mongotest.Fault{{Nth: 1, Reply: failed(8)}}, replaced, 0},
		"not done, lost":      {[]mongotest.Fault{{Nth: 1, Close: true}}, replaced, 0},
		"not done, code":      {[]mongotest.Fault{{Nth: 1, Code: 11602}}, replaced, 0},
		"never done":          {[]mongotest.Fault{{Close: true}}, unknown, stream.UnknownOutcome},
		"done, not confirmed": {[]mongotest.Fault{{Nth: 1, Reply: unmet}}, replaced, stream.UnknownOutcome},
		"refused":             {[]mongotest.Fault{{Code: 20}}, unchanged, stream.Fatal},
		"lost, then refused":  {[]mongotest.Fault{{Nth: 1, Close: true}, {Nth: 2, Code: 20}}, unchanged, stream.Fatal},

		"in two steps":        {[]mongotest.Fault{two}, replaced, 0},
		"old moved, lost":     {[]mongotest.Fault{two, {Nth: 2, Lose: true}}, replaced, 0},
		"old not moved, lost": {[]mongotest.Fault{two, {Nth: 2, Close: true}}, replaced, 0},
		"old refused":         {[]mongotest.Fault{two, {Nth: 2, Code: 20}}, unchanged, stream.Fatal},
		"new moved, lost":     {[]mongotest.Fault{two, {Nth: 3, Lose: true}}, replaced, 0},
		"new not moved, lost": {[]mongotest.Fault{two, {Nth: 3, Close: true}}, replaced, 0},
		"new refused":         {[]mongotest.Fault{two, {Nth: 3, Code: 20}}, unchanged, stream.Fatal},
		"new refused, back lost": {
			[]mongotest.Fault{two, {Nth: 3, Code: 20}, {Nth: 4, Lose: true}},
			unchanged,
			stream.Fatal,
		},
		"new refused, back too": {
			[]mongotest.Fault{two, {Nth: 3, Code: 20}, {Nth: 4, Code: 20}},
			moved,
			stream.Fatal,
		},
		"new not confirmed":        {[]mongotest.Fault{two, {Nth: 3, Reply: unmet}}, replaced, stream.UnknownOutcome},
		"the old one is not freed": {[]mongotest.Fault{two, {Command: "drop", Code: 13}}, replaced, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, db := newDatabase(t)
			docs, old := numbered(t, 25), []bson.Raw{raw(t, bson.D{e("_id", "old")})}
			srv.Add("shop", "c", old...)
			for _, f := range c.faults {
				if f.Command == "" {
					f.Command = "renameCollection"
				}
				srv.Inject(f)
			}
			got, err := stream.Run(t.Context(), source.Slice(docs),
				mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{
					DropTarget: true, Insert: quick, SettleTimeout: 300 * time.Millisecond,
				}))
			checkClass(t, err, c.class)
			if got.Target != c.target {
				t.Errorf("%v, want %v: %v", got.Target, c.target, err)
			}
			left := []string{"c"}
			switch got.Target {
			case replaced:
				if !sameDocs(srv.Documents("shop", "c"), docs) {
					t.Errorf("%d documents", len(srv.Documents("shop", "c")))
				}
			case unchanged:
				if !sameDocs(srv.Documents("shop", "c"), old) {
					t.Errorf("%d documents", len(srv.Documents("shop", "c")))
				}
			case moved:
				left = nil
			}
			for _, name := range []string{got.Staging, got.Old} {
				if name != "" {
					left = append(left, name)
				}
				if name != "" && err != nil && !strings.Contains(err.Error(), name) {
					t.Errorf("%v does not name %s", err, name)
				}
			}
			slices.Sort(left)
			if !slices.Equal(names(t, db), left) {
				t.Errorf("%q are there, and %q are named", names(t, db), left)
			}
		})
	}
}

// A cancellation leaves the target as it is, and no staging collection.
func TestReplaceCollectionCancelled(t *testing.T) {
	srv, db := newDatabase(t)
	old := numbered(t, 3)
	srv.Add("shop", "c", old...)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	src := stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		for i, d := range numbered(t, 60) {
			if i == 50 {
				cancel(cause)
			}
			if err := emit(d); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := stream.Run(ctx, src, mongosink.ReplaceCollection(db.Collection("c"),
		&mongosink.ReplaceCollectionOptions{DropTarget: true, Insert: quick}))
	if !errors.Is(err, cause) || got.Target != mongosink.TargetUnchanged || !sameDocs(srv.Documents("shop", "c"), old) {
		t.Errorf("%+v, %v", got, err)
	}
	if left := names(t, db); got.Staging == "" && !slices.Equal(left, []string{"c"}) {
		t.Errorf("%q", left)
	}
}

// A panic of the upstream surfaces, and leaves no staging collection.
func TestReplaceCollectionPanics(t *testing.T) {
	srv, db := newDatabase(t)
	src := stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
		for _, d := range numbered(t, 60) {
			if err := emit(d); err != nil {
				return err
			}
		}
		panic("burst")
	})
	func() {
		defer func() {
			if v := recover(); v == nil {
				t.Error("no panic")
			}
		}()
		_, err := stream.Run(t.Context(), src, mongosink.ReplaceCollection(db.Collection("c"),
			&mongosink.ReplaceCollectionOptions{Insert: quick}))
		t.Error(err)
	}()
	if left := names(t, db); len(left) != 0 {
		t.Errorf("%q", left)
	}
	if made := len(srv.Commands("create")); made != 1 {
		t.Errorf("%d collections were created", made)
	}
}

// R3: a run that is killed at any document leaves its staging collection. The next run with the
// same staging name ends in the state of a run that was never killed. So does a merge.
func TestRunAgain(t *testing.T) {
	docs := numbered(t, 45)
	killed := errors.New("killed")
	for at := 0; at <= len(docs); at++ {
		srv, db := newDatabase(t)
		old := []bson.Raw{raw(t, bson.D{e("_id", "old")})}
		srv.Add("shop", "c", old...)
		srv.Inject(mongotest.Fault{Command: "drop", Nth: 2, Code: 13}) // a killed program drops nothing at its end
		opts := &mongosink.ReplaceCollectionOptions{
			DropTarget: true, StagingName: "stage", Insert: quick,
			Indexes: []bson.Raw{index(t, "a_1", bson.D{e("a", 1)})},
		}
		replace := mongosink.ReplaceCollection(db.Collection("c"), opts)
		_, err := stream.Run(t.Context(), sourceOf(docs[:at], killed), replace)
		if !errors.Is(err, killed) || !sameDocs(srv.Documents("shop", "c"), old) {
			t.Fatalf("killed at %d: %v", at, err)
		}
		srv.Heal()
		if got, err := stream.Run(t.Context(), source.Slice(docs), replace); err != nil ||
			got.Target != mongosink.TargetReplaced || !sameDocs(srv.Documents("shop", "c"), docs) ||
			!slices.Equal(names(t, db), []string{"c"}) || len(indexesOf(t, db.Collection("c"))) != 2 {
			t.Fatalf("after a kill at %d: %+v, %v, %q", at, got, err, names(t, db))
		}

		merge := mongosink.Merge(db.Collection("m"), &mongosink.MergeOptions{Insert: quick})
		if _, err := stream.Run(t.Context(), sourceOf(docs[:at], killed), merge); !errors.Is(err, killed) {
			t.Fatalf("merge killed at %d: %v", at, err)
		}
		if _, err := stream.Run(t.Context(), source.Slice(docs), merge); err != nil ||
			!sameDocs(srv.Documents("shop", "m"), docs) {
			t.Fatalf("merge after a kill at %d: %v", at, err)
		}
	}
}

// An input that has a document twice is not published: the counts would not agree.
func TestReplaceCollectionRepeated(t *testing.T) {
	docs := numbered(t, 20)
	_, db := newDatabase(t)
	got, err := stream.Run(t.Context(), source.Slice(append(docs, docs[3])),
		mongosink.ReplaceCollection(db.Collection("c"), &mongosink.ReplaceCollectionOptions{Insert: quick}))
	if !errors.Is(err, mongosink.ErrRepeatedID) || got.Target != mongosink.TargetUnchanged || len(names(t, db)) != 0 {
		t.Errorf("%+v, %v, %q", got, err, names(t, db))
	}
}
