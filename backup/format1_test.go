package backup_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// loadFormat1 returns a store with the objects of a repository that was written in format 1.
func loadFormat1(t *testing.T, name string, clock func() time.Time) backup.Store {
	t.Helper()
	store := memstore.New(&memstore.Options{Now: clock})
	dir := os.DirFS(filepath.Join(format1, name))
	files := 0
	err := walkFiles(dir, func(key string, content []byte) error {
		files++
		_, err := stream.Run(t.Context(), source.Of(content), store.Put(key, nil))
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%s: %d objects, %v", name, files, err)
	}
	return store
}

// format1Keys returns the throwaway keys of a reader.
func format1Keys(t *testing.T, reader string) backup.Keys {
	t.Helper()
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(format1, "throwaway-keys", name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	identities, err := age.ParseIdentities(bytes.NewReader(read(reader)))
	if err != nil {
		t.Fatal(err)
	}
	sign, err := signing.ParseKey(read("sign.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return backup.Keys{Identities: identities, Trust: []signing.PublicKey{sign.Public()}}
}

// openFormat1 opens a repository that was written in format 1, on a machine with a clock.
func openFormat1(t *testing.T, store backup.Store, keys backup.Keys, clock func() time.Time) *backup.Repository {
	t.Helper()
	r, err := backup.Open(t.Context(), store, keys)
	if err != nil {
		t.Fatal(err)
	}
	return backup.WithClock(r, clock)
}

// hasFormat1 fails the test unless the repository has exactly the backups of these numbers, and each can
// be verified, read and restored.
func hasFormat1(t *testing.T, r *backup.Repository, numbers ...int) []backup.Manifest {
	t.Helper()
	all, err := stream.Run(t.Context(), r.List(), sink.Slice[backup.Manifest]())
	if err != nil || len(all) != len(numbers) {
		t.Fatalf("it has %d backups, want %d: %v", len(all), len(numbers), err)
	}
	for i, n := range numbers {
		view, err := r.View(t.Context(), all[i].Run)
		if err != nil {
			t.Fatal(err)
		}
		want := format1Documents(t, n)
		for _, depth := range []backup.Depth{backup.Present, backup.Read} {
			report, err := backup.Run(t.Context(), view.Verify(depth, &backup.VerifyOptions{NoProof: true}), 2)
			if err != nil || report.Counts.Collections != int64(len(want))+1 { // and a view
				t.Errorf("%s %s: %+v, %v", depth, all[i].Label, report.Counts, err)
			}
		}
		sameAsFormat1(t, view, want)
		restoresFormat1(t, view, want)
	}
	return all
}

// sameAsFormat1 reads the documents of each collection.
func sameAsFormat1(t *testing.T, view *backup.View, want map[string][]bson.Raw) {
	t.Helper()
	for name, docs := range want {
		db, coll, _ := strings.Cut(name, ".")
		ns := mongosource.Namespace{Database: db, Collection: coll}
		got, err := stream.Run(t.Context(), view.Documents(ns, nil), sink.Slice[bson.Raw]())
		if err != nil || !slices.EqualFunc(got, docs, func(a, b bson.Raw) bool { return bytes.Equal(a, b) }) {
			t.Errorf("%s has %d documents, want %d: %v", name, len(got), len(docs), err)
		}
	}
}

// restoresFormat1 restores a backup to an empty server.
func restoresFormat1(t *testing.T, view *backup.View, want map[string][]bson.Raw) {
	t.Helper()
	d := newDeployment(t)
	if _, err := backup.Run(t.Context(), view.Restore(d.client, nil), 2); err != nil {
		t.Errorf("restore: %v", err)
	}
	for name, docs := range want {
		db, coll, _ := strings.Cut(name, ".")
		got := bytes.Join(sortedBytes(d.Documents(db, coll)), nil)
		if !bytes.Equal(got, bytes.Join(sortedBytes(docs), nil)) {
			t.Errorf("%s was not restored", name)
		}
	}
}

func sortedBytes(docs []bson.Raw) (all [][]byte) {
	for _, doc := range docs {
		all = append(all, doc)
	}
	slices.SortFunc(all, bytes.Compare)
	return all
}

// What format 1 has written can be read for ever, by any clock, and no sweep takes any of it.
func TestFormat1(t *testing.T) {
	for name, now := range format1Clocks() {
		t.Run(name, func(t *testing.T) {
			clock := func() time.Time { return now }
			store := loadFormat1(t, "encrypted", clock)
			r := openFormat1(t, store, format1Keys(t, "second.txt"), clock)
			all := hasFormat1(t, r, 1, 2, 3, 4)
			for i, m := range all {
				if m.Label != format1Backups[i+1].label || m.Encoding != format1Backups[i+1].encoding {
					t.Errorf("%+v", m)
				}
			}
			differsFormat1(t, r, all)
			keepsRecords(t, r, store, all)
			if _, err := backup.WithClock(r, time.Now).Sweep(t.Context(), nil); err != nil {
				t.Error(err)
			}
			if _, err := r.Sweep(t.Context(), nil); err != nil {
				t.Error(err)
			}
			hasFormat1(t, r, 1, 2, 3, 4)
		})
	}
}

// differsFormat1 compares the first two backups: the second has more orders.
func differsFormat1(t *testing.T, r *backup.Repository, all []backup.Manifest) {
	t.Helper()
	first, err := r.View(t.Context(), all[0].Run)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.View(t.Context(), all[1].Run)
	if err != nil {
		t.Fatal(err)
	}
	found := map[backup.DifferenceKind]int{}
	err = first.Diff(second, nil).Each(t.Context(), func(d backup.Difference) error {
		found[d.Kind]++
		return nil
	})
	if want := map[backup.DifferenceKind]int{backup.OnlySecond: 300}; err != nil || !maps.Equal(found, want) {
		t.Errorf("%v, want %v: %v", found, want, err)
	}
}

// keepsRecords fails the test unless the proof and the tombstone are read: the proof lets a prune delete,
// and a deleted backup is no parent of a new one.
func keepsRecords(t *testing.T, r *backup.Repository, store backup.Store, all []backup.Manifest) {
	t.Helper()
	proofs, err := stream.Run(t.Context(), r.Proofs(), sink.Slice[backup.Proof]())
	if err != nil || len(proofs) != 1 || proofs[0].Run != all[2].Run || !proofs[0].Passed || proofs[0].Of != "read" {
		t.Errorf("%+v, %v", proofs, err)
	}
	if gone := keysOf(t, store, "gone/"); len(gone) != 2 { // and its signature
		t.Errorf("%q", gone)
	}
}

// A copy and a repository without encryption can be read for ever, too.
func TestFormat1Others(t *testing.T) {
	first := format1Keys(t, "first.txt")
	for name, now := range format1Clocks() {
		clock := func() time.Time { return now }
		hasFormat1(t, openFormat1(t, loadFormat1(t, "copy", clock), first, clock), 3)
		if t.Failed() {
			t.Fatalf("the copy, with the clock %s", name)
		}
		hasFormat1(t, openFormat1(t, loadFormat1(t, "plain", clock), backup.Keys{}, clock), 0)
		if t.Failed() {
			t.Fatalf("the plain one, with the clock %s", name)
		}
	}
	r := openFormat1(t, loadFormat1(t, "encrypted", time.Now), first, time.Now)
	if err := r.CheckKeys(t.Context()); err == nil {
		t.Error("after the change of keys, the first person still reads the repository")
	}
}
