package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A backup whose manifest is damaged hides no other one, and the messages say how to go on.
func TestDamagedManifest(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 3)
	w.repository(t)
	run := func() string {
		t.Helper()
		var made struct{ Run string }
		if err := json.Unmarshal([]byte(w.must(t, w.backup("--json")...).out), &made); err != nil {
			t.Fatal(err)
		}
		return made.Run
	}
	first, second, third := run(), run(), run()
	file := filepath.Join(w.dir, "repo/backups", second+".json")
	if err := errors.Join(os.Chmod(file, 0o600), os.Truncate(file, 9)); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{nil, {"--trust", "sign.key.pub"}, {"--json"}} {
		o := w.run(t, append(more, "list", w.repo)...)
		o.saysOnly(t, 1, second, "bring the file back", "delete it")
		if !strings.Contains(o.out, first) || strings.Contains(o.out, `"run":"`+second) ||
			more == nil && strings.Contains(o.out, second) || !strings.Contains(o.out, third) {
			t.Errorf("%q: %s", more, o.out)
		}
	}
	w.fails(t, exitDamaged, []string{second}, "verify", w.repo, second, "--identity", "me.txt")
	w.must(t, "verify", w.repo, first, "--identity", "me.txt", "--signing-key", "sign.key")
	w.fails(t, 1, []string{second, "--no-reuse", "millweir list ./repo"}, w.backup()...)
	w.must(t, w.backup("--no-reuse")...)
}
