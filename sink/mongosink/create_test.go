package mongosink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// newDatabase returns the empty database shop of a new server.
func newDatabase(t testing.TB) (*mongotest.Server, *mongo.Database) {
	t.Helper()
	srv := mongotest.NewServer()
	return srv, mongofixture.Connect(t, srv).Database("shop")
}

// e is a field of a document.
func e(key string, value any) bson.E { return bson.E{Key: key, Value: value} }

// describe returns a description of a collection.
func describe(t testing.TB, name, kind string, options ...bson.E) bson.Raw {
	t.Helper()
	return raw(t, bson.D{e("name", name), e("type", kind), e("options", bson.D(options))})
}

// listed returns the collections of db without their UUIDs, by name.
func listed(t testing.TB, db *mongo.Database) []string {
	t.Helper()
	all, err := stream.Run(t.Context(), mongosource.Collections(db, nil), sink.Slice[mongosource.Collection]())
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, c := range all {
		texts = append(texts, fmt.Sprintf("%q %s %s", c.Name, c.Kind, c.Options))
	}
	slices.Sort(texts)
	return texts
}

// oddNames are names of collections that tools have lost or changed.
var oddNames = []string{
	"a\nb", "a\tb", "a/b", "a\\b", "a.b", "a..b", "a b", " a", "a ", "a%2Fb", "%", "a:b", "a*b", "a?b", "a\"b", "a'b",
	"a`b",
	"a|b", "a<b>c", "ü", "日本語", "🍪", "u\u0301", "A", "\u200b", "-", "_", "con", "a;b", "systema", "a{b}[c]", "\x01",
	strings.Repeat("x", 255-len("shop.")), strings.Repeat("é", 100),
}

// M10, M11, R14: every kind of collection comes to another server with its options, under its name.
// A second run changes nothing.
func TestCreateCollections(t *testing.T) {
	_, from := newDatabase(t)
	descriptions := []bson.Raw{
		describe(t, "on a view", "view", e("viewOn", "seen"), e("pipeline", bson.A{})),
		describe(t, "seen", "view", e("viewOn", "plain"), e("pipeline", bson.A{
			bson.D{e("$project", bson.D{e("z", 1), e("a", 1)})}, // in this order
			bson.D{e("$match", bson.D{e("z", 1)})},
		}), e("collation", bson.D{e("locale", "fr")})),
		describe(t, "plain", "collection", e("validator", bson.D{e("n", bson.D{e("$gte", 0)})}),
			e("validationLevel", "moderate"), e("validationAction", "warn"),
			e("collation", bson.D{e("locale", "sv"), e("strength", 2)})),
		describe(t, "log", "collection", e("capped", true), e("size", 4096), e("max", 7)),
		describe(t, "sorted", "collection", e("clusteredIndex", bson.D{
			e("v", 2), e("key", bson.D{e("_id", 1)}),
			e("name", "_id_"), e("unique", true),
		}), e("expireAfterSeconds", int64(3600))),
		describe(t, "at", "timeseries", e("timeseries", bson.D{
			e("timeField", "t"), e("metaField", "m"),
			e("granularity", "hours"), e("bucketMaxSpanSeconds", 2592000),
		}), e("expireAfterSeconds", 86400)),
		describe(t, "watched", "collection", e("changeStreamPreAndPostImages", bson.D{e("enabled", true)})),
		describe(t, "old", "collection", e("create", "old"), e("autoIndexId", true), e("flags", 1), e("temp", false)),
	}
	for _, name := range oddNames {
		descriptions = append(descriptions, describe(t, name, "collection"))
	}
	create := mongosink.CreateCollections(from, nil)
	for run, want := range []mongosink.CreateCollectionsResult{
		{Created: int64(len(descriptions))}, {Existing: int64(len(descriptions))},
	} {
		got, err := stream.Run(t.Context(), source.Slice(descriptions), create)
		if err != nil || got != want {
			t.Errorf("run %d: %+v, %v; want %+v", run, got, err, want)
		}
	}

	srv, to := newDatabase(t)
	got, err := stream.Run(t.Context(), stream.Via(mongosource.Collections(from, nil),
		stream.Map(mongosource.Collection.Raw)), mongosink.CreateCollections(to, nil))
	if err != nil || got.Created != int64(len(descriptions)) {
		t.Fatalf("%+v, %v", got, err)
	}
	if a, b := listed(t, from), listed(t, to); !slices.Equal(a, b) {
		t.Errorf("\n%q is not\n%q", b, a)
	}
	commands := srv.Commands("create")
	for i, c := range commands {
		if isView := !c.Body.Lookup("viewOn").IsZero(); isView != (i >= len(commands)-2) {
			t.Errorf("command %d of %d: %s", i, len(commands), c.Body)
		}
		if w := c.Body.Lookup("writeConcern", "w").StringValue(); w != "majority" { // R15
			t.Errorf("write concern %s", w)
		}
	}
}

// A collection with other options is not taken for the wanted one, and stays as it is.
func TestCreateCollectionsConflict(t *testing.T) {
	validator := e("validator", bson.D{e("a", 1)})
	capped := []bson.E{e("capped", true), e("size", 1000)}
	for name, c := range map[string]struct {
		have, want []bson.E
		kind       string // of want
		differ     string
	}{
		"validator missing":    {nil, []bson.E{validator}, "", "validator"},
		"validator too much":   {[]bson.E{validator}, nil, "", "validator"},
		"other validator":      {[]bson.E{validator}, []bson.E{e("validator", bson.D{e("a", 2)})}, "", "validator"},
		"other size":           {[]bson.E{capped[0], e("size", 2000)}, capped, "", "size"},
		"size rounded up":      {[]bson.E{capped[0], e("size", 1024)}, capped, "", ""},
		"size of another type": {[]bson.E{capped[0], e("size", 1000.0)}, capped, "", ""},
		"capped":               {nil, capped, "", "capped, size"},
		"a view":               {nil, []bson.E{e("viewOn", "x"), e("pipeline", bson.A{})}, "view", "its kind"},
		"a time series": {
			nil, []bson.E{e("timeseries", bson.D{e("timeField", "t")})}, "timeseries", "its kind",
		},
		"collation with its defaults": {
			[]bson.E{e("collation", bson.D{e("locale", "fr"), e("strength", 3)})},
			[]bson.E{e("collation", bson.D{e("locale", "fr")})},
			"", "",
		},
		"other collation": {
			[]bson.E{e("collation", bson.D{e("locale", "fr")})},
			[]bson.E{e("collation", bson.D{e("locale", "de")})},
			"", "collation",
		},
		"defaults": {
			[]bson.E{e("validationLevel", "strict"), e("validationAction", "error")},
			[]bson.E{e("changeStreamPreAndPostImages", bson.D{e("enabled", false)})},
			"", "",
		},
		"another level": {[]bson.E{e("validationLevel", "off")}, nil, "", "validationLevel"},
	} {
		t.Run(name, func(t *testing.T) {
			_, db := newDatabase(t)
			create := mongosink.CreateCollections(db, nil)
			if _, err := stream.Run(t.Context(), source.Of(describe(t, "c", "collection", c.have...)),
				create); err != nil {
				t.Fatal(err)
			}
			before := listed(t, db)
			kind := c.kind
			if kind == "" {
				kind = "collection"
			}
			got, err := stream.Run(t.Context(), source.Of(describe(t, "c", kind, c.want...)), create)
			var conflict *mongosink.CollectionConflictError
			switch {
			case c.differ == "" && (err != nil || got.Existing != 1):
				t.Errorf("%+v, %v", got, err)
			case c.differ != "" && (!errors.As(err, &conflict) || strings.Join(conflict.Options, ", ") != c.differ ||
				conflict.Namespace != "shop.c" || stream.ClassOf(err) != stream.Fatal):
				t.Errorf("%+v, %v", got, err)
			}
			if after := listed(t, db); !slices.Equal(before, after) {
				t.Errorf("%q was %q", after, before)
			}
		})
	}
}

// catalogFaults are the fates of a command that changes the catalog.
var catalogFaults = map[string]struct {
	fault mongotest.Fault
	class stream.Class // 0: it succeeds
}{
	"closed before":      {mongotest.Fault{Nth: 1, Close: true}, 0},
	"closed three times": {mongotest.Fault{Close: true}, stream.UnknownOutcome},
	"reply lost":         {mongotest.Fault{Nth: 1, Lose: true}, 0},
	"every reply lost":   {mongotest.Fault{Lose: true}, 0},
	"reply cut":          {mongotest.Fault{Nth: 1, Cut: 20}, 0},
	"interrupted":        {mongotest.Fault{Nth: 1, Code: 11602}, 0},
	"stepped down":       {mongotest.Fault{Nth: 1, Code: 189}, 0},
	"overloaded":         {mongotest.Fault{Nth: 1, Code: 462, Labels: []string{"SystemOverloadedError"}}, 0},
	"not allowed":        {mongotest.Fault{Code: 13}, stream.Fatal},
}

// A command whose reply is lost is settled by a look, and repeated if it had no effect.
func TestCreateCollectionsSettled(t *testing.T) {
	for name, c := range catalogFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, db := newDatabase(t)
			c.fault.Command = "create"
			srv.Inject(c.fault)
			opts := &mongosink.CreateCollectionsOptions{SettleTimeout: 300 * time.Millisecond}
			_, err := stream.Run(t.Context(),
				source.Of(describe(t, "c", "collection", e("capped", true), e("size", 4096))),
				mongosink.CreateCollections(db, opts))
			checkClass(t, err, c.class)
			if err == nil && len(listed(t, db)) != 1 {
				t.Errorf("%q", listed(t, db))
			}
		})
	}
}

// checkClass fails the test unless err has the class, or is nil for 0.
func checkClass(t *testing.T, err error, want stream.Class) {
	t.Helper()
	if want == 0 && err != nil || want != 0 && stream.ClassOf(err) != want ||
		errors.Is(err, mongosink.ErrOutcomeUnknown) != (want == stream.UnknownOutcome) {
		t.Errorf("%v, of class %v, want %v", err, stream.ClassOf(err), want)
	}
}

// A refusal of the only attempt is known, even if a look fails.
func TestCreateCollectionsRefused(t *testing.T) {
	srv, db := newDatabase(t)
	srv.Inject(mongotest.Fault{Command: "create", Code: 13})
	srv.Inject(mongotest.Fault{Command: "listCollections", Nth: 1, Delay: time.Nanosecond})
	srv.Inject(mongotest.Fault{Command: "listCollections", Close: true})
	_, err := stream.Run(t.Context(), source.Of(describe(t, "c", "collection")),
		mongosink.CreateCollections(db, &mongosink.CreateCollectionsOptions{SettleTimeout: time.Millisecond}))
	checkClass(t, err, stream.Fatal)
}

// A collection that another program creates between the look and the command counts as existing.
func TestCreateCollectionsMeanwhile(t *testing.T) {
	srv, db := newDatabase(t)
	srv.Add("shop", "c")
	srv.Inject(mongotest.Fault{Command: "listCollections", Nth: 1, Reply: raw(t, bson.D{
		e("ok", 1), e("cursor", bson.D{
			e("id", int64(0)), e("ns", "shop.$cmd.listCollections"),
			e("firstBatch", bson.A{}),
		}),
	})})
	got, err := stream.Run(t.Context(), source.Of(describe(t, "c", "collection")),
		mongosink.CreateCollections(db, nil))
	if err != nil || got != (mongosink.CreateCollectionsResult{Existing: 1}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A look that fails leaves the outcome unknown.
func TestCreateCollectionsUnknown(t *testing.T) {
	srv, db := newDatabase(t)
	srv.Inject(mongotest.Fault{Command: "create", Lose: true})
	srv.Inject(mongotest.Fault{Command: "listCollections", Nth: 1, Delay: time.Nanosecond})
	srv.Inject(mongotest.Fault{Command: "listCollections", Code: 13})
	_, err := stream.Run(t.Context(), source.Of(describe(t, "c", "collection")),
		mongosink.CreateCollections(db, &mongosink.CreateCollectionsOptions{SettleTimeout: time.Millisecond}))
	checkClass(t, err, stream.UnknownOutcome)
}

func TestCreateCollectionsRename(t *testing.T) {
	_, db := newDatabase(t)
	got, err := stream.Run(t.Context(), source.Of(
		describe(t, "v", "view", e("viewOn", "c"), e("pipeline", bson.A{})), describe(t, "c", "collection"),
	), mongosink.CreateCollections(db, &mongosink.CreateCollectionsOptions{
		Rename: func(name string) string { return "new-" + name },
	}))
	if want := []string{`"new-c" collection {}`, `"new-v" view {"viewOn": "new-c","pipeline": []}`}; err != nil ||
		got.Created != 2 || !slices.Equal(listed(t, db), want) {
		t.Errorf("%+v, %v: %q", got, err, listed(t, db))
	}
}

func TestCreateCollectionsBad(t *testing.T) {
	srv, db := newDatabase(t)
	for name, description := range map[string]bson.Raw{
		"nil": nil, "damaged": bson.Raw("\x07\x00\x00\x00\x02a\x00"),
		"no name": raw(t, bson.D{e("type", "collection")}),
		"no view": describe(t, "v", "view"), "no time series": describe(t, "t", "timeseries"),
		"name of another type": raw(t, bson.D{e("name", 1)}),
	} {
		_, err := stream.Run(t.Context(), source.Of(description), mongosink.CreateCollections(db, nil))
		if !errors.Is(err, mongosink.ErrBadDescription) || stream.ClassOf(err) != stream.Data {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := stream.Run(t.Context(), source.Of(describe(t, "c", "collection")), mongosink.CreateCollections(nil, nil))
	if stream.ClassOf(err) != stream.Fatal {
		t.Errorf("nil database: %v", err)
	}
	_, err = stream.Run(t.Context(), source.Of(describe(t, "c", "collection")),
		mongosink.CreateCollections(db, &mongosink.CreateCollectionsOptions{SettleTimeout: -1}))
	if stream.ClassOf(err) != stream.Fatal {
		t.Errorf("negative time: %v", err)
	}
	cancelled, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := mongosink.CreateCollections(db, nil).Consume(cancelled,
		source.Of(describe(t, "c", "collection"))); !errors.Is(err, cause) {
		t.Errorf("cancelled: %v", err)
	}
	if n := len(srv.Commands("create")); n != 0 {
		t.Errorf("%d commands", n)
	}
}
