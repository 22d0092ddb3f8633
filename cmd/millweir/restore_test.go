package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
)

// A restore makes what was backed up, in part and under other names; a copy can be restored too.
func TestRestore(t *testing.T) { eachStore(t, testRestore) }

func testRestore(t *testing.T, w *world) {
	w.add(t, "shop", "orders", 50)
	w.add(t, "shop", "cookies", 3)
	w.repository(t)
	keys := []string{"--identity", "me.txt", "--signing-key", "sign.key"}
	w.must(t, "backup", w.repo, "--signing-key", "sign.key")
	w.must(t, append([]string{"verify", w.repo, "--depth", "drill"}, keys...)...)
	w.must(t, append([]string{"copy", w.repo, "--to", "./second"}, keys...)...)
	changed, err := bson.Marshal(bson.D{{Key: "_id", Value: 7}, {Key: "name", Value: "changed"}})
	if err != nil {
		t.Fatal(err)
	}
	restore := func(more ...string) []string { return append(append([]string{"restore"}, keys...), more...) }
	w.must(t, restore("./second", "--rename", "shop=again")...)
	for coll, n := range map[string]int{"orders": 50, "cookies": 3} {
		if got := w.srv.Documents("again", coll); len(got) != n {
			t.Errorf("%s: %d documents", coll, len(got))
		}
	}
	w.srv.Add("conflict", "orders", changed)
	w.add(t, "again", "orders", 1) // an _id twice: no longer the documents of the backup
	w.fails(t, 1, []string{"again.orders", "--replace"}, restore(w.repo, "--rename", "shop=again")...)
	w.fails(t, 1, []string{"orders", "--rename", "--replace"}, restore(w.repo, "--rename", "shop=conflict", "--merge")...)
	o := w.must(t, restore(w.repo, "latest", "--rename", "shop=again", "--replace", "--include", "shop.orders",
		"--erase", "shop.orders=7", "--erase", "shop.orders=999", "--to", "10")...)
	for _, word := range []string{"into again.orders, 1 erased", "warning: 1 of the 2 documents of --erase"} {
		if !strings.Contains(o.messages, word) {
			t.Errorf("%q is missing: %s", word, o.messages)
		}
	}
	if got := w.srv.Documents("again", "orders"); len(got) != 9 {
		t.Errorf("%d documents of a part", len(got))
	}
	for _, unused := range [][]string{
		{"--rename", "shp=again"}, {"--exclude", "shop.cookie"}, {"--erase", "shop.order=7"},
	} {
		args := restore(append(unused, w.repo, "--replace")...)
		w.fails(t, 1, []string{"nothing matches"}, args...)
		if o := w.run(t, args...); strings.Contains(o.messages, "run this again") {
			t.Error(o.messages)
		}
	}
	w.fails(t, 2, []string{"--rename"}, restore(w.repo, "--rename", "shop")...)
	w.fails(t, 2, []string{"contradicts"}, restore(w.repo, "--replace", "--merge")...)
}

// A range without any _id is a mistake. A restore would replace the target by nothing.
func TestEmptyRange(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 50)
	w.repository(t)
	w.must(t, w.backup()...)
	w.must(t, w.restore()...)
	w.must(t, w.restore("--replace", "--from", "49", "--to", `"a"`)...) // strings come after numbers
	for _, bounds := range [][]string{
		{"--from", "20", "--to", "10"}, {"--from", "20", "--to", "20"}, {"--from", `"a"`, "--to", "10"},
	} {
		w.fails(t, 2, []string{"no _id", "--from", "--to"}, w.restore(append(bounds, "--replace")...)...)
		w.fails(t, 2, []string{"no _id", "--from", "--to"},
			append(bounds, "documents", w.repo, "latest", "shop.orders", "--identity", "me.txt")...)
	}
	if got := w.srv.Documents("back", "orders"); len(got) != 1 {
		t.Errorf("the target has %d documents", len(got))
	}
}

// A copy onto the repository itself would be reported as a second copy.
func TestCopyOntoItself(t *testing.T) { eachStore(t, testCopyOntoItself) }

func testCopyOntoItself(t *testing.T, w *world) {
	w.add(t, "shop", "orders", 3)
	w.repository(t)
	w.must(t, w.backup()...)
	names := []string{w.repo, w.repo + "/"}
	if w.storage == nil {
		if err := os.Symlink("repo", filepath.Join(w.dir, "link")); err != nil {
			t.Fatal(err)
		}
		names = append(names, "./link", filepath.Join(w.dir, "repo"))
	}
	for _, to := range names {
		w.fails(t, 2, []string{"the repository itself"}, "copy", w.repo, "--to", to, "--signing-key", "sign.key")
	}
	w.must(t, "copy", w.repo, "--to", w.repo+"2", "--signing-key", "sign.key")
}

// Each kind of difference has words of its own.
func TestDifferenceText(t *testing.T) {
	for _, test := range []struct {
		kind     backup.DifferenceKind
		id, want string
	}{
		{backup.OnlyFirst, "7", "only the first backup has 7"},
		{backup.OnlySecond, "", "only the second backup has it"},
		{backup.OptionsDiffer, "", "its kind, options or indexes differ"},
		{backup.DocumentDiffers, "7", "the backups have different documents 7"},
		{backup.ContentDiffers, "", "its documents differ"},
		{"a newer kind", "", "a newer kind"},
	} {
		if got := differenceText(&difference{"shop.x", string(test.kind), test.id}); got != "shop.x: "+test.want {
			t.Errorf("%s: %s", test.kind, got)
		}
	}
}

// A diff shows the documents that differ.
func TestDiff(t *testing.T) { eachStore(t, testDiff) }

func testDiff(t *testing.T, w *world) {
	w.add(t, "shop", "orders", 50)
	w.repository(t)
	run := func() string {
		t.Helper()
		var made struct{ Run string }
		o := w.must(t, "backup", w.repo, "--signing-key", "sign.key", "--json")
		if err := json.Unmarshal([]byte(o.out), &made); err != nil {
			t.Fatal(err)
		}
		return made.Run
	}
	first := run()
	w.add(t, "shop", "cookies", 1)
	second := run()
	o := w.must(t, "diff", w.repo, first, second, "--identity", "me.txt")
	if o.out != "shop.cookies: only the second backup has it\n" || strings.Contains(o.out, "shop.orders") {
		t.Error(o.out)
	}
	w.env = append(w.env, "MILLWEIR_REPO="+w.repo)
	if same := w.must(t, "diff", first, first, "--identity", "me.txt"); same.out != "" {
		t.Error(same.out)
	}
}
