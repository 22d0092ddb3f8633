package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/mongotest"
)

// The tests run the program as a process: the test binary itself, if this variable is set.
const asProgram = "MILLWEIR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		_ = os.Unsetenv(asProgram)
		main()
	}
	os.Exit(m.Run())
}

// world is a directory, a server, and the environment of the programs.
type world struct {
	dir string
	srv *mongotest.Server
	env []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	srv := mongotest.NewServer()
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	return &world{dir, srv, []string{
		asProgram + "=1", "HOME=" + dir, "PATH=" + os.Getenv("PATH"), "MONGODB_URI=" + srv.URI(),
	}}
}

// outcome is what a program did.
type outcome struct {
	code     int
	out      string // standard output
	messages string // standard error
}

// run runs the program with its arguments.
func (w *world) run(t *testing.T, args ...string) outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	var out, messages bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, &out, &messages
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), messages.String()}
}

// must runs the program, which must succeed.
func (w *world) must(t *testing.T, args ...string) outcome {
	t.Helper()
	o := w.run(t, args...)
	if o.code != 0 {
		t.Fatalf("millweir %s: exit code %d: %s", strings.Join(args, " "), o.code, o.messages)
	}
	return o
}

// fails runs the program, which must end with a code and a message of one line that has all of the
// words.
func (w *world) fails(t *testing.T, code int, words []string, args ...string) {
	t.Helper()
	o := w.run(t, args...)
	if o.code != code || strings.Count(o.messages, "\n") != 1 {
		t.Errorf("millweir %s: exit code %d, want %d: %s", strings.Join(args, " "), o.code, code, o.messages)
	}
	for _, word := range words {
		if !strings.Contains(o.messages, word) {
			t.Errorf("millweir %s: %q is missing: %s", strings.Join(args, " "), word, o.messages)
		}
	}
}

// add adds documents with the _ids from 0 on.
func (w *world) add(t *testing.T, db, coll string, n int) {
	t.Helper()
	for i := range n {
		doc, err := bson.Marshal(bson.D{{Key: "_id", Value: i}, {Key: "name", Value: strings.Repeat("x", 100)}})
		if err != nil {
			t.Fatal(err)
		}
		w.srv.Add(db, coll, doc)
	}
}

// repository makes keys and a repository.
func (w *world) repository(t *testing.T) {
	t.Helper()
	w.must(t, "keys", "generate", "--identity", "me.txt", "--signing-key", "sign.key")
	w.must(t, "init", "./repo", "--identity", "me.txt", "--signing-key", "sign.key")
}

// A new user's first commands work, as the help shows them.
func TestFirstSteps(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 50)
	w.add(t, "shop", "cookies", 3)
	w.repository(t)
	made := w.must(t, "backup", "./repo", "--signing-key", "sign.key", "--label", "first")
	if !strings.Contains(made.messages, "began the backup 2") || !strings.Contains(made.messages, "53 documents") ||
		!strings.Contains(made.messages, "2 collections") {
		t.Error(made.messages)
	}
	if o := w.must(t, "list", "./repo"); strings.Count(o.out, "\n") != 2 || !strings.Contains(o.out, "first") {
		t.Error(o.out)
	}
	if o := w.must(t, "show", "./repo"); !strings.Contains(o.out, "shop.cookies") {
		t.Error(o.out)
	}
	present := w.must(t, "verify", "./repo", "--depth", "present", "--identity", "me.txt", "--signing-key", "sign.key")
	if !strings.Contains(present.messages, "content was not read") || strings.Contains(present.messages, "whole") {
		t.Error(present.messages)
	}
	w.must(t, "verify", "./repo", "--identity", "me.txt", "--signing-key", "sign.key")
	o := w.must(t, "documents", "./repo", "latest", "shop.orders", "--identity", "me.txt", "--from", "10", "--limit",
		"2",
		"--relaxed")
	if lines := strings.Split(o.out, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], `{"_id":11,`) {
		t.Errorf("%q", o.out)
	}
	for bounds, n := range map[string]int{"--from null": 50, "--to null": 0, "--from 49": 1} {
		args := append([]string{"documents", "./repo", "latest", "shop.orders", "--identity", "me.txt"},
			strings.Fields(bounds)...)
		if o := w.must(t, args...); strings.Count(o.out, "\n") != n {
			t.Errorf("%s: %d documents, want %d", bounds, strings.Count(o.out, "\n"), n)
		}
	}
	w.fails(t, 2, []string{"--to", "Extended JSON"}, "documents", "./repo", "latest", "shop.orders", "--to", "x")
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // names have the second: this is newer
	second := w.must(t, "backup", "./repo", "--signing-key", "sign.key", "--json")
	var report struct {
		Run    string
		Counts struct{ Stored, Reused int64 }
	}
	if err := json.Unmarshal([]byte(second.out), &report); err != nil || report.Counts.Stored != 0 ||
		report.Counts.Reused == 0 {
		t.Errorf("the second backup: %s, %v", second.out, err)
	}
	rule := []string{"prune", "./repo", "--keep-last", "1", "--signing-key", "sign.key"}
	w.fails(t, 1, []string{"nothing proves", "millweir verify ./repo"}, rule...)
	w.must(t, "verify", "./repo", "--identity", "me.txt", "--signing-key", "sign.key")
	if o := w.must(t, append(rule, "--dry-run")...); strings.Count(o.out, "would go") != 1 {
		t.Error(o.out)
	}
	if o := w.must(t, append(rule, "--dry-run", "--keep-last", "9", "--json")...); !strings.HasPrefix(o.out,
		`{"kind":"prune","dryRun":true,"kept":[{`) || !strings.Contains(o.out, `"deleted":[]`) {
		t.Error(o.out)
	}
	if o := w.must(t, "sweep", "./repo", "--trust", "sign.key.pub", "--dry-run", "--json"); o.out !=
		`{"kind":"sweep","dryRun":true,"objects":0,"bytes":0,"unfinished":0}`+"\n" {
		t.Error(o.out)
	}
	w.must(t, rule...)
	if o := w.must(t, "list", "./repo", "--json"); strings.Count(o.out, "\n") != 1 ||
		!strings.Contains(o.out, report.Run) {
		t.Error(o.out)
	}
	w.must(t, "sweep", "./repo", "--trust", "sign.key.pub")
	if o := w.must(t, "doctor", "./repo", "--identity", "me.txt"); strings.Contains(o.out, "FAILED") {
		t.Error(o.out)
	}
	if o := w.must(t, "doctor", "./repo", "--json"); !strings.Contains(o.out,
		`{"check":"identity","ok":false,"skipped":true,`) {
		t.Error(o.out)
	}
}

// Damage has its own exit code, and every place is named.
func TestDamage(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 50)
	w.repository(t)
	w.must(t, "backup", "./repo", "--signing-key", "sign.key")
	objects, err := filepath.Glob(filepath.Join(w.dir, "repo/data/*/*"))
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	body, err := os.ReadFile(objects[0])
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 1
	if err := errors.Join(os.Chmod(objects[0], 0o600), os.WriteFile(objects[0], body, 0o600)); err != nil {
		t.Fatal(err)
	}
	o := w.run(t, "verify", "./repo", "--identity", "me.txt", "--signing-key", "sign.key")
	if o.code != exitDamaged || !strings.Contains(o.out, "shop.orders") ||
		!strings.Contains(o.messages, "is damaged in 1") {
		t.Errorf("exit code %d, %s, %s", o.code, o.out, o.messages)
	}
	w.fails(t, 1, nil, "documents", "./repo", "latest", "shop.orders", "--identity", "me.txt")
}

// The recovery kit has secrets only if that is asked for.
func TestExport(t *testing.T) {
	w := newWorld(t)
	w.repository(t)
	args := []string{"keys", "export", "./repo", "--identity", "me.txt", "--signing-key", "sign.key"}
	if o := w.must(t, args...); !strings.Contains(o.out, "BEGIN AGE") || strings.Contains(o.out, "AGE-SECRET-KEY") {
		t.Error(o.out)
	}
	if o := w.must(t, append(args, "--with-secrets")...); !strings.Contains(o.out, "AGE-SECRET-KEY") {
		t.Error(o.out)
	}
	w.fails(t, 2, []string{"--with-secrets"}, "keys", "export", "./repo", "--trust", "sign.key.pub", "--with-secrets")
}

// Every command explains itself, and is in the manual.
func TestHelp(t *testing.T) {
	w := newWorld(t)
	manual := t.TempDir()
	w.must(t, "man", manual)
	a := &app{program: cli.NewProgram("millweir", os.Stderr), out: &bytes.Buffer{}}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if slices.Contains([]string{"help", "completion", "man"}, c.Name()) {
			return
		}
		page := filepath.Join(manual, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		if _, err := os.Stat(page); err != nil {
			t.Error(err)
		}
		if !c.HasSubCommands() && (c.Example == "" || c.Long == "") {
			t.Errorf("%s has no example or no description", c.CommandPath())
		}
		for _, line := range strings.Split(c.Long, "\n") {
			if len(line) > 125 {
				t.Errorf("%s: a line of the help is too long: %s", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(a.root())
	for _, args := range [][]string{{"--version"}, {"help", "backup"}, {"backup", "-h"}, {}, {"completion", "bash"}} {
		if o := w.must(t, args...); o.out == "" {
			t.Errorf("%q prints nothing", args)
		}
	}
}
