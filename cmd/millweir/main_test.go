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
	if !strings.Contains(made.messages, "began the backup 2") || !strings.Contains(made.messages, "53 documents") || !strings.Contains(made.messages, "2 collections") {
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
	o := w.must(t, "documents", "./repo", "latest", "shop.orders", "--identity", "me.txt", "--from", "10", "--limit", "2",
		"--relaxed")
	if lines := strings.Split(o.out, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], `{"_id":11,`) {
		t.Errorf("%q", o.out)
	}
	for bounds, n := range map[string]int{"--from null": 50, "--to null": 0, "--from 49": 1} {
		args := append([]string{"documents", "./repo", "latest", "shop.orders", "--identity", "me.txt"}, strings.Fields(bounds)...)
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
	if err := json.Unmarshal([]byte(second.out), &report); err != nil || report.Counts.Stored != 0 || report.Counts.Reused == 0 {
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
	if o := w.must(t, "list", "./repo", "--json"); strings.Count(o.out, "\n") != 1 || !strings.Contains(o.out, report.Run) {
		t.Error(o.out)
	}
	w.must(t, "sweep", "./repo", "--trust", "sign.key.pub")
	if o := w.must(t, "doctor", "./repo", "--identity", "me.txt"); strings.Contains(o.out, "FAILED") {
		t.Error(o.out)
	}
	if o := w.must(t, "doctor", "./repo", "--json"); !strings.Contains(o.out, `{"check":"identity","ok":false,"skipped":true,`) {
		t.Error(o.out)
	}
}

// A restore makes what was backed up, in part and under other names; a copy can be restored too.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 50)
	w.add(t, "shop", "cookies", 3)
	w.repository(t)
	keys := []string{"--identity", "me.txt", "--signing-key", "sign.key"}
	w.must(t, "backup", "./repo", "--signing-key", "sign.key")
	w.must(t, append([]string{"verify", "./repo", "--depth", "drill"}, keys...)...)
	w.must(t, append([]string{"copy", "./repo", "--to", "./second"}, keys...)...)
	restore := func(more ...string) []string { return append(append([]string{"restore"}, keys...), more...) }
	w.must(t, restore("./second", "--rename", "shop=again")...)
	for coll, n := range map[string]int{"orders": 50, "cookies": 3} {
		if got := w.srv.Documents("again", coll); len(got) != n {
			t.Errorf("%s: %d documents", coll, len(got))
		}
	}
	w.add(t, "again", "orders", 1) // an _id twice: no longer the documents of the backup
	w.fails(t, 1, []string{"again.orders", "--replace"}, restore("./repo", "--rename", "shop=again")...)
	o := w.must(t, restore("./repo", "latest", "--rename", "shop=again", "--replace", "--include", "shop.orders",
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
		args := restore(append(unused, "./repo", "--replace")...)
		w.fails(t, 1, []string{"nothing matches"}, args...)
		if o := w.run(t, args...); strings.Contains(o.messages, "run this again") {
			t.Error(o.messages)
		}
	}
	w.fails(t, 2, []string{"--rename"}, restore("./repo", "--rename", "shop")...)
	w.fails(t, 2, []string{"contradicts"}, restore("./repo", "--replace", "--merge")...)
}

// A diff shows the documents that differ.
func TestDiff(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 50)
	w.repository(t)
	run := func() string {
		t.Helper()
		var made struct{ Run string }
		o := w.must(t, "backup", "./repo", "--signing-key", "sign.key", "--json")
		if err := json.Unmarshal([]byte(o.out), &made); err != nil {
			t.Fatal(err)
		}
		return made.Run
	}
	first := run()
	w.add(t, "shop", "cookies", 1)
	second := run()
	o := w.must(t, "diff", "./repo", first, second, "--identity", "me.txt")
	if !strings.Contains(o.out, "shop.cookies") || strings.Contains(o.out, "shop.orders") {
		t.Error(o.out)
	}
	w.env = append(w.env, "MILLWEIR_REPO=./repo")
	if same := w.must(t, "diff", first, first, "--identity", "me.txt"); same.out != "" {
		t.Error(same.out)
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
	if o.code != exitDamaged || !strings.Contains(o.out, "shop.orders") || !strings.Contains(o.messages, "is damaged in 1") {
		t.Errorf("exit code %d, %s, %s", o.code, o.out, o.messages)
	}
	w.fails(t, 1, nil, "documents", "./repo", "latest", "shop.orders", "--identity", "me.txt")
}

// Bad input has one line that says what to do, and changes nothing.
func TestBadInput(t *testing.T) {
	w := newWorld(t)
	w.repository(t)
	if err := os.WriteFile(filepath.Join(w.dir, "p.pub"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(w.dir, "damaged")
	if err := errors.Join(os.Mkdir(damaged, 0o700), os.WriteFile(damaged+"/repo.json", []byte("{"), 0o600)); err != nil {
		t.Fatal(err)
	}
	const secret = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
	for _, test := range []struct {
		code  int
		words []string
		args  []string
	}{
		{2, []string{"unknown command"}, []string{"bakup"}},
		{2, []string{"no repository given"}, []string{"list"}},
		{2, []string{"too many"}, []string{"list", "a", "b"}},
		{2, []string{"unknown flag"}, []string{"list", "./repo", "--colour"}},
		{1, []string{"has no repository", "millweir init", "mount it"}, []string{"list", "./nothing"}},
		{1, []string{"has no repository", "millweir init"}, []string{"list", "."}},
		{1, []string{"repository at ./damaged is damaged"}, []string{"list", "./damaged"}},
		{2, []string{"(millweir prune -h lists the flags)"}, []string{"prune", "./repo"}},
		{2, []string{"s3://BUCKET/PREFIX"}, []string{"list", "gs://x/y"}},
		{2, []string{"nobody could read", "--recipient"}, []string{"init", "./new", "--signing-key", "sign.key"}},
		{2, []string{"--unsigned"}, []string{"init", "./new", "--identity", "me.txt"}},
		{1, []string{"not empty"}, []string{"init", "./repo", "--identity", "me.txt", "--signing-key", "sign.key"}},
		{2, []string{"nothing to make"}, []string{"keys", "generate"}},
		{2, []string{"exists already"}, []string{"keys", "generate", "--identity", "me.txt"}},
		{2, []string{"exists already"}, []string{"keys", "generate", "--identity", "new", "--signing-key", "sign.key"}},
		{2, []string{"p.pub exists already"}, []string{"keys", "generate", "--identity", "new", "--signing-key", "p"}},
		{2, []string{"the same file"}, []string{"keys", "generate", "--identity", "new", "--signing-key", "new"}},
		{2, []string{"name of a file"}, []string{"verify", "./repo", "--identity", secret}},
		{1, []string{"--signing-key"}, []string{"backup", "./repo"}},
		{1, []string{"nothing to back up", "--include"}, []string{"backup", "./repo", "--signing-key", "sign.key"}},
		{2, []string{"--consistency"}, []string{"backup", "./repo", "--signing-key", "sign.key", "--consistency", "good"}},
		{2, []string{"NAMESPACE=FILTER"}, []string{"backup", "./repo", "--signing-key", "sign.key", "--filter", "shop={"}},
		{1, []string{"no such backup"}, []string{"show", "./repo"}},
		{2, []string{"no rule"}, []string{"prune", "./repo", "--signing-key", "sign.key"}},
		{2, []string{"--yes"}, []string{"keys", "shred", "./repo", "--signing-key", "sign.key"}},
		{2, []string{"--config", "no such file"}, []string{"list", "./repo", "--config", "nothing.yaml"}},
	} {
		w.fails(t, test.code, test.words, test.args...)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "new")); err == nil {
		t.Error("a directory was made")
	}
}

// Flags come from the command line, the environment and the file, in this order.
func TestSettings(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 1)
	w.repository(t)
	config := "repo: ./repo\nsigning-key: sign.key\nlabel: of the file\ninclude: [shop, 'x*']\nallow-missing: true\nparallel: 2\n"
	if err := os.WriteFile(filepath.Join(w.dir, "c.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	label := func(args ...string) string {
		t.Helper()
		var made struct{ Run string }
		o := w.must(t, append([]string{"backup", "--config", "c.yaml", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(o.out), &made); err != nil {
			t.Fatal(err)
		}
		return w.must(t, "show", "./repo", made.Run).out
	}
	if got := label(); !strings.Contains(got, "of the file") {
		t.Error(got)
	}
	w.env = append(w.env, "MILLWEIR_LABEL=of the environment")
	if got := label(); !strings.Contains(got, "of the environment") {
		t.Error(got)
	}
	if got := label("--label", "of the flag"); !strings.Contains(got, "of the flag") {
		t.Error(got)
	}
	w.fails(t, 2, []string{"--resume", "--label"}, "backup", "--config", "c.yaml", "--resume", "x", "--label", "new")
	w.fails(t, 1, []string{"no such run"}, "backup", "--config", "c.yaml", "--resume", "x", "--parallel", "2")
	for name, text := range map[string]string{
		"labl": "labl: x\n", "1 MiB": strings.Repeat("#\n", 1<<19) + "label: x\n",
	} {
		if err := os.WriteFile(filepath.Join(w.dir, "bad.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.fails(t, 2, []string{"bad.yaml", name}, "list", "./repo", "--config", "bad.yaml")
	}
	good := w.env
	w.env = append(good[:len(good):len(good)], "MILLWEIR_SERVICE_HOST=10.0.0.1", "MILLWEIR_PORT=tcp://10.0.0.1:80",
		"MILLWEIR_PORT_80_TCP=tcp://10.0.0.1:80") // as Kubernetes sets them
	w.must(t, "list", "./repo")
	w.env = append(good[:len(good):len(good)], "MILLWEIR_LABLE=x")
	w.fails(t, 2, []string{"MILLWEIR_LABLE"}, "list", "./repo")
	w.env = append(good[:len(good):len(good)], "MILLWEIR_PARALLEL=many", "MILLWEIR_SIGNING_PASSWORD=unused")
	w.fails(t, 2, []string{"MILLWEIR_PARALLEL"}, "backup", "--config", "c.yaml")
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
