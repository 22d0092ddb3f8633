package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// serve returns a server and its collection shop.cookies.
func serve(t *testing.T) (*mongotest.Server, *mongo.Collection) {
	t.Helper()
	srv := mongotest.NewServer()
	t.Cleanup(srv.Close)
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return srv, client.Database("shop").Collection("cookies")
}

// start runs the program. The result ends it as SIGTERM does, and returns what it says.
func start(t *testing.T, srv *mongotest.Server, folder string) (stop func() (string, error)) {
	t.Helper()
	ctx, sigterm := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var out strings.Builder
	go func() { done <- run(ctx, srv.URI(), []string{"shop.cookies", folder}, &out) }()
	return func() (string, error) {
		sigterm()
		err := <-done
		return out.String(), err
	}
}

// wait waits until ready returns true.
func wait(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for late := time.Now().Add(time.Minute); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("there is no ", what)
		}
	}
}

func hasPosition(folder string) func() bool {
	return func() bool { _, err := os.Stat(filepath.Join(folder, "position")); return err == nil }
}

func insert(t *testing.T, coll *mongo.Collection, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}}); err != nil {
			t.Fatal(err)
		}
	}
}

// stored returns the _ids of the inserts in the archive, in order.
func stored(t *testing.T, folder string) (ids []int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		events := stream.Via2(source.File(name, nil), codec.Unzstd(nil), bsoncodec.ParseExtJSON(nil))
		_, err := stream.Run(t.Context(), events, sink.ForEach(func(_ context.Context, event bson.Raw) error {
			if id, isInsert := event.Lookup("documentKey", "_id").AsInt64OK(); isInsert {
				ids = append(ids, id)
			}
			return nil
		}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	return ids
}

func numbers(n int) (all []int64) {
	for i := range n {
		all = append(all, int64(i))
	}
	return all
}

// Every change is stored once, in order: those while the program runs, and those while it does not.
func TestStopAndGoOn(t *testing.T) {
	srv, coll := serve(t)
	folder := filepath.Join(t.TempDir(), "archive")
	stop := start(t, srv, folder)
	wait(t, "position of the start", hasPosition(folder))
	insert(t, coll, 0, 5)
	wait(t, "archive of five changes", func() bool { return len(stored(t, folder)) == 5 })
	says, err := stop()
	if err != nil || !strings.HasPrefix(says, "shop.cookies: stored the changes up to ") {
		t.Errorf("it says %q, %v", says, err)
	}
	insert(t, coll, 5, 9)
	stop = start(t, srv, folder)
	wait(t, "archive of nine changes", func() bool { return len(stored(t, folder)) == 9 })
	if _, err := stop(); err != nil {
		t.Error(err)
	}
	if got := stored(t, folder); !slices.Equal(got, numbers(9)) {
		t.Errorf("%v are stored", got)
	}
}

// A run that was killed after it had stored changes, and before it saved their position, loses and
// repeats nothing, although the next run cuts its batches elsewhere.
func TestKilledBeforeThePosition(t *testing.T) {
	srv, coll := serve(t)
	to := archive{folder: filepath.Join(t.TempDir(), "archive")}
	stop := start(t, srv, to.folder)
	wait(t, "position of the start", hasPosition(to.folder))
	if _, err := stop(); err != nil {
		t.Fatal(err)
	}
	insert(t, coll, 0, 3)
	at, err := to.place()
	if err != nil {
		t.Fatal(err)
	}
	killed := stream.Via2(mongosource.Watch(coll, &mongosource.WatchOptions{After: at.After}),
		number(at), stream.Take[numbered](3))
	changes, err := stream.Run(t.Context(), killed, sink.Slice[numbered]())
	if err == nil {
		err = errors.Join(to.store(t.Context(), changes[:2]), to.store(t.Context(), changes[2:]))
	}
	if err != nil || len(stored(t, to.folder)) != 3 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	insert(t, coll, 3, 4)
	stop = start(t, srv, to.folder)
	wait(t, "position after four changes", func() bool { at, err := to.place(); return err == nil && at.Changes == 4 })
	if _, err := stop(); err != nil {
		t.Error(err)
	}
	if got := stored(t, to.folder); !slices.Equal(got, numbers(4)) {
		t.Errorf("%v are stored", got)
	}
}

// The changes before the drop of the collection are stored, and so is the drop. The next run stores
// the changes of a new collection.
func TestDropped(t *testing.T) {
	srv, coll := serve(t)
	folder := filepath.Join(t.TempDir(), "archive")
	stop := start(t, srv, folder)
	wait(t, "position of the start", hasPosition(folder))
	if _, err := stop(); err != nil {
		t.Fatal(err)
	}
	insert(t, coll, 0, 3)
	if err := coll.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), srv.URI(), []string{"shop.cookies", folder}, new(strings.Builder))
	if !errors.Is(err, mongosource.ErrInvalidated) || !slices.Equal(stored(t, folder), numbers(3)) {
		t.Errorf("%v, and %v are stored", err, stored(t, folder))
	}
	insert(t, coll, 3, 5)
	stop = start(t, srv, folder)
	wait(t, "archive of five changes", func() bool { return len(stored(t, folder)) == 5 })
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}

// The program does not leave out changes that the server no longer has.
func TestHistoryLost(t *testing.T) {
	srv, coll := serve(t)
	folder := filepath.Join(t.TempDir(), "archive")
	stop := start(t, srv, folder)
	wait(t, "position of the start", hasPosition(folder))
	if _, err := stop(); err != nil {
		t.Fatal(err)
	}
	srv.KeepChanges(2)
	insert(t, coll, 0, 5)
	err := run(t.Context(), srv.URI(), []string{"shop.cookies", folder}, new(strings.Builder))
	if !errors.Is(err, mongosource.ErrHistoryLost) || len(stored(t, folder)) != 0 {
		t.Errorf("%v, and %v are stored", err, stored(t, folder))
	}
}

func TestRefusals(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "position"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "position"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	cut := t.TempDir()
	if err := os.WriteFile(filepath.Join(cut, fmt.Sprintf(nameFormat, 7)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const uri = "mongodb://user:secret@localhost/"
	for name, test := range map[string]struct {
		uri  string
		args []string
	}{
		"no URI":        {"", []string{"shop.cookies", t.TempDir()}},
		"a wrong URI":   {"mongodb://user:secret@:-1/", []string{"shop.cookies", t.TempDir()}},
		"no folder":     {uri, []string{"shop.cookies"}},
		"no collection": {uri, []string{"shop", t.TempDir()}},
		"no position":   {uri, []string{"shop.cookies", folder}},
		"an empty one":  {uri, []string{"shop.cookies", empty}},
		"only changes":  {uri, []string{"shop.cookies", cut}},
	} {
		err := run(t.Context(), test.uri, test.args, new(strings.Builder))
		if err == nil || strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
