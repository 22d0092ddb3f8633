package integration_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The program changes stores every change once and in order, while it is stopped and killed.
func TestChanges(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("cookies")
	insertNumbers(t, coll, -1, 0) // the collection exists
	folder := filepath.Join(t.TempDir(), "archive")
	begin := func() *child {
		return start(t, "changes", []string{"MONGODB_URI=" + m.URI()}, coll.Database().Name()+".cookies", folder)
	}
	has := func(n int) func() bool { return func() bool { return len(changes(t, folder)) >= n } }

	c := begin()
	eventually(t, "a position", func() bool { _, err := os.Stat(filepath.Join(folder, "position")); return err == nil })
	insertNumbers(t, coll, 0, 300)
	eventually(t, "the first changes", has(300))
	c.signal(t, syscall.SIGTERM)
	if c.wait(t); c.code() != 0 {
		t.Errorf("it ended with %d: %s", c.code(), c.text())
	}

	insertNumbers(t, coll, 300, 600)
	c = begin()
	eventually(t, "the changes meanwhile", has(301))
	c.signal(t, syscall.SIGKILL)
	c.wait(t)

	insertNumbers(t, coll, 600, 900)
	begin()
	eventually(t, "all changes", has(900))
	want := make([]int64, 900)
	for i := range want {
		want[i] = int64(i)
	}
	if got := changes(t, folder); !slices.Equal(got, want) {
		t.Errorf("%d changes are stored: %v", len(got), got)
	}
}

// eventually waits until ready returns true.
func eventually(t testing.TB, what string, ready func() bool) {
	t.Helper()
	for late := time.Now().Add(hang); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("waited too long for ", what)
		}
	}
}

// changes returns the _ids of the inserts in the folder of the program changes.
func changes(t testing.TB, folder string) (ids []int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		events := stream.Via2(source.File(name, nil), codec.Unzstd(nil), bsoncodec.ParseExtJSON(nil))
		_, err := stream.Run(t.Context(), events, sink.ForEach(func(_ context.Context, event bson.Raw) error {
			ids = append(ids, event.Lookup("documentKey", "_id").AsInt64())
			return nil
		}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	return ids
}
